/**
 * How far the deletion of a connection or an environment is. It goes in steps, each in a transaction of its own. The
 * rows that are left say what is still to be done, so any process can go on with it.
 */

import type { Cause } from '../../model/cause.ts';
import { fromBoolean, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface Deletion {
  /** The admin who asked, and the correlation id of everything that follows. */
  readonly cause: Cause;
  /** ISO time */
  readonly since: string;
  /** Accounts on the stores stay as they are, and the bridge only forgets them. */
  readonly keepAccounts: boolean;
  /** How many users and groups are deleted so far. */
  readonly users: number;
  readonly groups: number;
}

type Table = 'connections' | 'environments';

export async function startDeletion(
  tx: Db,
  table: Table,
  id: string,
  { keepAccounts, ...rest }: Pick<Deletion, 'cause' | 'since' | 'keepAccounts'>,
): Promise<void> {
  await tx(table)
    .where({ id })
    .update({
      deletion: toJson({ ...rest, users: 0, groups: 0 }),
      keep_accounts: keepAccounts,
      updated_at: rest.since,
    });
}

/** The admin changed their mind while accounts were being removed: those that still exist stay. */
export async function keepAccountsFromNowOn(tx: Db, table: Table, id: string): Promise<void> {
  await tx(table).where({ id }).update({ keep_accounts: true });
}

/** Saves how many users and groups are deleted so far, and that stores must plan anew because of that. */
export async function recordSoftDeleted(
  tx: Db,
  connectionId: string,
  { keepAccounts: _, ...deletion }: Deletion,
): Promise<void> {
  await tx('connections')
    .where({ id: connectionId })
    .update({ deletion: toJson(deletion), replanned_at: null });
}

/**
 * True for one caller only, who then makes the stores plan anew: nobody has done so since the last user or group was
 * deleted.
 */
export async function takeReplanning(tx: Db, connectionId: string, at: string): Promise<boolean> {
  const taken = await tx('connections')
    .where({ id: connectionId })
    .whereNull('replanned_at')
    .update({ replanned_at: at });
  return taken > 0;
}

/** Marks the row as deleted, which frees its name. False where it was marked before. */
export async function softDeleteRow(tx: Db, table: Table, id: string, at: string): Promise<boolean> {
  const deleted = await tx(table)
    .where({ id })
    .whereNull('deleted_at')
    .update({ deleted_at: at, updated_at: at });
  return deleted > 0;
}

/**
 * Connections whose deletion is not done, the oldest request first. One that is marked as deleted counts while it has
 * a live user or group, from a write that was under way. One of an environment that is being deleted does not count,
 * because that deletion includes it.
 */
export async function connectionsBeingDeleted(db: Db): Promise<readonly string[]> {
  const live = (table: string) =>
    db(table)
      .where(`${table}.connection_id`, db.ref('connections.id'))
      .whereNull(`${table}.deleted_at`)
      .select(db.raw('1'));
  const rows: { id: string }[] = await db('connections')
    .whereNotNull('deletion')
    .whereNotIn('environment_id', beingDeleted(db).select('id'))
    .where((left) => left.whereNull('deleted_at').orWhereExists(live('users')).orWhereExists(live('groups')))
    .orderBy(['updated_at', 'id'])
    .select('id');
  return rows.map((row) => row.id);
}

export async function environmentsBeingDeleted(db: Db): Promise<readonly string[]> {
  const rows: { id: string }[] = await beingDeleted(db).orderBy(['updated_at', 'id']).select('id');
  return rows.map((row) => row.id);
}

function beingDeleted(db: Db) {
  return db('environments').whereNotNull('deletion').whereNull('deleted_at');
}

/** Reads it from a row of `connections` or `environments`. */
export function toDeletion(row: Record<string, unknown>): Deletion | null {
  const started = fromJsonOrNull<Omit<Deletion, 'keepAccounts'>>(row.deletion);
  return started && { ...started, keepAccounts: fromBoolean(row.keep_accounts) };
}
