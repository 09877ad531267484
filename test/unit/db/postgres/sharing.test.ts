/** Reads that are asked at once share a session, and break no more than one when it breaks. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import { keptReading } from '../../../../src/db/knex/kept.ts';
import { openDatabase, parseDatabaseUrl } from '../../../../src/db/open.ts';
import { SharedSession } from '../../../../src/db/postgres/sharing.ts';
import { eventually } from '../../../bridge.ts';
import { freshDatabaseUrl } from '../../../database.ts';

let url: string;
let db: Knex;
let sessions: Set<unknown>;
beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-sharing-'));
  url = await freshDatabaseUrl('postgres', directory);
  db = openDatabase(parseDatabaseUrl(url));
  rmSync(directory, { recursive: true });
  sessions = new Set();
  db.on('query', ({ __knexUid }) => sessions.add(__knexUid));
});
afterEach(() => db.destroy());

interface Shown {
  readonly value: string;
  readonly pid: number;
}

/** Takes a moment, so that those asked at once are under way at once. */
const show = keptReading<readonly Shown[], { readonly value: string }>((on, { value }) =>
  on
    .from(on.raw('pg_sleep(0.01)'))
    .select({ value: on.raw('cast(? as text)', [value]), pid: on.raw('pg_backend_pid()') }),
);

const showAll = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => show(db, { value: `${n}` })));

it('gives each of them its own answer, from one session', async () => {
  const shown = (await showAll(10)).flat();
  expect(shown.map(({ value }) => value)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
  expect(new Set(shown.map(({ pid }) => pid)).size).toBe(1);
  expect(sessions.size).toBe(1);
});

it('takes another session where many stand in line, and gives all of them back', async () => {
  expect(await showAll(40)).toHaveLength(40);
  expect(sessions.size).toBe(3);
  expect(db.client.pool.numUsed()).toBe(0);
});

it('leaves those of a transaction in its own session', async () => {
  await db.transaction(async (tx) => {
    const { rows } = await tx.raw('select pg_backend_pid() as pid');
    const [[inside], [outside]] = await Promise.all([
      show(tx, { value: 'inside' }),
      show(db, { value: 'outside' }),
    ]);
    expect(inside).toEqual({ value: 'inside', pid: rows[0].pid });
    expect(outside?.pid).not.toBe(rows[0].pid);
  });
});

it('fails only the one that the server refuses', async () => {
  const divide = keptReading<readonly { readonly of: number }[], { readonly by: number }>((on, { by }) =>
    on.select({ of: on.raw('6 / cast(? as integer)', [by]) }),
  );
  const answers = await Promise.allSettled([1, 0, 2].map((by) => divide(db, { by })));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(sessions.size).toBe(1);
});

it('goes on with another session where one breaks while reads never cease', async () => {
  let isOver = false;
  let failed = 0;
  const pids: number[] = [];
  const read = async (n: number) => {
    while (!isOver) {
      const [shown] = await show(db, { value: `${n}` }).catch(() => []);
      if (shown) pids.push(shown.pid);
      else failed += 1;
      await pause(1);
    }
  };
  const readers = Array.from({ length: 8 }, (_, n) => read(n));
  const first = await eventually(async () => pids.at(-1), 10_000);
  const other = openDatabase(parseDatabaseUrl(url));
  await other.raw('select pg_terminate_backend(?)', [first as number]);
  await other.destroy();
  await eventually(async () => (failed > 0 && pids.at(-1) !== first ? true : undefined), 10_000);
  const failedThen = failed;
  await pause(100);
  isOver = true;
  await Promise.all(readers);
  expect(failed).toBe(failedThen);
  expect(db.client.pool.numUsed()).toBe(0);
});

describe('a session', () => {
  /** Sessions are numbers. */
  function pool(acquire: (n: number) => Promise<number> = async (n) => n) {
    let acquired = 0;
    const idle: unknown[] = [];
    const shared = new SharedSession({
      acquireConnection: () => acquire(++acquired),
      releaseConnection: async (session) => idle.push(session),
    });
    return { shared, idle };
  }

  it('that does not answer is joined by nobody after a moment', async () => {
    const { shared, idle } = pool();
    void shared.ask(() => new Promise(() => {}));
    expect(await shared.ask(async (session) => session)).toBe(1);
    await pause(200);
    expect(await shared.ask(async (session) => session)).toBe(2);
    expect(idle).toEqual([2]);
  });

  it('that cannot be had fails those who wait for it, and no others', async () => {
    const { shared, idle } = pool(async (n) => {
      if (n === 1) throw new Error('no session');
      return n;
    });
    const asked = await Promise.allSettled([1, 2].map(() => shared.ask(async (session) => session)));
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await shared.ask(async (session) => session)).toBe(2);
    expect(idle).toEqual([2]);
  });

  it('is not joined once the database is closed', async () => {
    const { shared } = pool();
    void shared.ask(() => new Promise(() => {}));
    shared.end();
    expect(await shared.ask(async (session) => session)).toBe(2);
  });
});
