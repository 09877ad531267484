/** The lock of an embedded database, whatever name leads to it. Between processes: `test/e2e/oneProcess.long.test.ts`. */

import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDatabaseFile } from '../../../../src/db/embedded/lock.ts';
import { parseDatabaseUrl } from '../../../../src/db/open.ts';
import { embeddedUrl } from '../../../database.ts';

const lock = (file: string) => lockDatabaseFile(parseDatabaseUrl(embeddedUrl(file)));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'scim-bridge-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('goes by the file, not by the name, and is free again when it is let go of', async () => {
  const data = join(directory, 'data');
  const file = join(data, 'bridge.db');
  const locked = await lock(file);
  const [link, elsewhere] = [join(directory, 'link.db'), join(directory, 'elsewhere')];
  symlinkSync(file, link);
  symlinkSync(data, elsewhere);
  for (const name of [file, link, join(elsewhere, 'bridge.db'), join(data, '..', 'data', 'bridge.db')]) {
    await expect(lock(name)).rejects.toThrow(/^The database .*bridge\.db is in use: /);
  }
  await locked.release();
  await (await lock(link)).release();
  expect(readdirSync(data)).toEqual(['bridge.db-lock']);
  expect(statSync(join(data, 'bridge.db-lock')).mode & 0o777).toBe(0o600);
});

it('keeps databases in one directory apart', async () => {
  const locks = [await lock(join(directory, 'a.db')), await lock(join(directory, 'b.db'))];
  for (const { release } of locks) await release();
});

it('refuses a file with two names', async () => {
  const file = join(directory, 'bridge.db');
  const other = join(directory, 'other');
  writeFileSync(file, '');
  mkdirSync(other);
  linkSync(file, join(other, 'bridge.db'));
  for (const name of [file, join(other, 'bridge.db')]) {
    await expect(lock(name)).rejects.toThrow(/has 2 names \(hard links\)/);
  }
});
