/** From a list's parameters to one page of rows: filters and sorting become SQL, nothing is done in memory. */

import type { ListPage, PageByPosition, SqlCondition } from '../../db/lists/resources.ts';
import { type Db, type Dialect, dialectOf } from '../../db/open.ts';
import type { After } from '../../db/paging.ts';
import { isOfNamed, isScan } from '../../directory/query/cost.ts';
import { parseFilter } from '../../directory/query/parse.ts';
import { sortToSql } from '../../directory/query/sort.ts';
import { filterToSql } from '../../directory/query/sql.ts';
import type { Kind } from '../../model/subject.ts';
import type { Call, ListAnswer, Scim } from '../request/call.ts';
import type { ListQuery } from '../request/query.ts';
import { cut, listOf, rowsWanted, startOf } from './cursor.ts';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** Reads one kind's page. Throws FilterError, PathError, and ScimError 400 and 429. */
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
  const page: PageByPosition = {
    connectionId,
    filter: filterOf(query, kind, dialect),
    sort: query.sortBy === null ? null : sortToSql(query.sortBy, query.descending, kind, dialect),
    offset: start.position,
    after: start.after,
    limit: rowsWanted(query),
    memory: scim.lists,
  };
  const { total, items: rows } = await readList(scim, call, query, [kind], (db) => read(db, page));
  const { items, nextCursor } = cut(query, start, rows, (row) => (page.sort ? null : row));
  return { total, items, ...nextCursor };
}

/** Throws FilterError. */
export function filterOf({ filter }: ListQuery, kind: Kind, dialect: Dialect): SqlCondition | null {
  return filter === null ? null : filterToSql(parseFilter(filter), kind, dialect);
}

/** What a list holds: a scan of any of the kinds waits for its turn. Throws ScimError 429. */
export function readList<T>(
  scim: Scim,
  call: Call,
  query: ListQuery,
  kinds: readonly Kind[],
  read: (db: Db) => Promise<T>,
): Promise<T> {
  const filter = query.filter === null ? null : parseFilter(query.filter);
  const scans = kinds.some((kind) => isScan(filter, query.sortBy, kind));
  if (scans) return scim.scans.run(call.principal.connection.id, read);
  return read(kinds.every((kind) => isOfNamed(filter, kind)) ? scim.keyedReads : scim.reads);
}

/** RFC 7644 §3.4.2, RFC 9865 §2: `itemsPerPage` is what this page holds; the last page has no cursor. */
export function listResponse(query: ListQuery, { total, resources, nextCursor }: ListAnswer): object {
  return {
    schemas: [LIST_SCHEMA],
    totalResults: total,
    ...(query.cursor === null ? { startIndex: query.startIndex } : {}),
    itemsPerPage: resources.length,
    ...(nextCursor === undefined ? {} : { nextCursor }),
    Resources: resources,
  };
}
