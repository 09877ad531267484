/**
 * One process works on an embedded database: whoever does holds a lock that the operating system lets go of
 * when the process ends, however it ends.
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

/** The predecessor may still be closing its files. Nothing is ever written, so no file of a transaction shall lie about. */
const TAKE = 'pragma busy_timeout = 1000; pragma journal_mode = off; begin exclusive';

/**
 * SQLite's own lock on an empty file beside the database: Node knows no other that ends with its process. The
 * file stays, because two processes that make it anew would each lock their own. Throws an Error for people
 * where somebody else holds the lock.
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

/** SQLite finds what was written last by the name of the file: under another name it is not there. */
function refuseSecondName(path: string): void {
  const names = statSync(path, { throwIfNoEntry: false })?.nlink ?? 1;
  if (names <= 1) return;
  throw new Error(
    `The database ${path} has ${names} names (hard links), and SQLite loses what is written under another one: remove the others.`,
  );
}
