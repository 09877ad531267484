/** How often a worker takes a turn with a peer: once for what one signal announces. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { migrate } from '../../../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { createPresence } from '../../../src/db/queue/presence.ts';
import { createWakes } from '../../../src/db/queue/wake.ts';
import { createLog } from '../../../src/support/log.ts';
import { createWorker } from '../../../src/work/worker.ts';
import { eventually } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';

/** Nothing happens because time passes. */
const clock = {
  now: () => Date.parse('2026-01-01T00:00:00.000Z'),
  sleep: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((_resolve, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
    ),
};

const until = (isSo: () => boolean) => eventually(async () => (isSo() ? true : undefined), 4_000);

const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-worker-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('looks once at what one signal announces, however long the look for due peers takes', async () => {
  const location = parseDatabaseUrl(await freshDatabaseUrl('sqlite', directory));
  const db = openDatabase(location);
  await migrate(db);
  const log = createLog('silent');
  const wakes = createWakes(location, log);
  let turns = 0;
  let polls = 0;
  const turn = async () => {
    turns += 1;
    return { kind: 'idle', stay: true } as const;
  };
  const due = async () => {
    const wanted = polls + 1;
    if (polls > 0) await until(() => turns >= wanted);
    polls = wanted;
    return [{ id: 'peer', kind: 'store', isAsked: false } as const];
  };
  const dutiesOf = () => ({ takeOver: async () => {}, over: async () => {}, turn });
  const presence = createPresence(location);
  const worker = createWorker({
    ...{ db, clock, log, presence },
    ...{ wake: wakes.work, asked: wakes.asked, peers: { due, dutiesOf } },
  });
  worker.start();
  await until(() => turns === 1);
  for (const announced of [2, 3]) {
    wakes.work.signal();
    await until(() => polls === announced);
    for (let ticks = 0; ticks < 20; ticks++) await tick();
    expect(turns).toBe(announced);
  }
  await worker.stop();
  await wakes.end();
  await db.destroy();
});
