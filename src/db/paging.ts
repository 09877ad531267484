/** Keyset paging: where a page starts, and totals that stay cheap. */

import type { Knex } from 'knex';
import type { Db } from './open.ts';

/** The last row of the page before, in the order `created_at, id`. */
export interface After {
  readonly createdAt: string;
  readonly id: string;
}

/** Larger totals are not counted, because that would cost more than the page. */
export const COUNT_MAX = 10_000;

/** How many rows the query has; null where there are more than `COUNT_MAX`. */
export async function countUpTo(db: Db, query: Knex.QueryBuilder): Promise<number | null> {
  const limited = query
    .clone()
    .clear('select')
    .clear('order')
    .select(db.raw('1 as one'))
    .limit(COUNT_MAX + 1);
  const row = await db.from(limited.as('counted')).count({ n: '*' }).first();
  const n = Number(row?.n ?? 0);
  return n > COUNT_MAX ? null : n;
}
