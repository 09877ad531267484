/** How often a worker looks for peers, and takes a turn with one: once for what one signal announces. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { migrate } from '../../../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { createPresence } from '../../../src/db/queue/presence.ts';
import { createWakes } from '../../../src/db/queue/wake.ts';
import { createLog } from '../../../src/support/log.ts';
import type { Duties } from '../../../src/work/peerRunner.ts';
import { createWorker, type Peers } from '../../../src/work/worker.ts';
import { eventually } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';

const MOMENT_MS = 100;

/** Of time only moments pass: at once, or each one when it is told to. */
function momentClock(told?: Promise<void>) {
  return {
    now: () => Date.parse('2026-01-01T00:00:00.000Z'),
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        if (ms < MOMENT_MS) void (told ?? Promise.resolve()).then(resolve);
      }),
  };
}

const until = (isSo: () => boolean) => eventually(async () => (isSo() ? true : undefined), 4_000);

const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-worker-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function startWorker(
  clock: ReturnType<typeof momentClock>,
  peers: Pick<Peers, 'due'>,
  turn: Duties['turn'],
) {
  const location = parseDatabaseUrl(await freshDatabaseUrl('sqlite', directory));
  const db = openDatabase(location);
  await migrate(db);
  const log = createLog('silent');
  const wakes = createWakes(location, log);
  const dutiesOf = () => ({ takeOver: async () => {}, over: async () => {}, turn });
  const worker = createWorker({
    ...{ db, clock, log, presence: createPresence(location) },
    ...{ wake: wakes.work, asked: wakes.asked, peers: { ...peers, dutiesOf } },
  });
  worker.start();
  return {
    wakes,
    async stop() {
      await worker.stop();
      await wakes.end();
      await db.destroy();
    },
  };
}

it('looks once at what one signal announces, however long the look for due peers takes', async () => {
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
  const { wakes, stop } = await startWorker(momentClock(), { due }, turn);
  await until(() => turns === 1);
  for (const announced of [2, 3]) {
    wakes.work.signal();
    await until(() => polls === announced);
    for (let ticks = 0; ticks < 20; ticks++) await tick();
    expect(turns).toBe(announced);
  }
  await stop();
});

it('looks for due peers once more for all that is announced within a moment', async () => {
  let polls = 0;
  const due = async () => {
    polls += 1;
    return [];
  };
  const { promise: told, resolve: pass } = Promise.withResolvers<void>();
  const { wakes, stop } = await startWorker(momentClock(told), { due }, () =>
    Promise.reject(new Error('none')),
  );
  await until(() => polls === 1);
  for (let signals = 0; signals < 100; signals++) {
    wakes.work.signal();
    await tick();
  }
  expect(polls).toBe(1);
  pass();
  await until(() => polls === 2);
  for (let ticks = 0; ticks < 20; ticks++) await tick();
  expect(polls).toBe(2);
  await stop();
});
