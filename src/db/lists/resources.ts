/**
 * Lists of users or of groups, which differ only in their table: filtered, ordered, counted, and one page at a time.
 */

import type { Knex } from 'knex';
import type { Db } from '../open.ts';
import { type After, COUNT_MAX, countUpTo } from '../paging.ts';
import type { ListMemory, Place } from './memory.ts';
import { collect, countInRanges, type Pace, type RangedList } from './ranges.ts';

/** A condition on the rows of one table, as the filter translator makes it. */
export interface SqlCondition {
  readonly sql: string;
  readonly bindings: readonly unknown[];
}

/** One page of a connection's resources, by position, as RFC 7644 §3.4.2.4 wants it. */
export interface PageByPosition {
  readonly connectionId: string;
  readonly filter: SqlCondition | null;
  /** `order by` expressions; the stable order (created_at, id) always follows. */
  readonly sort: SqlCondition | null;
  readonly offset: number;
  readonly limit: number;
  /** Instead of the offset, and without `sort`: the resource before the page. */
  readonly after?: After | null;
  /** Makes positions deep down cheap. */
  readonly memory?: ListMemory;
  /** For a scan: how fast it goes. */
  readonly pace?: Pace | null;
  /** A column beside those of the table. Rows lack it where a long list is read in several statements. */
  readonly beside?: Knex.Raw | null;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  /** How many match in total, on all pages. */
  readonly total: number;
}

type Row = Record<string, unknown>;
type Table = 'users' | 'groups';

export async function pageByPosition(
  db: Db,
  table: Table,
  page: PageByPosition,
): Promise<{ total: number; rows: readonly Row[] }> {
  const { pace } = page;
  if (pace && !page.sort) return pageInRanges(db, table, page, pace);
  // In any other order, the list must be read at once.
  const read = (from: Db) => pageOf(from, table, page);
  const rows = page.limit === 0 ? [] : await (pace ? pace.range(read) : read(db));
  // A page that ends the list tells its length, so the usual look-up costs one query instead of two.
  const isPlain = !page.after && !page.memory?.isDeep(page.offset);
  const endsList = rows.length < page.limit && (rows.length > 0 || page.offset === 0);
  if (isPlain && endsList) return { total: page.offset + rows.length, rows };
  return { total: await totalOf(db, table, page), rows };
}

async function pageOf(db: Db, table: Table, page: PageByPosition): Promise<readonly Row[]> {
  const { offset, limit, memory } = page;
  if (page.after) return inOrder(matchingAfter(db, table, page, page.after), table, page).limit(limit);
  if (page.sort || !memory?.isDeep(offset + limit)) {
    return inOrder(matching(db, table, page), table, page)
      .offset(offset)
      .limit(limit);
  }
  const list = nameOf(table, page);
  const rows = memory.isDeep(offset)
    ? await deepDown(db, table, page, memory.placeBefore(list, offset))
    : await inOrder(matching(db, table, page), table, page)
        .offset(offset)
        .limit(limit);
  const last = rows.at(-1);
  if (last) memory.keepPlace(list, { position: offset + rows.length, after: keyOf(last) });
  return rows;
}

async function pageInRanges(
  db: Db,
  table: Table,
  page: PageByPosition,
  pace: Pace,
): Promise<{ total: number; rows: readonly Row[] }> {
  const { connectionId, offset, limit, memory } = page;
  const name = nameOf(table, page);
  const list = ranged(table, page, pace);
  const place = page.after ? { position: offset, after: page.after } : memory?.placeBefore(name, offset);
  const skip = offset - (place?.position ?? 0);
  const { rows, count } = await collect(db, list, { after: place?.after ?? null, skip, limit });
  const last = rows.at(-1);
  if (last && !page.after) memory?.keepPlace(name, { position: offset + rows.length, after: keyOf(last) });
  const countAll = place ? () => countInRanges(list, null) : count;
  return { rows, total: await (memory?.total(name, connectionId, countAll) ?? countAll()) };
}

function ranged(table: Table, matched: Matched, pace: Pace): RangedList {
  const all = (db: Db) => matching(db, table, { ...matched, filter: null });
  return { table, pace, all, matching: (db) => matching(db, table, matched) };
}

/** Reads from the nearest known place, which may be the end. */
async function deepDown(
  db: Db,
  table: Table,
  page: PageByPosition,
  place: Place | null,
): Promise<readonly Row[]> {
  const { offset, limit } = page;
  const skipped = offset - (place?.position ?? 0);
  const start = () => (place ? matchingAfter(db, table, page, place.after) : matching(db, table, page));
  if (skipped === 0) return inOrder(start(), table, page).limit(limit);
  const behind = (await totalOf(db, table, page)) - offset;
  if (behind <= 0) return [];
  if (behind - limit >= skipped) return skippingTo(db, table, start(), 'asc', skipped, limit);
  const fromEnd = Math.max(0, behind - limit);
  const count = Math.min(limit, behind);
  return (await skippingTo(db, table, matching(db, table, page), 'desc', fromEnd, count)).toReversed();
}

/** Skips within the index: only the rows of the page are read. */
function skippingTo(
  db: Db,
  table: Table,
  query: Knex.QueryBuilder,
  order: 'asc' | 'desc',
  offset: number,
  limit: number,
): Promise<readonly Row[]> {
  const ordered = (rows: Knex.QueryBuilder) =>
    rows.orderBy(`${table}.created_at`, order).orderBy(`${table}.id`, order);
  const ids = ordered(query.select(`${table}.id`))
    .offset(offset)
    .limit(limit);
  return ordered(db(table).whereIn(`${table}.id`, ids).select(`${table}.*`)) as never;
}

/** The name of the list in the memory: everything but the page. */
function nameOf(table: Table, { connectionId, filter }: Matched): string {
  return JSON.stringify([connectionId, table, filter?.sql, filter?.bindings]);
}

function keyOf(row: Row): After {
  return { createdAt: row.created_at as string, id: row.id as string };
}

function totalOf(db: Db, table: Table, page: PageByPosition): Promise<number> {
  const count = () => countMatching(db, table, page);
  return page.memory?.total(nameOf(table, page), page.connectionId, count) ?? count();
}

type Matched = Pick<PageByPosition, 'connectionId' | 'filter'>;

/** The live resources of the connection that the filter lets through. */
export function matching(db: Db, table: Table, { connectionId, filter }: Matched) {
  const query = db(table).where(`${table}.connection_id`, connectionId).whereNull(`${table}.deleted_at`);
  if (filter) query.whereRaw(filter.sql, filter.bindings as never);
  return query;
}

export async function countMatching(
  db: Db,
  table: Table,
  matched: Matched & Pick<PageByPosition, 'pace'>,
): Promise<number> {
  if (matched.pace) return countInRanges(ranged(table, matched, matched.pace), null);
  const counted = await matching(db, table, matched).count({ n: '*' }).first();
  return Number(counted?.n ?? 0);
}

function matchingAfter(db: Db, table: Table, page: PageByPosition, after: After): Knex.QueryBuilder {
  return matching(db, table, page).whereRaw(`(${table}.created_at, ${table}.id) > (?, ?)`, [
    after.createdAt,
    after.id,
  ]);
}

function inOrder(
  query: Knex.QueryBuilder,
  table: Table,
  { sort, beside }: PageByPosition,
): Knex.QueryBuilder {
  query.select(`${table}.*`, ...(beside ? [beside] : []));
  if (sort) query.orderByRaw(sort.sql, sort.bindings as never);
  return query.orderBy(`${table}.created_at`).orderBy(`${table}.id`);
}

/** One page of an environment's resources, by key: for the admin API. */
export interface PageByKey {
  readonly environmentId: string;
  readonly filter: SqlCondition | null;
  /** The last item of the page before. */
  readonly after: After | null;
  readonly limit: number;
  /** For a scan: how fast it goes. */
  readonly pace?: Pace | null;
}

export async function pageByKey(
  db: Db,
  table: Table,
  page: PageByKey,
): Promise<readonly Record<string, unknown>[]> {
  const { after, limit, pace } = page;
  if (pace) return (await collect(db, rangedOf(table, page, pace), { after, skip: 0, limit })).rows;
  const query = ofEnvironment(db, table, page)
    .select(`${table}.*`)
    .orderBy(`${table}.created_at`)
    .orderBy(`${table}.id`)
    .limit(limit);
  if (after) query.whereRaw(`(${table}.created_at, ${table}.id) > (?, ?)`, [after.createdAt, after.id]);
  return query;
}

type OfEnvironment = Pick<PageByKey, 'environmentId' | 'filter'>;

function ofEnvironment(db: Db, table: Table, { environmentId, filter }: OfEnvironment): Knex.QueryBuilder {
  const query = db(table).where(`${table}.environment_id`, environmentId).whereNull(`${table}.deleted_at`);
  if (filter) query.whereRaw(filter.sql, filter.bindings as never);
  return query;
}

function rangedOf(table: Table, page: OfEnvironment, pace: Pace): RangedList {
  const all = (db: Db) => ofEnvironment(db, table, { ...page, filter: null });
  return { table, pace, all, matching: (db) => ofEnvironment(db, table, page) };
}

/** How many resources of an environment pass the filter; null beyond `COUNT_MAX`. */
export async function countOfEnvironment(
  db: Db,
  table: Table,
  page: OfEnvironment & Pick<PageByKey, 'pace'>,
): Promise<number | null> {
  if (!page.pace) return countUpTo(db, ofEnvironment(db, table, page));
  const count = await countInRanges(rangedOf(table, page, page.pace), null, COUNT_MAX);
  return count > COUNT_MAX ? null : count;
}
