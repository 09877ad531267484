/** What users and groups share where the API reads the directory: filter, pages and SCIM's `meta`. */

import type { UserRecord } from '../../db/identity/users.ts';
import type { Pace } from '../../db/lists/ranges.ts';
import type { PageByKey, SqlCondition } from '../../db/lists/resources.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import { readsOf } from '../../db/reads.ts';
import { FilterError } from '../../directory/query/ast.ts';
import { parseFilter } from '../../directory/query/parse.ts';
import { filterToSql } from '../../directory/query/sql.ts';
import type { Kind } from '../../model/subject.ts';
import type { ApiDeps } from '../deps.ts';
import { type PageQuery, readCursorOfRecords } from '../lists.ts';
import { queryMistake } from '../query.ts';

/** What to ask the database for: one row more than the page holds. Throws a 400 for a filter that makes no sense. */
export function pageByKey(
  { db }: Pick<ApiDeps, 'db'>,
  environmentId: string,
  query: PageQuery & { readonly filter?: string | undefined },
  kind: Kind,
): PageByKey {
  return {
    environmentId,
    filter: query.filter === undefined ? null : conditionOf(db, query.filter, kind),
    after: readCursorOfRecords(query),
    limit: query.limit + 1,
  };
}

/** A filter reads everybody, because no index covers it. Without a filter only the page is read. */
export function readPage<T>(
  { db, scans }: Pick<ApiDeps, 'db' | 'scans'>,
  { environmentId, filter }: PageByKey,
  read: (reads: Db, pace: Pace | null) => Promise<T>,
): Promise<T> {
  return filter === null ? read(readsOf(db), null) : scans.run(environmentId, read);
}

function conditionOf(db: Db, text: string, kind: Kind): SqlCondition {
  try {
    return filterToSql(parseFilter(text), kind, dialectOf(db));
  } catch (error) {
    if (error instanceof FilterError) throw queryMistake('filter', `is not understood: ${error.message}`);
    throw error;
  }
}

export function metaOf(
  resourceType: 'User' | 'Group',
  record: Pick<UserRecord, 'createdAt' | 'updatedAt' | 'version'>,
) {
  return {
    resourceType,
    created: record.createdAt,
    lastModified: record.updatedAt,
    version: `W/"${record.version}"`,
  };
}
