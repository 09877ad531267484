/** Scans, few at a time: nobody takes them all, and whoever waits too long is told so. */

import type { Knex } from 'knex';
import { createScans, type Scans } from '../../../src/directory/query/scans.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';

onEachDatabase((open, dialect) => {
  const ofProcess = dialect === 'sqlite' ? 2 : 4;
  let db: Knex;
  let scans: Scans;
  let reading: string[];
  let ends: (() => void)[];

  beforeEach(async () => {
    db = await open();
    scans = createScans(db, systemClock);
    reading = [];
    ends = [];
  });

  /** Reads until the test ends it. */
  const begin = (connectionId: string) =>
    scans.run(connectionId, async () => {
      reading.push(connectionId);
      await new Promise<void>((resolve) => ends.push(resolve));
      return connectionId;
    });
  const endAll = async (all: readonly Promise<unknown>[]) => {
    const over = Promise.allSettled(all);
    let isOver = false;
    void over.then(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const end of ends.splice(0)) end();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return over;
  };
  const begun = async (count: number) => {
    while (reading.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('a third of one connection is refused after a second', async () => {
    const two = [begin('a'), begin('a')];
    await begun(2);
    const started = performance.now();
    await expect(begin('a')).rejects.toMatchObject({ name: 'ScanRefused' });
    expect(performance.now() - started).toBeGreaterThan(900);
    expect(reading).toEqual(['a', 'a']);
    await endAll(two);
  });

  it('a third that waits less than that gets its turn', async () => {
    const three = [begin('a'), begin('a'), begin('a')];
    await begun(2);
    ends.shift()?.();
    await begun(3);
    const outcomes = await endAll(three);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
  });

  it('all of the process are taken, and the next is refused whoever asks', async () => {
    const taken = Array.from({ length: ofProcess }, (_, n) => begin(`c${Math.floor(n / 2)}`));
    await begun(ofProcess);
    await expect(begin('other')).rejects.toMatchObject({ name: 'ScanRefused' });
    await endAll(taken);
  });

  it('who has none comes before who has one, however many of those wait', async () => {
    const taken = Array.from({ length: ofProcess }, (_, n) => begin(`c${Math.floor(n / 2)}`));
    await begun(ofProcess);
    const waiting = [...Array.from({ length: 5 }, () => begin('c0')), begin('late')];
    ends.shift()?.();
    await begun(ofProcess + 1);
    expect(reading.at(-1)).toBe('late');
    await endAll([...taken, ...waiting]);
  });

  it('one that takes too long is ended, and says what would have been quick', async () => {
    const endless =
      'with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000000000) select count(*) from numbers';
    await expect(scans.run('a', (_, pace) => pace.range((db) => db.raw(endless)))).rejects.toMatchObject({
      name: 'ScanRefused',
      message: expect.stringContaining('userName'),
    });
    expect(await scans.run('a', async () => 'next')).toBe('next');
  });

  it('one is ended in time also where no single statement of it takes long', async () => {
    // On SQLite, a process that reads must start first, and its start is not the read's fault.
    await scans.run('a', (_, pace) => pace.range((db) => db.raw('select 1')));
    const several = scans.run('a', (_, pace) =>
      pace.range(async (db) => {
        await db.raw('select 1');
        await systemClock.sleep(1_500);
        await db.raw('select 1');
      }),
    );
    await expect(several).rejects.toMatchObject({ name: 'ScanRefused' });
    expect(await scans.run('a', async () => 'next')).toBe('next');
  });

  it('one that fails gives its place back', async () => {
    for (let n = 0; n < 5; n++) {
      await expect(scans.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    }
    expect(await scans.run('a', async () => 'next')).toBe('next');
  });
});
