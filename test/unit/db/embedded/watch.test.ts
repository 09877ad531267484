/** A database file that is removed, renamed, replaced or written over while it is in use. */

import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { DatabaseReplaced, type FileWatch, watchDatabaseFile } from '../../../../src/db/embedded/watch.ts';
import { migrate } from '../../../../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../../../../src/db/open.ts';
import { isDatabaseOutage } from '../../../../src/db/outage.ts';
import { embeddedUrl, freshDatabaseUrl } from '../../../database.ts';

let directory: string;
let file: string;
let db: Knex;
let watch: FileWatch;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'scim-bridge-watch-'));
  file = parseDatabaseUrl(await freshDatabaseUrl('sqlite', directory)).target;
  db = openDatabase(parseDatabaseUrl(embeddedUrl(file)));
  watch = await watchDatabaseFile(db, file);
  await write('first');
});
afterEach(async () => {
  await db.client.destroy();
  rmSync(directory, { recursive: true });
});

const write = (key: string) => db.transaction((tx) => tx('bridge').insert({ key, value: '' }));
const other = async (): Promise<string> => {
  const path = join(directory, 'other.db');
  const opened = openDatabase(parseDatabaseUrl(embeddedUrl(path)));
  await migrate(opened);
  await opened.destroy();
  return path;
};
async function expectRefusals(): Promise<void> {
  const error = await write('refused').then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DatabaseReplaced);
  expect(isDatabaseOutage(error)).toBe(true);
  expect(() => watch.demandInPlace()).toThrow(DatabaseReplaced);
}

it('is content with the file that it opened, checkpoints and other readers included', async () => {
  await db.raw('pragma wal_checkpoint(truncate)');
  await write('second');
  const reader = openDatabase(parseDatabaseUrl(embeddedUrl(file)));
  expect(await reader('bridge').pluck('key')).toEqual(['first', 'second']);
  await reader.destroy();
  await write('third');
  await db.raw('vacuum');
  await write('fourth');
});

it('refuses a write after the file was removed', async () => {
  unlinkSync(file);
  await expectRefusals();
});

it.each(['-wal', '-shm'])('refuses a write after the file %s was removed', async (suffix) => {
  unlinkSync(file + suffix);
  await expectRefusals();
});

it('refuses a write while the file is moved away, and goes on when it is back', async () => {
  const moved = join(directory, 'moved.db');
  renameSync(file, moved);
  await expectRefusals();
  renameSync(moved, file);
  await write('second');
  expect(await db('bridge').pluck('key')).toEqual(['first', 'second']);
});

it('refuses a write after another file was moved into its place', async () => {
  renameSync(await other(), file);
  await expectRefusals();
});

it('refuses a write after another database was copied over it', async () => {
  copyFileSync(await other(), file);
  await expectRefusals();
});

it('refuses a write after a backup of itself from before this start was copied over it', async () => {
  const backup = join(directory, 'backup.db');
  await db.raw('vacuum into ?', [backup]);
  await db.destroy();
  db = openDatabase(parseDatabaseUrl(embeddedUrl(file)));
  watch = await watchDatabaseFile(db, file);
  await write('second');
  copyFileSync(backup, file);
  await expectRefusals();
});

it('refuses a write after the link to the file leads elsewhere', async () => {
  const link = join(directory, 'link.db');
  symlinkSync(file, link);
  await db.destroy();
  db = openDatabase(parseDatabaseUrl(embeddedUrl(link)));
  watch = await watchDatabaseFile(db, link);
  await write('second');
  unlinkSync(link);
  symlinkSync(await other(), link);
  await expectRefusals();
});

it('calls nothing done that was committed into a file that went meanwhile', async () => {
  const aside = join(directory, 'aside');
  mkdirSync(aside);
  // After the check before the commit.
  db.on('query', ({ sql }) => {
    if (/^commit/i.test(sql)) renameSync(file, join(aside, 'moved.db'));
  });
  const committing = db.transaction((tx) => tx('bridge').insert({ key: 'late', value: '' }));
  await expect(committing).rejects.toThrow(DatabaseReplaced);
});

it('still reads what it has when the file is gone', async () => {
  unlinkSync(file);
  expect(await db('bridge').pluck('key')).toEqual(['first']);
});
