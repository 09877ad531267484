/** Tells PostgreSQL how large its tables have become. It touches no row. */

import { type Db, dialectOf } from './open.ts';

/** A table below this is read as a whole, however it is joined. */
const FEW_ROWS = 50;

/**
 * PostgreSQL takes a table that it never analyzed for one of a few rows, and joins such tables row by row: 500
 * people in a group cost it more than the 10 s that a statement may take. Autovacuum comes once a minute; an
 * import does not wait for it. So a table that doubled since it was analyzed is analyzed now. A table that another
 * replica analyzes is passed over. SQLite plans by its indexes alone.
 */
export async function refreshStatistics(db: Db): Promise<void> {
  if (dialectOf(db) !== 'postgres') return;
  const { rows } = await db.raw<{ rows: { relname: string }[] }>(
    `select c.relname from pg_stat_user_tables s join pg_class c on c.oid = s.relid
     where c.relnamespace = current_schema()::regnamespace
       and s.n_mod_since_analyze > greatest(c.reltuples, ${FEW_ROWS})`,
  );
  for (const { relname } of rows) await db.raw('analyze (skip_locked) ??', [relname]);
}
