/** Who may work on a store, when its holder is gone, frozen or slow, on both databases. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { migrate } from '../../../src/db/migrations.ts';
import { type Dialect, openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { acquireLease, holdsLease, releaseLease, renewLease } from '../../../src/db/queue/leases.ts';
import { createPresence, type Presence } from '../../../src/db/queue/presence.ts';
import { eventually } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';

const STORE = 'a-store';
/** A lease taken with these has not run out, whatever happens. */
const TIMES = {
  expiresAt: '2026-01-01T00:01:00.000Z',
  deadBefore: '2026-01-01T00:00:00.000Z',
};
const RUN_OUT = { ...TIMES, deadBefore: '2026-01-01T00:01:00.001Z' };

const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-leases-'));
const presences: Presence[] = [];
let db: Knex;
let url: string;

async function open(dialect: Dialect): Promise<void> {
  url = await freshDatabaseUrl(dialect, directory);
  db = openDatabase(parseDatabaseUrl(url));
  await migrate(db);
  takenOver = 0;
}
afterEach(async () => {
  for (const presence of presences.splice(0)) await presence.end();
  await db.destroy();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function presence(): Presence {
  const one = createPresence(parseDatabaseUrl(url));
  presences.push(one);
  return one;
}

/** How often a lease was taken that nobody had let go of. */
let takenOver = 0;
const acquire = async (by: Presence, times = TIMES) => {
  const applicant = {
    holder: await by.holder(),
    isGone: (other: string) => by.isGone(db, other),
    takeOver: async () => void takenOver++,
  };
  return acquireLease(db, STORE, applicant, times);
};

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  beforeEach(() => open(dialect));

  it('has one holder at a time, until it lets go or the lease has run out', async () => {
    const [one, two] = [presence(), presence()];
    const first = await acquire(one);
    expect(first).toMatchObject({ fence: 1 });
    expect(await acquire(two)).toBeNull();
    expect(await acquire(two, RUN_OUT)).toMatchObject({ fence: 2 });
    expect(takenOver).toBe(1);
    if (!first) return;
    expect(await holdsLease(db, first)).toBe(false);
    expect(await renewLease(db, first, TIMES.expiresAt)).toBe(false);
    await releaseLease(db, first);
    expect(await acquire(one)).toBeNull();
  });

  it('passes on at once when its holder lets go', async () => {
    const [one, two] = [presence(), presence()];
    const first = await acquire(one);
    if (first) await releaseLease(db, first);
    expect(await acquire(two)).toMatchObject({ fence: 2 });
    expect(takenOver).toBe(0);
  });
});

describe('the session that says that a process is there', () => {
  beforeEach(() => open('postgres'));

  /** As the server does when the process at its other end dies. */
  const cutSessions = () =>
    db.raw(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'scim-bridge presence' and datname = current_database()",
    );

  it('passes the lease on at once when the server closes it, and tells its process', async () => {
    const [one, two] = [presence(), presence()];
    const lost = new Promise<void>((told) => one.onLost(told));
    const before = await one.holder();
    const first = await acquire(one);
    await cutSessions();
    await lost;
    await eventually(async () => ((await two.isGone(db, before)) ? true : undefined), 5_000);
    expect(await acquire(two)).toMatchObject({ fence: 2 });
    expect(first && (await holdsLease(db, first))).toBe(false);
    expect(await one.holder()).not.toBe(before);
    expect(await acquire(one)).toBeNull();
  });

  it('does not count those as gone who never had one', async () => {
    expect(await presence().isGone(db, 'another-machine|1|x|y')).toBe(false);
  });
});

describe('on SQLite, whose processes are of one machine', () => {
  beforeEach(() => open('sqlite'));

  it('a process that is not there is gone; this one, its parent, and those elsewhere are not', async () => {
    const ended = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
    const one = presence();
    const gone = (name: string) => one.isGone(db, name);
    expect(await gone(`${hostname()}|${ended}|start|1`)).toBe(true);
    // In a container every start may get the same number.
    expect(await gone(`${hostname()}|${process.pid}|an earlier start|1`)).toBe(true);
    expect(await gone(await presence().holder())).toBe(false);
    expect(await gone(`${hostname()}|${process.ppid}|start|1`)).toBe(false);
    expect(await gone(`elsewhere|${ended}|start|1`)).toBe(false);
  });
});
