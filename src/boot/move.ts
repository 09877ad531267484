/**
 * `move`: copies a whole database into another while no bridge runs, such as the embedded one into PostgreSQL. It
 * leaves the source as it is and refuses a target that is not empty.
 */

import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Knex } from 'knex';
import { writeBackup } from '../db/backup/backup.ts';
import { holdingOf, replaceBy } from '../db/backup/move.ts';
import { lockDatabaseFile } from '../db/embedded/lock.ts';
import { makePrivate } from '../db/embedded/paths.ts';
import { forgetFact } from '../db/facts.ts';
import { migrate, readSchema } from '../db/migrations.ts';
import { type DatabaseLocation, parseDatabaseUrl } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { openFile, openQuietly } from './backup.ts';
import { inWords, refuseNewer, refuseRunning } from './database.ts';

export interface Move {
  /** In the form of `DATABASE_URL`. */
  readonly from: string;
  readonly to: string;
  /** Holds the copy during the move. */
  readonly dataDirectory: string;
  readonly clock: Clock;
}

/** Answers the text for the terminal. Throws an Error whose message a person can read; nothing is changed then. */
export async function move({ dataDirectory, clock, ...urls }: Move): Promise<string> {
  const [from, to] = [parseDatabaseUrl(urls.from), parseDatabaseUrl(urls.to)];
  if (from.dialect === to.dialect && from.target === to.target)
    throw new Error('The source and the target are the same database');
  if (from.dialect === 'sqlite' && !existsSync(from.target))
    throw new Error(`There is no database ${from.target}: check --from`);
  const locks = [await lockOf(from), await lockOf(to)];
  const path = resolve(dataDirectory, `moving.${process.pid}.db`);
  const target = openQuietly(to);
  try {
    await copyOf(from, path, isoTime(clock.now()));
    const file = openFile(path);
    try {
      await migrate(file);
      await inWords(to, () => prepare(target, to));
      const { tables, rows } = await inWords(to, () => replaceBy(target, file));
      return `Moved ${rows} rows of ${tables} tables; counts and digests are the same. The source is as it was.`;
    } finally {
      await file.destroy();
    }
  } finally {
    await target.destroy();
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    for (const lock of locks) await lock?.release();
  }
}

function lockOf(location: DatabaseLocation) {
  return location.dialect === 'sqlite' ? lockDatabaseFile(location) : null;
}

async function copyOf(from: DatabaseLocation, path: string, at: string): Promise<void> {
  const source = openQuietly(from);
  try {
    const schema = await inWords(from, () => readSchema(source));
    refuseNewer(schema);
    if (schema.applied.length === 0) throw new Error('The source is empty: there is nothing to move');
    await refuseRunning(from, source, 'the source');
    makePrivate(path);
    await inWords(from, () => writeBackup(source, path, openFile, at));
  } finally {
    await source.destroy();
  }
  const file = openFile(path);
  // A restored backup starts with its stores paused; a moved database goes on, so the mark of a backup is removed.
  await forgetFact(file, 'backup').finally(() => file.destroy());
}

async function prepare(target: Knex, to: DatabaseLocation): Promise<void> {
  refuseNewer(await readSchema(target));
  await refuseRunning(to, target, 'the target');
  await migrate(target);
  if ((await holdingOf(target)) === 'other')
    throw new Error(
      'The target holds data of its own, or a bridge has worked on it since the last move: move into an empty database',
    );
}
