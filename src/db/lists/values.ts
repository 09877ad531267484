/** Lists of values as one value of a statement, which the two databases write differently. */

import type { Knex } from 'knex';
import { type Db, dialectOf } from '../open.ts';

/** A list of ids as one value. */
export type IdList = { readonly only: string } | { readonly all: string };

export function idList(db: Db, ids: readonly string[]): IdList {
  if (dialectOf(db) === 'sqlite') return { all: JSON.stringify(ids) };
  // PostgreSQL expects ten ids in a list. As a plan for one id costs less, it would plan again for each list.
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return { only };
  return { all: `{${ids.map((id) => `"${id.replace(/["\\]/g, '\\$&')}"`).join()}}` };
}

/** For a `from`: one row for each of the ids, in a column `id`. */
export function idRows(db: Db, ids: IdList, alias: string): Knex.Raw {
  if ('only' in ids) return db.raw('(select cast(? as varchar) as id) as ??', [ids.only, alias]);
  return dialectOf(db) === 'sqlite'
    ? db.raw('(select value as id from json_each(?)) as ??', [ids.all, alias])
    : db.raw('(select unnest(?::varchar[]) as id) as ??', [ids.all, alias]);
}

/** One column of the rows of a query, as a JSON list in the order of another. */
export function jsonList(
  db: Db,
  query: Knex.QueryBuilder,
  column: string,
  orderBy: string,
): Knex.QueryBuilder {
  if (dialectOf(db) === 'postgres')
    return query.select(db.raw('json_agg(?? order by ??)', [column, orderBy]));
  const ordered = query.orderBy(orderBy).select(column).as('ordered');
  return db.from(ordered).select(db.raw('json_group_array(??)', [column]));
}

/** Of each row of a query, a list of values, all as one JSON list. `from`: what follows the `select`, as SQL. */
export function jsonRows(db: Db, values: string, orderBy: string, from: string, as: string): Knex.Raw {
  const [list, row] =
    dialectOf(db) === 'postgres' ? ['json_agg', 'json_build_array'] : ['json_group_array', 'json_array'];
  return db.raw(`(select ${list}(${row}(${values}) order by ${orderBy}) ${from}) as ${as}`);
}
