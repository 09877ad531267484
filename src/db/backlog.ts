/** How much work waits, as figures without anybody's name; read for every scrape of `/metrics`. */

import type { Db } from './open.ts';
import { PRIORITY } from './tasks.ts';

export interface Backlog {
  readonly tasks: readonly { readonly state: string; readonly count: number }[];
  readonly held: readonly { readonly storeId: string; readonly count: number }[];
  readonly leaversPending: number;
}

interface Row {
  readonly label: string;
  readonly n: number | string;
}

export async function readBacklog(db: Db): Promise<Backlog> {
  const tasks: Row[] = await db('tasks').select({ label: 'state' }).count({ n: '*' }).groupBy('state');
  const held: Row[] = await db('held')
    .where({ state: 'held' })
    .select({ label: 'store_id' })
    .count({ n: '*' })
    .groupBy('store_id');
  const leavers = await db('tasks')
    .where({ kind: 'user', priority: PRIORITY.leaver })
    .whereIn('state', ['pending', 'parked'])
    .count({ n: '*' })
    .first();
  return {
    tasks: tasks.map((row) => ({ state: row.label, count: Number(row.n) })),
    held: held.map((row) => ({ storeId: row.label, count: Number(row.n) })),
    leaversPending: Number(leavers?.n ?? 0),
  };
}
