/** Lists and counts of what waits for a decision: by page, by person and by change. Reads only. */

import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import { LOSS_RANK, type LossRecord, toLoss } from './losses.ts';

export interface HeldPosition {
  readonly rank: number;
  readonly since: string;
  readonly id: string;
}

/** The open rows of a store: people who left first, then the oldest. `after`: the last row of the page before. */
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

/** Where to look: a store, an environment or an incident. */
export type HeldIn =
  | { readonly store_id: string }
  | { readonly environment_id: string }
  | { readonly incident_id: string };

/** Rows by one of their columns, or all rows. */
export type HeldFilter =
  | { readonly column: 'id' | 'person_key' | 'cause' | 'change_key'; readonly values: readonly string[] }
  | 'all';

const ROWS_PER_PAGE = 500;

/** The open rows: people who left first, then the oldest. */
export async function openHeld(db: Db, where: HeldIn, filter: HeldFilter): Promise<readonly LossRecord[]> {
  const open = () => db('losses').where({ ...where, state: 'held' });
  const found: LossRecord[] = [];
  if (filter === 'all') {
    for (;;) {
      const query = open().orderBy(['rank', 'since', 'id']).limit(ROWS_PER_PAGE);
      const last = found.at(-1);
      if (last) query.whereRaw('(rank, since, id) > (?, ?, ?)', [last.rank, last.since, last.id]);
      const page = await query;
      found.push(...page.map(toLoss));
      if (page.length < ROWS_PER_PAGE) return found;
    }
  }
  const values = [...new Set(filter.values)];
  for (const some of chunks(values))
    found.push(...(await open().whereIn(filter.column, some).orderBy(['rank', 'since', 'id'])).map(toLoss));
  return found;
}

/** The stores on which something is held. */
export async function storesHolding(db: Db, where: HeldIn): Promise<readonly string[]> {
  const rows = await db('losses')
    .where({ ...where, state: 'held' })
    .distinct('store_id');
  return rows.map((row: { store_id: string }) => row.store_id);
}

/** Where somebody stands in a list of people who lose something. */
export interface LoserPosition {
  readonly rank: number;
  readonly since: string;
  readonly personKey: string;
}

/** People with held losses, or people in an incident: those who left first. */
export async function listLosers(
  db: Db,
  where: Readonly<Record<string, string>>,
  page: { readonly after: LoserPosition | null; readonly limit: number },
): Promise<readonly LoserPosition[]> {
  const query = db('losses')
    .where(where)
    .groupBy('person_key')
    .select('person_key')
    .min({ first_rank: 'rank', first_since: 'since' })
    .orderByRaw('min(rank), min(since), person_key')
    .limit(page.limit);
  if (page.after) {
    const { rank, since, personKey } = page.after;
    query.havingRaw('(min(rank), min(since), person_key) > (?, ?, ?)', [rank, since, personKey]);
  }
  return (await query).map((row: Record<string, unknown>) => ({
    rank: Number(row.first_rank),
    since: row.first_since as string,
    personKey: row.person_key as string,
  }));
}

/** The rows of these people, the oldest first. */
export async function lossesOf(
  db: Db,
  where: Readonly<Record<string, string>>,
  personKeys: readonly string[],
): Promise<readonly LossRecord[]> {
  const rows = await db('losses').where(where).whereIn('person_key', personKeys).orderBy(['since', 'id']);
  return rows.map(toLoss);
}

export async function countLosers(db: Db, where: Readonly<Record<string, string>>): Promise<number> {
  const row = await db('losses').where(where).countDistinct({ n: 'person_key' }).first();
  return Number(row?.n ?? 0);
}

/** Everything of one person that is held, on every store, memberships included. */
export async function heldOfPerson(db: Db, personKey: string): Promise<readonly LossRecord[]> {
  const rows = await db('losses')
    .where({ person_key: personKey, state: 'held' })
    .orderBy(['rank', 'since', 'id']);
  return rows.map(toLoss);
}

/** The number of open rows. */
export async function countOpenHeld(db: Db, storeId: string): Promise<number> {
  const row = await db('losses').where({ store_id: storeId, state: 'held' }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** How many people would lose something by the open rows. */
export function countHeldPeople(db: Db, storeId: string): Promise<number> {
  return countLosers(db, { store_id: storeId, state: 'held' });
}

/** Whether a loss on the store waits for a decision. */
export async function holdsLoss(db: Db, storeId: string): Promise<boolean> {
  const losses = db('losses').where({ store_id: storeId, state: 'held' }).where('rank', '<', LOSS_RANK.none);
  return (await losses.first('id')) !== undefined;
}
