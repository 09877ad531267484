/** `npm run move` as its user runs it: the embedded database into PostgreSQL, again, and never over anything else. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { lockDatabaseFile } from '../../src/db/embedded/lock.ts';
import { openDatabase, parseDatabaseUrl } from '../../src/db/open.ts';
import { person, type RunningBridge, startBridge } from '../bridge.ts';
import { embeddedUrl, emptyDatabaseUrl, freshDatabaseUrl } from '../database.ts';
import { PROJECT } from './process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scim-bridge-move-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function move(from: string, to: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const words = [join(PROJECT, 'scripts/move.ts'), '--from', from, '--to', to];
  const options = { cwd: folder, env: { PATH: process.env.PATH ?? '' } };
  return new Promise((resolve) =>
    execFile(process.execPath, words, options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  );
}

async function hire(bridge: RunningBridge, ...names: readonly string[]): Promise<void> {
  for (const name of names) await bridge.scim('POST', '/Users', person(name));
  await bridge.settled();
}

/** What somebody asks of a database, whatever its kind. */
async function look<T>(url: string, ask: (db: Knex) => Promise<T>): Promise<T> {
  const db = openDatabase(parseDatabaseUrl(url));
  try {
    return await ask(db);
  } finally {
    await db.destroy();
  }
}

const users = (db: Knex): Promise<string[]> => db('users').orderBy('user_name').pluck('user_name');
const statusOfStores = (db: Knex): Promise<unknown[]> => db('stores').select('name', 'status', 'paused');
const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

it('moves everything, again where more has come, and leaves the source as it was', async () => {
  const file = join(folder, 'source.db');
  const [source, target] = [embeddedUrl(file), await emptyDatabaseUrl('postgres', folder)];
  const first = await startBridge(source);
  const store = { type: 'Demo', name: 'Demo', status: 'ACTIVE', configuration: {} };
  expect(await first.admin('POST', '/propagation/stores', store)).toMatchObject({ status: 201 });
  await hire(first, 'ada', 'bob');
  await first.stop();
  const before = digest(file);

  const moved = await move(source, target);
  expect(moved).toMatchObject({ code: 0, stderr: '' });
  expect(moved.stdout).toMatch(/^Moved \d+ rows of \d+ tables; counts and digests are the same/);
  expect(digest(file)).toBe(before);
  expect(await look(target, users)).toEqual(['ada@acme.example', 'bob@acme.example']);
  // It goes on where it was: no pause, as after a restore.
  expect(await look(target, statusOfStores)).toEqual([{ name: 'Demo', status: 'ACTIVE', paused: null }]);

  await look(source, (db) => db('users').where({ user_name: 'bob@acme.example' }).update({ version: 7 }));
  expect(await move(source, target)).toMatchObject({ code: 0 });
  const versions = await look(target, (db) => db('users').orderBy('user_name').pluck('version'));
  expect(versions.at(-1)).toBe(7);
  // New rows get numbers of their own behind those that came.
  const [{ id }] = await look(target, async (db) => {
    const { id: _, ...event } = await db('events').orderBy('id', 'desc').first();
    return db('events')
      .insert({ ...event, calls: null, request: null, before: null, after: null })
      .returning('id');
  });
  expect(Number(id)).toBeGreaterThan(0);

  const refused = await move(source, target);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('move into an empty database');
});

it('refuses a target that somebody uses, and a source with a bridge on it', async () => {
  const [file, used] = [join(folder, 'source.db'), await freshDatabaseUrl('postgres', folder)];
  await (await startBridge(embeddedUrl(file))).stop();
  const lock = await lockDatabaseFile(parseDatabaseUrl(embeddedUrl(file)));
  const fromRunning = await move(embeddedUrl(file), await emptyDatabaseUrl('postgres', folder));
  await lock.release();
  const other = await startBridge(used);
  const toRunning = await move(embeddedUrl(file), used);
  await other.stop();
  const toOther = await move(embeddedUrl(file), used);
  expect([fromRunning, toRunning, toOther]).toMatchObject(Array(3).fill({ code: 1, stdout: '' }));
  expect(fromRunning.stderr).toContain('is in use');
  expect(toRunning.stderr).toContain('stop every process');
  expect(toOther.stderr).toContain('move into an empty database');
});

it('says what is missing', async () => {
  const nowhere = await move(embeddedUrl(join(folder, 'none.db')), embeddedUrl(join(folder, 'target.db')));
  expect(nowhere).toMatchObject({ code: 1 });
  expect(nowhere.stderr).toContain('There is no database');
  expect((await move('', '')).code).toBe(2);
});
