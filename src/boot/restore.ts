/**
 * `restore`: replaces the contents of the database with a backup while no bridge runs. It keeps the old contents in a
 * file; the next start pauses every store.
 */

import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import { checkCanary, hasCanary } from '../db/access/canary.ts';
import { backupTime, replaceByBackup } from '../db/backup/backup.ts';
import { lockDatabaseFile } from '../db/embedded/lock.ts';
import { makePrivate } from '../db/embedded/paths.ts';
import { writeFact } from '../db/facts.ts';
import { migrate, readSchema } from '../db/migrations.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { openFile, openQuietly, writeWhole } from './backup.ts';
import { inWords, refuseNewer, refuseRunning } from './database.ts';
import { keyFileOf, readKeyFile } from './ownFiles.ts';

export interface RestoreDeps {
  readonly config: Config;
  readonly clock: Clock;
  /** Asks the person whether the present contents may be replaced. */
  confirm(question: string): Promise<boolean>;
}

/** Answers the text for the terminal. Throws an Error whose message a person can read; nothing is changed then. */
export async function restore(deps: RestoreDeps, file: string): Promise<string> {
  const { database, dataDirectory } = deps.config;
  const path = resolve(file);
  if (!existsSync(path)) throw new Error(`There is no file ${path}`);
  if (database.dialect === 'sqlite') refuseLostDatabase(database.target);
  const copy = resolve(dataDirectory, `restoring.${process.pid}.db`);
  const lock = database.dialect === 'sqlite' ? await lockDatabaseFile(database) : null;
  makePrivate(copy);
  copyFileSync(path, copy);
  const backup = openFile(copy);
  try {
    const takenAt = await readBackup(deps.config, backup, path);
    return await replace(deps, backup, takenAt);
  } finally {
    await backup.destroy();
    for (const suffix of ['', '-wal', '-shm']) rmSync(copy + suffix, { force: true });
    await lock?.release();
  }
}

/** SQLite would read leftover files of the lost database into the new one. */
function refuseLostDatabase(file: string): void {
  const wal = `${file}-wal`;
  if (existsSync(file) || !existsSync(wal)) return;
  throw new Error(
    `${wal} is there, and the database ${file} that it belongs to is not: put the database back beside it; or, where that is lost, move ${wal} away, and restore again`,
  );
}

/** Checks that the backup is complete, was made by this bridge and opens with the key. Answers when it was taken. */
async function readBackup(config: Config, backup: Knex, path: string): Promise<string> {
  const schema = await readSchema(backup).catch((error: unknown) => {
    throw new Error(`${path} is not a backup of the bridge: it is no SQLite file`, { cause: error });
  });
  if (schema.applied.length === 0) throw new Error(`${path} is not a backup of the bridge`);
  refuseNewer(schema);
  const [{ quick_check: state }] = await backup.raw('pragma quick_check(1)');
  if (state !== 'ok') throw new Error(`${path} is damaged (${state}): take another backup`);
  await migrate(backup);
  const key = config.keyring ?? readKeyFile(config.dataDirectory);
  if (await hasCanary(backup)) {
    if (key === null) {
      const place = keyFileOf(config.dataDirectory);
      throw new Error(`The backup is sealed with a key: put it into ${place}, or set ENCRYPTION_KEY to it`);
    }
    await checkCanary(backup, key);
  }
  const takenAt = await backupTime(backup);
  if (takenAt === null) throw new Error(`${path} is not a backup of the bridge: it holds no event`);
  await writeFact(backup, 'backup', takenAt);
  return takenAt;
}

async function replace(
  { config, clock, confirm }: RestoreDeps,
  backup: Knex,
  takenAt: string,
): Promise<string> {
  const { database, dataDirectory } = config;
  const live = openQuietly(database);
  try {
    const before = await inWords(database, () => readSchema(live));
    refuseNewer(before);
    await refuseRunning(database, live, 'this database');
    const holdsData = before.applied.length > 0;
    const now = isoTime(clock.now());
    const aside = resolve(dataDirectory, `before-restore-${now.replaceAll(':', '')}.db`);
    const question = `Replace everything in this database by the backup of ${takenAt}? What is there is kept in ${aside}.`;
    if (holdsData && !(await confirm(question)))
      throw new Error('Nothing was restored: the database is as it was. To restore, answer y, or say --yes');
    if (holdsData) await writeWhole(live, aside, now);
    await inWords(database, () => migrate(live));
    const { sameOrigin } = await replaceByBackup(live, backup);
    return [
      `Restored the backup of ${takenAt}. Every store will be paused: look at its preview, then resume it.`,
      ...(holdsData && sameOrigin
        ? ['Tokens and the audit log stay as they were: what was revoked since then stays revoked.']
        : []),
      ...(holdsData && !sameOrigin
        ? ['What was there was another database: tokens and the audit log are those of the backup.']
        : []),
      ...(holdsData ? [`What was there is kept in ${aside}.`, 'To undo this, restore that file.'] : []),
    ].join('\n');
  } finally {
    await live.destroy();
  }
}
