/**
 * Lists of users or of groups, which differ here in nothing but the table: filtered, ordered, counted, and
 * one page at a time.
 */

import type { Knex } from 'knex';
import type { Db } from '../open.ts';
import { type After, countUpTo } from '../paging.ts';

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
}

export interface ListPage<T> {
  readonly items: readonly T[];
  /** How many match in all, whatever the page. */
  readonly total: number;
}

export async function pageByPosition(
  db: Db,
  table: 'users' | 'groups',
  page: PageByPosition,
): Promise<{ total: number; rows: readonly Record<string, unknown>[] }> {
  const rows = page.limit === 0 ? [] : await orderedPage(matching(db, table, page), table, page);
  // A page that ends the list says how long the list is: the usual look-up costs one query, not two.
  const endsList = rows.length < page.limit && (rows.length > 0 || page.offset === 0);
  if (endsList) return { total: page.offset + rows.length, rows };
  return { total: await countMatching(db, table, page), rows };
}

type Matched = Pick<PageByPosition, 'connectionId' | 'filter'>;

/** The live resources of the connection that the filter lets through. */
export function matching(db: Db, table: 'users' | 'groups', { connectionId, filter }: Matched) {
  const query = db(table).where(`${table}.connection_id`, connectionId).whereNull(`${table}.deleted_at`);
  if (filter) query.whereRaw(filter.sql, filter.bindings as never);
  return query;
}

export async function countMatching(db: Db, table: 'users' | 'groups', matched: Matched): Promise<number> {
  const counted = await matching(db, table, matched).count({ n: '*' }).first();
  return Number(counted?.n ?? 0);
}

function orderedPage(
  query: Knex.QueryBuilder,
  table: 'users' | 'groups',
  page: PageByPosition,
): Promise<readonly Record<string, unknown>[]> {
  query.select(`${table}.*`);
  if (page.sort) query.orderByRaw(page.sort.sql, page.sort.bindings as never);
  return query.orderBy(`${table}.created_at`).orderBy(`${table}.id`).offset(page.offset).limit(page.limit);
}

/** One page of an environment's resources, by key: for the admin API. */
export interface PageByKey {
  readonly environmentId: string;
  readonly filter: SqlCondition | null;
  /** The last item of the page before. */
  readonly after: After | null;
  readonly limit: number;
}

export async function pageByKey(
  db: Db,
  table: 'users' | 'groups',
  page: PageByKey,
): Promise<readonly Record<string, unknown>[]> {
  const query = db(table)
    .where(`${table}.environment_id`, page.environmentId)
    .whereNull(`${table}.deleted_at`)
    .select(`${table}.*`)
    .orderBy(`${table}.created_at`)
    .orderBy(`${table}.id`)
    .limit(page.limit);
  if (page.filter) query.whereRaw(page.filter.sql, page.filter.bindings as never);
  if (page.after) {
    query.whereRaw(`(${table}.created_at, ${table}.id) > (?, ?)`, [page.after.createdAt, page.after.id]);
  }
  return query;
}

/** How many an environment has, of those that the filter lets through; null beyond `COUNT_MAX`. */
export function countOfEnvironment(
  db: Db,
  table: 'users' | 'groups',
  page: Pick<PageByKey, 'environmentId' | 'filter'>,
): Promise<number | null> {
  const query = db(table).where({ environment_id: page.environmentId }).whereNull('deleted_at');
  if (page.filter) query.whereRaw(page.filter.sql, page.filter.bindings as never);
  return countUpTo(db, query);
}
