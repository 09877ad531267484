/**
 * One process at a time works on an embedded database. It holds a lock that the operating system releases when the
 * process ends, however it ends.
 */

import { statSync } from 'node:fs';
import { promisify } from 'node:util';
import knex from 'knex';
import { clientOf, type DatabaseLocation } from '../open.ts';
import { makePrivate, realPath } from './paths.ts';

export interface DatabaseLock {
  release(): Promise<void>;
}

interface Executing {
  exec(sql: string, done: (error: Error | null) => void): void;
}

/**
 * Waits a second, because the predecessor may still be closing its files. Nothing is ever written, so there must be
 * no journal.
 */
const TAKE = 'pragma busy_timeout = 1000; pragma journal_mode = off; begin exclusive';

/**
 * Takes SQLite's own lock on an empty file beside the database: Node has no other lock that ends with its process.
 * The file stays, because two processes that each made a new one would each lock their own. Throws an Error for
 * people where another process holds the lock.
 */
export async function lockDatabaseFile({ target, driver }: DatabaseLocation): Promise<DatabaseLock> {
  const path = realPath(target);
  refuseSecondName(path);
  const filename = `${path}-lock`;
  makePrivate(filename);
  const pool = { min: 1, max: 1 };
  const lock = knex({ client: clientOf(driver), connection: { filename }, useNullAsDefault: true, pool });
  try {
    const connection: Executing = await lock.client.acquireConnection();
    await promisify(connection.exec.bind(connection))(TAKE).finally(() =>
      lock.client.releaseConnection(connection),
    );
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

/** SQLite finds its journal by the name of the file, and would not find it under another name. */
function refuseSecondName(path: string): void {
  const names = statSync(path, { throwIfNoEntry: false })?.nlink ?? 1;
  if (names <= 1) return;
  throw new Error(
    `The database ${path} has ${names} names (hard links), and SQLite loses what is written under another one: remove the others.`,
  );
}
