/** What waits for a decision: lists of it, by page, by id and by change, and how much it is. Reads only. */

import type { Db } from '../open.ts';
import { LOSS_RANK, type LossRecord, toLoss } from './losses.ts';

const IDS_PER_QUERY_MAX = 500;

export interface HeldPosition {
  readonly rank: number;
  readonly since: string;
  readonly id: string;
}

/** Open rows of a store: people who left first, then the oldest. `after` is the last row of the page before. */
export async function listOpenHeld(
  db: Db,
  storeId: string,
  page: { readonly after: HeldPosition | null; readonly limit: number },
): Promise<readonly LossRecord[]> {
  const query = db('losses')
    .where({ store_id: storeId, state: 'held' })
    .orderBy(['rank', 'since', 'id'])
    .limit(page.limit);
  if (page.after) {
    const { rank, since, id } = page.after;
    query.whereRaw('(rank, since, id) > (?, ?, ?)', [rank, since, id]);
  }
  return (await query).map(toLoss);
}

/** The open rows among these ids. */
export function openHeldByIds(
  db: Db,
  storeId: string,
  ids: readonly string[],
): Promise<readonly LossRecord[]> {
  return openAmong(db, storeId, 'id', ids);
}

/** The open rows of these changes. */
export function openHeldByKeys(
  db: Db,
  storeId: string,
  changeKeys: readonly string[],
): Promise<readonly LossRecord[]> {
  return openAmong(db, storeId, 'change_key', changeKeys);
}

async function openAmong(
  db: Db,
  storeId: string,
  column: 'id' | 'change_key',
  values: readonly string[],
): Promise<readonly LossRecord[]> {
  const found: LossRecord[] = [];
  for (let from = 0; from < values.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('losses')
      .where({ store_id: storeId, state: 'held' })
      .whereIn(column, values.slice(from, from + IDS_PER_QUERY_MAX));
    found.push(...rows.map(toLoss));
  }
  return found;
}

/** Open rows, for lists of them. */
export async function countOpenHeld(db: Db, storeId: string): Promise<number> {
  const row = await db('losses').where({ store_id: storeId, state: 'held' }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** People who would lose something by the open rows. */
export async function countHeldPeople(db: Db, storeId: string): Promise<number> {
  const row = await db('losses')
    .where({ store_id: storeId, state: 'held' })
    .countDistinct({ n: 'person_key' })
    .first();
  return Number(row?.n ?? 0);
}

/** True while a loss of the store waits for a decision. */
export async function holdsLoss(db: Db, storeId: string): Promise<boolean> {
  const losses = db('losses').where({ store_id: storeId, state: 'held' }).where('rank', '<', LOSS_RANK.none);
  return (await losses.first('id')) !== undefined;
}
