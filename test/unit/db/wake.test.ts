/** What one process commits, another hears of at once, also after the session between them was cut. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { createWakes, type Wakes } from '../../../src/db/queue/wake.ts';
import { createLog } from '../../../src/support/log.ts';
import { eventually } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';

const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-wake-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('tells whoever listens, until they stop', async () => {
  const { work, asked, end } = createWakes({ dialect: 'sqlite', target: 'unused' }, createLog('silent'));
  const heard: string[] = [];
  const stop = work.onSignal(() => heard.push('work'));
  asked.onSignal(() => heard.push('asked'));
  work.signal();
  asked.signal();
  stop();
  work.signal();
  expect(heard).toEqual(['work', 'asked']);
  await end();
});

describe('on PostgreSQL', () => {
  let db: Knex;
  let url: string;
  const opened: Wakes[] = [];
  beforeEach(async () => {
    url = await freshDatabaseUrl('postgres', directory);
    db = openDatabase(parseDatabaseUrl(url));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((wakes) => wakes.end()));
    await db.destroy();
  });

  const open = () => {
    const wakes = createWakes(parseDatabaseUrl(url), createLog('silent'));
    opened.push(wakes);
    return wakes;
  };
  const sessions = () =>
    db('pg_stat_activity')
      .where({ application_name: 'scim-bridge wake', datname: db.raw('current_database()') })
      .pluck('pid');
  const untilThere = (count: number) =>
    eventually(async () => ((await sessions()).length === count ? true : undefined), 10_000);
  /** Counts what it hears of one topic, once its session is there. */
  const listener = async () => {
    const wakes = open();
    let heard = 0;
    wakes.answered.onSignal(() => {
      heard += 1;
    });
    await eventually(async () => (heard > 0 ? true : undefined), 10_000);
    const before = heard;
    return { wakes, heard: () => heard - before };
  };

  it('tells the other processes, each topic for itself, and its own process once', async () => {
    const [one, two] = [await listener(), await listener()];
    two.wakes.work.signal();
    two.wakes.answered.signal();
    await eventually(async () => (one.heard() > 0 ? true : undefined), 5_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([one.heard(), two.heard()]).toEqual([1, 1]);
  });

  it('folds many signals into few messages', async () => {
    const [one, two] = [await listener(), await listener()];
    for (let n = 0; n < 1_000; n++) two.wakes.answered.signal();
    await eventually(async () => (one.heard() > 0 ? true : undefined), 5_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(one.heard()).toBeLessThan(10);
  });

  it('takes one new session for one that was cut, and says that something may have been missed', async () => {
    const [one, two] = [await listener(), await listener()];
    await untilThere(2);
    await db.raw('select pg_terminate_backend(pid) from unnest(?::int[]) pid', [await sessions()]);
    await eventually(async () => (one.heard() > 0 && two.heard() > 0 ? true : undefined), 10_000);
    await untilThere(2);
    const before = one.heard();
    two.wakes.answered.signal();
    await eventually(async () => (one.heard() > before ? true : undefined), 5_000);
    expect(await sessions()).toHaveLength(2);
  });
});
