/** Reads one page of rows from a list's parameters: SQL does the filtering and sorting, memory nothing. */

import type { Pace } from '../../db/lists/ranges.ts';
import type { ListPage, PageByPosition, SqlCondition } from '../../db/lists/resources.ts';
import { type Db, type Dialect, dialectOf } from '../../db/open.ts';
import type { After } from '../../db/paging.ts';
import type { Filter } from '../../directory/query/ast.ts';
import { isOfNamed, isScan } from '../../directory/query/cost.ts';
import { parseFilter } from '../../directory/query/parse.ts';
import { sortToSql } from '../../directory/query/sort.ts';
import { filterToSql } from '../../directory/query/sql.ts';
import type { Kind } from '../../model/subject.ts';
import type { Call, ListAnswer, Scim } from '../request/call.ts';
import type { ListQuery } from '../request/query.ts';
import { cut, listOf, rowsWanted, startOf } from './cursor.ts';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** Reads a page of one kind. Throws FilterError, PathError, and ScimError 400 and 429. */
export async function readPage<T extends After>(
  scim: Scim,
  call: Call,
  kind: Kind,
  query: ListQuery,
  read: (db: Db, page: PageByPosition) => Promise<ListPage<T>>,
): Promise<ListPage<T> & { readonly nextCursor?: string }> {
  const dialect = dialectOf(scim.directory.db);
  const connectionId = call.principal.connection.id;
  const start = startOf(query, listOf(connectionId, [kind], query));
  const sort = query.sortBy === null ? null : sortToSql(query.sortBy, query.descending, kind, dialect);
  const pageOf = (pace: Pace | null): PageByPosition => ({
    connectionId,
    filter: filterOf(query, kind, dialect),
    sort,
    offset: start.position,
    after: start.after,
    limit: rowsWanted(query),
    memory: scim.lists,
    pace,
  });
  const { total, items: rows } = await readList(scim, call, query, [kind], (db, pace) =>
    read(db, pageOf(pace)),
  );
  const { items, nextCursor } = cut(query, start, rows, (row) => (sort ? null : row));
  return { total, items, ...nextCursor };
}

/** Throws FilterError. */
export function filterOf(query: ListQuery, kind: Kind, dialect: Dialect): SqlCondition | null {
  const filter = filterIn(query);
  return filter === null ? null : filterToSql(filter, kind, dialect);
}

const parsed = new WeakMap<ListQuery, Filter>();

/** Throws FilterError. */
export function filterIn(query: ListQuery): Filter | null {
  if (query.filter === null) return null;
  const filter = parsed.get(query) ?? parseFilter(query.filter);
  parsed.set(query, filter);
  return filter;
}

/**
 * Reads a list. If one of its kinds needs a scan, it waits for its turn, and `read` makes the SQL only then, because
 * most of too many scans are refused. Throws ScimError 429.
 */
export async function readList<T>(
  scim: Scim,
  call: Call,
  query: ListQuery,
  kinds: readonly Kind[],
  read: (db: Db, pace: Pace | null) => Promise<T>,
): Promise<T> {
  const filter = filterIn(query);
  const scans = kinds.some((kind) => isScan(filter, query.sortBy, kind));
  if (scans) {
    const found = await scim.scans.run(call.principal.connection.id, read);
    call.deadline?.heard();
    return found;
  }
  const reads = kinds.every((kind) => isOfNamed(filter, kind)) ? scim.keyedReads : scim.reads;
  return scim.scans.giveWayTo(() => read(reads, null));
}

/**
 * RFC 7644 §3.4.2, RFC 9865 §2: `itemsPerPage` is the number on this page; the last page has no cursor. `shown`: the
 * resources that are read already.
 */
export function listResponse(
  query: ListQuery,
  { total, resources, nextCursor }: ListAnswer,
  shown: readonly object[] = resources,
): object {
  return {
    schemas: [LIST_SCHEMA],
    totalResults: total,
    ...(query.cursor === null ? { startIndex: query.startIndex } : {}),
    itemsPerPage: resources.length,
    ...(nextCursor === undefined ? {} : { nextCursor }),
    Resources: shown,
  };
}
