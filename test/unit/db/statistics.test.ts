/** PostgreSQL plans by how large a table is, not by how large it was before an import. */

import type { Db } from '../../../src/db/open.ts';
import { refreshStatistics } from '../../../src/db/statistics.ts';
import { eventually } from '../../bridge.ts';
import { onEachDatabase } from '../../database.ts';
import { AT } from './store.ts';

/** How many rows PostgreSQL expects of a condition; it counts what a transaction wrote once that has ended. */
async function expectedRows(db: Db): Promise<number> {
  const { rows } = await db.raw('explain (format json) select * from environments where updated_at = ?', [
    AT,
  ]);
  return rows[0]['QUERY PLAN'][0].Plan['Plan Rows'];
}

async function addEnvironments(db: Db, count: number, from = 0): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => `e${from + n}`);
  await db.transaction(async (tx) => {
    await tx('environments').insert(rows.map((id) => ({ id, name: id, created_at: AT, updated_at: AT })));
    if (tx.client.config.client === 'pg') await tx.raw('select pg_stat_force_next_flush()');
  });
}

onEachDatabase((open, dialect) => {
  it('tells the planner of a table that was filled, and again when it has doubled', async () => {
    const db = await open();
    // PostgreSQL says in its own time how much was written.
    const refreshedTo = (rows: number) =>
      eventually(async () => {
        await refreshStatistics(db);
        return dialect === 'sqlite' || (await expectedRows(db)) === rows || undefined;
      }, 10_000);
    await addEnvironments(db, 100);
    await refreshedTo(100);
    await addEnvironments(db, 300, 100);
    await refreshedTo(400);
  });
});
