/** Reads beside whoever writes: they see what is committed, wait for nobody, and are ended in time. */

import type { Knex } from 'knex';
import { ReadTooLong, readsOf, readWithin } from '../../../src/db/reads.ts';
import { onEachDatabase } from '../../database.ts';

const ENVIRONMENT = { id: 'e', name: 'e', created_at: 'now', updated_at: 'now' };
const ENDLESS =
  'with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000000000) select count(*) from numbers';

onEachDatabase((open, dialect) => {
  let db: Knex;
  const count = async (from: Knex) => Number((await from('environments').count({ n: '*' }).first())?.n);

  beforeEach(async () => {
    db = await open();
  });

  it('see what is committed while a transaction is open, and inside of it what it wrote', async () => {
    await db.transaction(async (tx) => {
      await tx('environments').insert(ENVIRONMENT);
      expect([await count(readsOf(db)), await count(readsOf(tx))]).toEqual([0, 1]);
    });
    expect(await count(readsOf(db))).toBe(1);
  });

  it('are of one moment where they are limited in time', async () => {
    await readWithin(db, 10_000, async (tx) => {
      expect(await count(tx)).toBe(0);
      await db('environments').insert(ENVIRONMENT);
    });
    expect(await readWithin(db, 10_000, count)).toBe(1);
  });

  it('are ended when their time is over, and others go on', async () => {
    const started = performance.now();
    await expect(readWithin(db, 200, (tx) => tx.raw(ENDLESS))).rejects.toThrow(ReadTooLong);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await readWithin(db, 10_000, count)).toBe(0);
  });

  it('write nothing', async () => {
    const write = readsOf(db)('environments').insert(ENVIRONMENT);
    // PostgreSQL has one pool for all.
    if (dialect === 'sqlite') await expect(write).rejects.toMatchObject({ code: 'SQLITE_READONLY' });
    else await write;
  });
});
