/** What the bridge warns admins of once: tokens that end soon, and connections that have fallen silent. */

import { isoTime } from '../../support/clock.ts';
import type { Db } from '../open.ts';

export interface EndingToken {
  readonly kind: 'admin' | 'scim';
  readonly id: string;
  readonly name: string | null;
  /** null: an admin token of every environment. */
  readonly environmentId: string | null;
  readonly connection: { readonly id: string; readonly name: string } | null;
  readonly validUntil: string;
}

const TOKENS_PER_TURN = 100;

/** Tokens that end after `now` and not after `until`, ISO times, and that no event has named yet. */
export async function endingTokens(db: Db, now: string, until: string): Promise<readonly EndingToken[]> {
  const untold = (table: string) =>
    db(table)
      .where(`${table}.valid_until`, '>', now)
      .where(`${table}.valid_until`, '<=', until)
      .where((q) =>
        q.whereNull(`${table}.end_said`).orWhere(`${table}.end_said`, '<>', db.ref(`${table}.valid_until`)),
      )
      .orderBy(`${table}.valid_until`)
      .limit(TOKENS_PER_TURN);
  const admin = await untold('admin_tokens').select('id', 'name', 'environment_id', 'valid_until');
  const scim = await untold('scim_tokens')
    .join('connections', 'connections.id', 'scim_tokens.connection_id')
    .select('scim_tokens.*', 'connections.name as connection_name');
  return [
    ...admin.map((row) => ({ ...toToken(row), kind: 'admin' as const, connection: null })),
    ...scim.map((row) => ({
      ...toToken(row),
      kind: 'scim' as const,
      connection: { id: row.connection_id, name: row.connection_name },
    })),
  ];
}

function toToken(row: Record<string, string | null>) {
  return {
    id: row.id as string,
    name: row.name as string | null,
    environmentId: row.environment_id as string | null,
    validUntil: row.valid_until as string,
  };
}

/** True for one caller only, who then writes the event. */
export async function takeEnding(tx: Db, { kind, id, validUntil }: EndingToken): Promise<boolean> {
  const taken = await tx(kind === 'admin' ? 'admin_tokens' : 'scim_tokens')
    .where({ id, valid_until: validUntil })
    .where((q) => q.whereNull('end_said').orWhere('end_said', '<>', validUntil))
    .update({ end_said: validUntil });
  return taken > 0;
}

export interface WatchedConnection {
  readonly id: string;
  readonly environmentId: string;
  readonly name: string;
  readonly silentAfterHours: number;
  /** When it last sent a request, was last pulled, or its settings were last saved; an ISO time. */
  readonly heardAt: string;
  /** The bridge pulls it, and nobody sends anything. */
  readonly isPulled: boolean;
  readonly saidAt: string | null;
}

/**
 * Connections with `silentAfterHours`. Of those that are pulled, only those that have been pulled before. The time of
 * a request is that of its token's last use.
 */
export async function watchedConnections(db: Db): Promise<readonly WatchedConnection[]> {
  const used = db('scim_tokens')
    .where('scim_tokens.connection_id', db.ref('connections.id'))
    .max('last_used_at');
  const rows = await db('connections')
    .leftJoin('pulled_connections as pulled', 'pulled.connection_id', 'connections.id')
    .whereNull('connections.deleted_at')
    .whereNull('connections.deletion')
    .whereNotNull('connections.silent_after_hours')
    .where((read) => {
      read.whereNull('pulled.connection_id').orWhere({ 'pulled.status': 'ACTIVE' });
    })
    .select(
      ...['connections.id', 'connections.environment_id', 'connections.name'],
      ...['connections.silent_after_hours', 'connections.silence_said_at', 'connections.updated_at'],
      ...['pulled.connection_id as pulled_id', 'pulled.last_success_at'],
      used.as('used_at'),
    );
  return rows.map((row) => ({
    id: row.id,
    environmentId: row.environment_id,
    name: row.name,
    silentAfterHours: Number(row.silent_after_hours),
    heardAt: [row.used_at, row.last_success_at, row.updated_at]
      .filter((at) => at !== null)
      .reduce((a, b) => (a > b ? a : b)),
    isPulled: row.pulled_id !== null,
    saidAt: row.silence_said_at,
  }));
}

/** True for one caller only, who then writes the event about the silence. */
export async function takeSilence(
  tx: Db,
  { id, saidAt }: WatchedConnection,
  nowMs: number,
): Promise<boolean> {
  const taken = await tx('connections')
    .where({ id, silence_said_at: saidAt })
    .update({ silence_said_at: isoTime(nowMs) });
  return taken > 0;
}
