/** Which attributes an identity provider sends that the bridge does not know. Names only, never values. */

import type { Kind } from '../model/subject.ts';
import type { Db } from './open.ts';

export interface AttributeSeen {
  readonly kind: Kind;
  readonly name: string;
  /** ISO times */
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
}

/** Names kept for one connection and kind; a client that makes names up must not fill the database. */
const NAMES_MAX = 1000;

/** `names` must be short enough for the column: 512 characters. Known ones only move `lastSeenAt`. */
export async function recordAttributesSeen(
  db: Db,
  seen: {
    readonly connectionId: string;
    readonly kind: Kind;
    readonly names: readonly string[];
    readonly at: string;
  },
): Promise<void> {
  const owner = { connection_id: seen.connectionId, kind: seen.kind };
  for (const name of seen.names) {
    const known = await db('attributes_seen')
      .where({ ...owner, name })
      .update({ last_seen_at: seen.at });
    if (known > 0) continue;
    const count = await db('attributes_seen').where(owner).count({ n: '*' }).first();
    if (Number(count?.n ?? 0) >= NAMES_MAX) return;
    await db('attributes_seen')
      .insert({ ...owner, name, first_seen_at: seen.at, last_seen_at: seen.at })
      .onConflict(['connection_id', 'kind', 'name'])
      .merge(['last_seen_at']);
  }
}

/** By kind and name. */
export async function listAttributesSeen(db: Db, connectionId: string): Promise<readonly AttributeSeen[]> {
  const rows = await db('attributes_seen').where({ connection_id: connectionId }).orderBy(['kind', 'name']);
  return rows.map((row) => ({
    kind: row.kind,
    name: row.name,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  }));
}
