/**
 * One process works on an embedded database: whoever does holds a lock that the operating system lets go of
 * when the process ends, however it ends.
 */

import { statSync } from 'node:fs';
import knex from 'knex';
import { makePrivate, realPath } from './paths.ts';

export interface DatabaseLock {
  release(): Promise<void>;
}

/** The predecessor may still be closing its files. */
const WAIT_MAX_MS = 1_000;

/**
 * SQLite's own lock on an empty file beside the database: Node knows no other that ends with its process. The
 * file stays, because two processes that make it anew would each lock their own. Throws an Error for people
 * where somebody else holds the lock.
 */
export async function lockDatabaseFile(file: string): Promise<DatabaseLock> {
  const path = realPath(file);
  refuseSecondName(path);
  const filename = `${path}-lock`;
  makePrivate(filename);
  const pool = { min: 1, max: 1 };
  const lock = knex({ client: 'sqlite3', connection: { filename }, useNullAsDefault: true, pool });
  try {
    await lock.raw(`pragma busy_timeout = ${WAIT_MAX_MS}`);
    // Nothing is ever written, so no file of a transaction shall lie about.
    await lock.raw('pragma journal_mode = off');
    await lock.raw('begin exclusive');
  } catch (error) {
    await lock.destroy();
    if (!String((error as NodeJS.ErrnoException).code).startsWith('SQLITE_BUSY')) throw error;
    throw new Error(
      `The database ${path} is in use: one process works on an embedded database. Stop the bridge that runs on it; several at once need PostgreSQL.`,
      { cause: error },
    );
  }
  return { release: () => lock.destroy() };
}

/** SQLite finds what was written last by the name of the file: under another name it is not there. */
function refuseSecondName(path: string): void {
  const names = statSync(path, { throwIfNoEntry: false })?.nlink ?? 1;
  if (names <= 1) return;
  throw new Error(
    `The database ${path} has ${names} names (hard links), and SQLite loses what is written under another one: remove the others.`,
  );
}
