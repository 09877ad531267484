/**
 * `backup`: writes the whole database, as it is at one moment, into one file, even while the bridge runs. Never
 * overwrites a file.
 */

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

/** Answers the text for the terminal. Throws an Error whose message a person can read. */
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

/** After a crash the file is either complete or not there. */
export async function writeWhole(db: Knex, path: string, takenAt: string): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  rmSync(unfinished, { force: true });
  // SQLite treats an empty file as a new database.
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

/** Opens the database without logging: a command reports a failure once, in its own words. */
export function openQuietly(location: DatabaseLocation): Knex {
  const silent = () => {};
  return openDatabase(location, { warn: silent, error: silent, debug: silent }, 'long');
}
