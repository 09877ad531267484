/** How much work waits, in numbers without names; read for every scrape of `/metrics`. */

import type { Db } from '../open.ts';

export interface Backlog {
  readonly tasks: readonly { readonly state: string; readonly count: number }[];
  readonly held: readonly { readonly storeId: string; readonly count: number }[];
  readonly brakeTripped: readonly { readonly storeId: string }[];
  readonly paused: readonly { readonly storeId: string }[];
  readonly incidentsOpen: number;
  /** `since`: the ISO time since when the store's oldest leaver has waited. */
  readonly leavers: readonly { readonly storeId: string; readonly count: number; readonly since: string }[];
  /** People and groups that somebody changed by hand, according to the last scans. */
  readonly drift: readonly { readonly storeId: string; readonly count: number }[];
  /** When each pulled directory was last read; an ISO time. */
  readonly pulls: readonly { readonly connectionId: string; readonly since: string }[];
}

interface Row {
  readonly label: string;
  readonly n: number | string;
}

export async function readBacklog(db: Db): Promise<Backlog> {
  const tasks: Row[] = await db('tasks').select({ label: 'state' }).count({ n: '*' }).groupBy('state');
  const held: Row[] = await db('losses')
    .where({ state: 'held' })
    .select({ label: 'store_id' })
    .count({ n: '*' })
    .groupBy('store_id');
  const tripped: { id: string }[] = await db('stores')
    .whereNotNull('brake_tripped_at')
    .whereNull('deleted_at')
    .select('id');
  const paused: { id: string }[] = await db('stores')
    .whereNotNull('paused')
    .whereNull('deleted_at')
    .select('id');
  const incidents = await db('incidents').where({ state: 'OPEN' }).count({ n: '*' }).first();
  const leavers: (Row & { readonly since: string })[] = await db('leavers')
    .select({ label: 'store_id' })
    .count({ n: '*' })
    .min({ since: 'since' })
    .groupBy('store_id');
  const drift: Row[] = await db('links')
    .whereNotNull('drift_since')
    .select({ label: 'store_id' })
    .count({ n: '*' })
    .groupBy('store_id');
  const pulls: { connectionId: string; since: string }[] = await db('pulled_connections')
    .where({ status: 'ACTIVE' })
    .whereNotNull('last_success_at')
    .select({ connectionId: 'connection_id', since: 'last_success_at' });
  return {
    pulls,
    tasks: tasks.map((row) => ({ state: row.label, count: Number(row.n) })),
    held: held.map((row) => ({ storeId: row.label, count: Number(row.n) })),
    brakeTripped: tripped.map(({ id }) => ({ storeId: id })),
    paused: paused.map(({ id }) => ({ storeId: id })),
    incidentsOpen: Number(incidents?.n ?? 0),
    leavers: leavers.map(({ label, n, since }) => ({ storeId: label, count: Number(n), since })),
    drift: drift.map((row) => ({ storeId: row.label, count: Number(row.n) })),
  };
}
