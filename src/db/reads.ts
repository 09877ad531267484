/**
 * Reads that belong to no transaction. On SQLite they have connections of their own: the one that writes is
 * taken for as long as a transaction lasts, and in WAL mode a reader sees what is committed and waits for
 * nobody. On PostgreSQL they come from the same pool as everything else.
 */

import { pathToFileURL } from 'node:url';
import knex, { type Knex } from 'knex';
import { type Db, dialectOf } from './open.ts';

/** Reads at once; SQLite's driver runs on Node's four threads, and a writer needs one of them. */
const READS_MAX = 4;
const ACQUIRE_TIMEOUT_MS = 7_000;

const readers = new WeakMap<Db, Knex>();

/** Where to read from outside of a transaction: `db` itself where it is one, or where nothing is won. */
export function readsOf(db: Db): Db {
  if (db.isTransaction || dialectOf(db) === 'postgres') return db;
  const opened = readers.get(db) ?? openReaders(db);
  return opened ?? db;
}

/** Closed with the database. Null where that is closed already, or in memory: then it is one connection's own. */
function openReaders(db: Db): Knex | null {
  const { client } = db;
  const { filename } = client.config.connection;
  if (filename === ':memory:' || !client.pool) return null;
  const reads = knex({
    client: 'sqlite3',
    compileSqlOnError: client.config.compileSqlOnError,
    // knex would add the flag for reading alone to those for writing, which SQLite refuses.
    connection: { filename: `${pathToFileURL(filename).href}?mode=ro`, flags: ['OPEN_URI'] },
    useNullAsDefault: true,
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: { min: 0, max: READS_MAX },
  });
  readers.set(db, reads);
  const close = client.destroy.bind(client);
  client.destroy = async () => {
    await reads.destroy();
    await close();
  };
  return reads;
}

/** A read was ended because it took longer than it may. */
export class ReadTooLong extends Error {
  constructor() {
    super('the read took too long');
    this.name = 'ReadTooLong';
  }
}

/** A statement is interrupted again while it runs: between two of them an interrupt meets nothing. */
const INTERRUPT_AGAIN_MS = 20;

/** Of one moment, and over after so long. Throws ReadTooLong. */
export async function readWithin<T>(db: Db, maxMs: number, read: (tx: Db) => Promise<T>): Promise<T> {
  try {
    return await readsOf(db).transaction((tx) =>
      dialectOf(db) === 'postgres' ? limitedByServer(tx, maxMs, read) : interrupted(tx, maxMs, read),
    );
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown };
    throw code === 'SQLITE_INTERRUPT' || code === '57014' ? new ReadTooLong() : error;
  }
}

async function limitedByServer<T>(tx: Db, maxMs: number, read: (tx: Db) => Promise<T>): Promise<T> {
  await tx.raw(`set local statement_timeout = ${Math.ceil(maxMs)}`);
  return read(tx);
}

async function interrupted<T>(tx: Db, maxMs: number, read: (tx: Db) => Promise<T>): Promise<T> {
  const connection: { interrupt(): void } = await tx.client.acquireConnection();
  let again: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    connection.interrupt();
    again = setInterval(() => connection.interrupt(), INTERRUPT_AGAIN_MS);
  }, maxMs);
  try {
    return await read(tx);
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}
