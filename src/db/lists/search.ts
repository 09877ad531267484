/** Users and groups of a connection in one list. The database orders them together and answers their ids. */

import type { Knex } from 'knex';
import type { Kind } from '../../model/subject.ts';
import type { Db } from '../open.ts';
import type { Pace } from './ranges.ts';
import { countMatching, matching, type SqlCondition } from './resources.ts';

export interface SearchOfKind {
  readonly kind: Kind;
  readonly filter: SqlCondition | null;
  /** What to sort by, an expression on the table; null where the kind has no such value. */
  readonly sortKey: string | null;
}

export interface SearchPage {
  readonly connectionId: string;
  readonly kinds: readonly SearchOfKind[];
  readonly descending: boolean;
  readonly offset: number;
  readonly limit: number;
  /** For a scan: how fast it goes. */
  readonly pace?: Pace | null;
}

export interface SearchHit {
  readonly kind: Kind;
  readonly id: string;
}

/** Resources without a value to sort by come last, in descending order first. Then: created_at, kind, id. */
export async function searchTogether(
  db: Db,
  page: SearchPage,
): Promise<{ readonly total: number; readonly items: readonly SearchHit[] }> {
  const { connectionId, pace = null } = page;
  let total = 0;
  for (const { kind, filter } of page.kinds) {
    total += await countMatching(db, TABLES[kind], { connectionId, filter, pace });
  }
  if (page.limit === 0 || page.offset >= total) return { total, items: [] };
  const read = (from: Db) => pageOfAll(from, page);
  return { total, items: await (pace ? pace.range(read) : read(db)) };
}

async function pageOfAll(db: Db, page: SearchPage): Promise<readonly SearchHit[]> {
  const isSorted = page.kinds.some(({ sortKey }) => sortKey !== null);
  const [first, ...others] = page.kinds.map((one) => {
    const keys = keysOf(db, page.connectionId, one);
    return isSorted ? keys : oldest(db, keys, page.offset + page.limit);
  });
  if (!first) return [];
  const found = db.from(first.unionAll(others).as('found')).select<SearchHit[]>('kind', 'id');
  const direction = page.descending ? 'desc' : 'asc';
  if (isSorted) found.orderByRaw(`sort_key is null ${direction}, sort_key ${direction}`);
  return found
    .orderBy(['created_at', { column: 'kind', order: 'desc' }, 'id'])
    .offset(page.offset)
    .limit(page.limit);
}

/** Reads no more of one kind than the page can show, in the order of an index. */
function oldest(db: Db, keys: Knex.QueryBuilder, count: number): Knex.QueryBuilder {
  return db.from(keys.orderBy(['created_at', 'id']).limit(count).as('oldest')).select('*');
}

const TABLES = { user: 'users', group: 'groups' } as const;

function keysOf(db: Db, connectionId: string, { kind, filter, sortKey }: SearchOfKind): Knex.QueryBuilder {
  const table = TABLES[kind];
  return matching(db, table, { connectionId, filter }).select(
    db.raw('? as kind', [kind]),
    `${table}.id`,
    `${table}.created_at`,
    db.raw(`${sortKey ?? 'null'} as sort_key`),
  );
}
