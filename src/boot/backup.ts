/** `backup`: all of the database at one moment as one file, also while the bridge runs. Never writes over a file. */

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import { writeBackup } from '../db/backup/backup.ts';
import { makePrivate } from '../db/embedded/paths.ts';
import { readSchema } from '../db/migrations.ts';
import { type DatabaseLocation, openDatabase } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { inWords, refuseNewer } from './database.ts';

/** Returns what to tell. Throws an Error for people. */
export async function backUp({ database }: Config, file: string, clock: Clock): Promise<string> {
  const path = resolve(file);
  if (existsSync(path)) throw new Error(`${path} is there already: give the backup another name`);
  if (database.dialect === 'sqlite' && !existsSync(database.target)) {
    throw new Error(`There is no database ${database.target}: check DATABASE_URL`);
  }
  const takenAt = isoTime(clock.now());
  const db = openQuietly(database);
  try {
    const schema = await inWords(database, () => readSchema(db));
    refuseNewer(schema);
    if (schema.applied.length === 0) throw new Error('The database is empty: there is nothing to back up');
    await inWords(database, () => writeWhole(db, path, takenAt));
  } finally {
    await db.destroy();
  }
  return `The backup of ${takenAt} is in ${path}. It holds no encryption key: keep that one apart from it.`;
}

/** A crash leaves the whole file or none under its name. */
export async function writeWhole(db: Knex, path: string, takenAt: string): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  rmSync(unfinished, { force: true });
  // SQLite takes an empty file for none.
  makePrivate(unfinished);
  try {
    await writeBackup(db, unfinished, openFile, takenAt);
    const written = openSync(unfinished, 'r');
    fsyncSync(written);
    closeSync(written);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

export function openFile(path: string): Knex {
  return openQuietly({ dialect: 'sqlite', target: path });
}

/** A command tells what went wrong once, in its own words. */
export function openQuietly(location: DatabaseLocation): Knex {
  const silent = () => {};
  return openDatabase(location, { warn: silent, error: silent, debug: silent }, 'long');
}
