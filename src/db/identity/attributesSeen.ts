/** Which attributes an identity provider sends, known and unknown ones. Names only, never values. */

import type { Kind } from '../../model/subject.ts';
import type { Db } from '../open.ts';

export interface AttributeSeen {
  readonly kind: Kind;
  readonly name: string;
  /** ISO times */
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
}

/**
 * How many names are kept for one connection and kind, so that a client that invents names cannot fill the database.
 */
const NAMES_MAX = 1000;

/** `names`: 512 characters each at most, because of the column. Known names only get a later `lastSeenAt`. */
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
  const known = await db('attributes_seen').where(owner).whereIn('name', seen.names).select('name');
  const knownNames = new Set(known.map((row: { name: string }) => row.name));
  if (knownNames.size > 0) {
    await db('attributes_seen')
      .where(owner)
      .whereIn('name', [...knownNames])
      .update({ last_seen_at: seen.at });
  }
  const fresh = [...new Set(seen.names)].filter((name) => !knownNames.has(name));
  if (fresh.length === 0) return;
  const count = await db('attributes_seen').where(owner).count({ n: '*' }).first();
  const kept = fresh.slice(0, Math.max(0, NAMES_MAX - Number(count?.n ?? 0)));
  if (kept.length === 0) return;
  await db('attributes_seen')
    .insert(kept.map((name) => ({ ...owner, name, first_seen_at: seen.at, last_seen_at: seen.at })))
    .onConflict(['connection_id', 'kind', 'name'])
    .merge(['last_seen_at']);
}

/** In the order of kind and name. */
export async function listAttributesSeen(db: Db, connectionId: string): Promise<readonly AttributeSeen[]> {
  const rows = await db('attributes_seen').where({ connection_id: connectionId }).orderBy(['kind', 'name']);
  return rows.map((row) => ({
    kind: row.kind,
    name: row.name,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  }));
}
