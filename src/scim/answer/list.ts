/** From a list's parameters to one page of rows: filters and sorting become SQL, nothing is done in memory. */

import type { PageByPosition, SqlCondition } from '../../db/identity/lists.ts';
import { type Db, type Dialect, dialectOf } from '../../db/open.ts';
import { isScan } from '../../directory/query/cost.ts';
import { parseFilter } from '../../directory/query/parse.ts';
import { sortToSql } from '../../directory/query/sort.ts';
import { filterToSql } from '../../directory/query/sql.ts';
import type { Kind } from '../../model/subject.ts';
import type { Call, Scim } from '../request/call.ts';
import type { ListQuery } from '../request/query.ts';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** Throws FilterError and PathError. */
export function pageOf(scim: Scim, call: Call, kind: Kind, query: ListQuery): PageByPosition {
  const dialect = dialectOf(scim.directory.db);
  return {
    connectionId: call.principal.connection.id,
    filter: filterOf(query, kind, dialect),
    sort: query.sortBy === null ? null : sortToSql(query.sortBy, query.descending, kind, dialect),
    offset: query.startIndex - 1,
    limit: query.count,
  };
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
  return scans ? scim.scans.run(call.principal.connection.id, read) : read(scim.reads);
}

/** RFC 7644 §3.4.2: `itemsPerPage` is what this page holds. */
export function listResponse(total: number, startIndex: number, resources: readonly object[]): object {
  return {
    schemas: [LIST_SCHEMA],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
