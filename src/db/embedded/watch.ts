/**
 * Whether the file of an embedded database is still the one that was opened. SQLite goes on writing into a file that
 * was removed, or over one that was copied into its place, and nobody ever reads that.
 */

import { randomInt } from 'node:crypto';
import { openSync, readSync, statSync } from 'node:fs';
import type { Knex } from 'knex';
import { realPath } from './paths.ts';

/** Where SQLite keeps `user_version` in the first page. Here it tells this start from every other. */
const MARK_OFFSET = 60;
const MARK_BYTES = 4;
const MARK_MAX = 2 ** 31 - 1;
/** The database, its journal, and the locks on the journal. */
const FILES = ['', '-wal', '-shm'];

export interface FileWatch {
  isInPlace(): boolean;
  /** Throws `DatabaseReplaced` where the file is gone or another one. */
  demandInPlace(): void;
}

/** Its code marks an outage, as SQLite's own would. */
export class DatabaseReplaced extends Error {
  readonly code = 'SQLITE_READONLY_DBMOVED';

  constructor(path: string) {
    super(
      `The database file ${path} was removed or replaced while the bridge ran: put it back, or restore a backup, and start the bridge again.`,
    );
    this.name = 'DatabaseReplaced';
  }
}

/**
 * Makes every transaction of `db` fail with `DatabaseReplaced` where the file is not in place before or after the
 * commit, so that the bridge calls nothing done that is lost. For the process that holds the lock.
 */
export async function watchDatabaseFile(db: Knex, file: string): Promise<FileWatch> {
  const path = realPath(file);
  const mark = randomInt(1, MARK_MAX);
  await db.raw(`pragma user_version = ${mark}`);
  await db.raw('pragma wal_checkpoint(truncate)');
  const watch = createWatch(path, file, mark);
  const begin = db.transaction.bind(db) as typeof db.transaction;
  const transaction = async <T>(
    work: (tx: Knex.Transaction) => Promise<T>,
    config?: Knex.TransactionConfig,
  ) => {
    const result = await begin(async (tx) => {
      const done = await work(tx);
      watch.demandInPlace();
      return done;
    }, config);
    watch.demandInPlace();
    return result;
  };
  const close = db.destroy.bind(db);
  // SQLite writes into the file when it closes it. A file that somebody has put there must not get our last pages, so
  // the connection stays open until the process ends.
  const destroy = async () => {
    if (watch.isInPlace()) await close();
  };
  Object.defineProperties(db, { transaction: { value: transaction }, destroy: { value: destroy } });
  return watch;
}

function createWatch(path: string, given: string, mark: number): FileWatch {
  // Never closed: that would end the locks that SQLite has on the file for this process.
  const opened = openSync(path, 'r');
  const markNow = (): number | null => {
    const bytes = Buffer.alloc(MARK_BYTES);
    const read = readSync(opened, bytes, 0, MARK_BYTES, MARK_OFFSET);
    return read === MARK_BYTES ? bytes.readUInt32BE() : null;
  };
  // While somebody reads, such as a backup, the new mark reaches the file only later.
  const marks = new Set([mark, markNow()]);
  const known = new Map<string, string>();
  const isKnown = (name: string) => {
    const found = statSync(name, { throwIfNoEntry: false });
    const identity = found && `${found.dev} ${found.ino}`;
    const before = known.get(name);
    // The first transaction makes the files beside the database.
    if (before === undefined && identity) known.set(name, identity);
    return before === undefined || before === identity;
  };
  const names = [...new Set([given, ...FILES.map((suffix) => path + suffix)])];
  for (const name of names) isKnown(name);
  const isInPlace = () => names.every(isKnown) && marks.has(markNow());
  return {
    isInPlace,
    demandInPlace() {
      if (!isInPlace()) throw new DatabaseReplaced(path);
    },
  };
}
