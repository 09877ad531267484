/** Keeps PostgreSQL's knowledge of the size of tables up to date while they grow. Changes no row. */

import { type Db, dialectOf } from './open.ts';

/** Half of the size that is worth a look: a smaller table is read as a whole, however it is joined. */
const FEW_ROWS = 25;

/**
 * PostgreSQL assumes that a table it never analyzed has a few rows, and joins such tables row by row: 500 people in a
 * group then take longer than the 10 s that a statement may. Autovacuum comes once a minute, and an import does not
 * wait for it. So this analyzes tables that have doubled, where this user may, and skips those that another replica
 * analyzes. SQLite plans by its indexes alone.
 */
export async function refreshStatistics(db: Db): Promise<void> {
  if (dialectOf(db) !== 'postgres') return;
  const { rows } = await db.raw<{ rows: { relname: string }[] }>(
    `select c.relname from pg_stat_user_tables s join pg_class c on c.oid = s.relid
     where c.relnamespace = current_schema()::regnamespace
       and pg_has_role(c.relowner, 'usage')
       and s.n_live_tup > 2 * greatest(c.reltuples, ${FEW_ROWS})`,
  );
  for (const { relname } of rows) await db.raw('analyze (skip_locked) ??', [relname]);
}
