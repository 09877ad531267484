/** How many users and groups each connection has brought, and how many attributes it sends. */

import type { Db } from '../open.ts';

export interface ConnectionCounts {
  readonly users: number;
  /** How many of the users are active. */
  readonly active: number;
  readonly groups: number;
  /** How many names of attributes, of users and groups together. */
  readonly attributes: number;
}

/** The counts of these connections, by id. */
export async function countsOfConnections(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ConnectionCounts>> {
  const users = await countedBy(db, ids, 'users', { present: true });
  const active = await countedBy(db, ids, 'users', { present: true, active: true });
  const groups = await countedBy(db, ids, 'groups', { present: true });
  const attributes = await countedBy(db, ids, 'attributes_seen', {});
  const of = (counts: ReadonlyMap<string, number>, id: string) => counts.get(id) ?? 0;
  return new Map(
    ids.map((id) => [
      id,
      {
        users: of(users, id),
        active: of(active, id),
        groups: of(groups, id),
        attributes: of(attributes, id),
      },
    ]),
  );
}

async function countedBy(
  db: Db,
  ids: readonly string[],
  table: 'users' | 'groups' | 'attributes_seen',
  only: { readonly present?: boolean; readonly active?: boolean },
): Promise<ReadonlyMap<string, number>> {
  const query = db(table).whereIn('connection_id', ids).groupBy('connection_id');
  if (only.present) query.whereNull('deleted_at');
  if (only.active) query.where({ active: true });
  const rows: { connection_id: string; n: number | string }[] = await query
    .select('connection_id')
    .count({ n: '*' });
  return new Map(rows.map(({ connection_id: id, n }) => [id, Number(n)]));
}
