/**
 * Reads a list that no index serves, one range of its stable order (created_at, id) after the other, so that other
 * requests get the database in between. Each range is read at its own moment: a long read would keep SQLite from
 * clearing its log. It holds at most one page, and the keys of one range.
 */

import type { Knex } from 'knex';
import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import type { After } from '../paging.ts';

/** Decides when the next range may be read, and how long it is. */
export interface Pace {
  /**
   * Calls `read` with the database to read from and how many rows it may look at. Throws ReadTooLong where the time
   * is over.
   */
  range<T>(read: (db: Db, rows: number) => Promise<T>): Promise<T>;
}

/** A list of one table. */
export interface RangedList {
  readonly table: 'users' | 'groups';
  readonly pace: Pace;
  /** The list without its filter, which an index serves. */
  all(db: Db): Knex.QueryBuilder;
  matching(db: Db): Knex.QueryBuilder;
}

export interface Window {
  /** null: from the beginning. */
  readonly after: After | null;
  /** How many to skip after that. */
  readonly skip: number;
  readonly limit: number;
}

export interface Collected {
  readonly rows: readonly Record<string, unknown>[];
  /** How many rows the list has after `after`; reads on to its end. */
  count(): Promise<number>;
}

export async function collect(db: Db, list: RangedList, { after, skip, limit }: Window): Promise<Collected> {
  const ids: string[] = [];
  let passed = 0;
  let reached: After | null | 'end' = limit === 0 ? after : 'end';
  if (limit > 0) {
    await throughRanges(list, after, async (db, inRange) => {
      const wanted = skip + limit - passed;
      const keys = await inStableOrder(inRange(list.matching(db)), list.table).limit(wanted);
      for (const { id } of keys.slice(Math.max(0, skip - passed))) ids.push(id);
      passed += keys.length;
      const last = keys.at(-1);
      if (keys.length < wanted || !last) return true;
      reached = { createdAt: last.created_at, id: last.id };
      return false;
    });
  }
  const rest = reached;
  const count = async () => passed + (rest === 'end' ? 0 : await countInRanges(list, rest));
  return { rows: await byIds(db, list.table, ids), count };
}

/** How many rows match after `after`; stops counting beyond `max`. */
export async function countInRanges(
  list: RangedList,
  after: After | null,
  max = Number.POSITIVE_INFINITY,
): Promise<number> {
  let counted = 0;
  await throughRanges(list, after, async (db, inRange) => {
    const row = await inRange(list.matching(db)).count({ n: '*' }).first();
    counted += Number(row?.n ?? 0);
    return counted <= max;
  });
  return counted;
}

type InRange = (query: Knex.QueryBuilder) => Knex.QueryBuilder;

/** Reads on until the list ends, or `read` answers that it wants no more. */
async function throughRanges(
  list: RangedList,
  after: After | null,
  read: (db: Db, inRange: InRange) => Promise<boolean>,
): Promise<void> {
  const { table, pace } = list;
  const key = `(${table}.created_at, ${table}.id)`;
  const behind = (from: After | null): InRange => {
    return (query) => (from ? query.whereRaw(`${key} > (?, ?)`, [from.createdAt, from.id]) : query);
  };
  let from = after;
  for (let goesOn = true; goesOn; ) {
    goesOn = await pace.range(async (db, rows) => {
      const [end] = await inStableOrder(behind(from)(list.all(db)), table)
        .offset(rows - 1)
        .limit(1);
      const to = end && { createdAt: end.created_at, id: end.id };
      const inRange: InRange = (query) =>
        to ? behind(from)(query).whereRaw(`${key} <= (?, ?)`, [to.createdAt, to.id]) : behind(from)(query);
      const wantsMore = await read(db, inRange);
      from = to ?? from;
      return wantsMore && to !== undefined;
    });
  }
}

type Key = { readonly id: string; readonly created_at: string };

function inStableOrder(query: Knex.QueryBuilder, table: string): Knex.QueryBuilder<Key, Key[]> {
  return query
    .select(`${table}.id`, `${table}.created_at`)
    .orderBy(`${table}.created_at`)
    .orderBy(`${table}.id`);
}

async function byIds(
  db: Db,
  table: RangedList['table'],
  ids: readonly string[],
): Promise<readonly Record<string, unknown>[]> {
  const found = new Map<string, Record<string, unknown>>();
  for (const some of chunks(ids))
    for (const row of await db(table).whereIn('id', some)) found.set(row.id, row);
  return ids.map((id) => found.get(id)).filter((row) => row !== undefined);
}
