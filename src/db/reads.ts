/**
 * Reads that belong to no transaction. On SQLite they have connections of their own: the one that writes is busy
 * while a transaction lasts, and in WAL mode a reader sees what is committed and waits for nobody. Where Node itself
 * drives SQLite, a read that may take long has a process of its own, because a statement blocks the thread that sends
 * it. On PostgreSQL they come from the pool.
 */

import { pathToFileURL } from 'node:url';
import knex, { type Knex } from 'knex';
import { NodeSqliteClient, type Settings } from './embedded/dialect.ts';
import { COMPILE_SQL_ON_ERROR, type Db, dialectOf } from './open.ts';

/**
 * How many reads run at once: the package runs on Node's four threads, and a writer needs one of them; with Node's
 * driver, each is a process.
 */
const READS_MAX = 4;
const ACQUIRE_TIMEOUT_MS = 7_000;

interface Readers {
  /** For reads that may take long. */
  readonly far: Knex;
  /** For reads that an index answers. */
  readonly near: Knex;
}

const readers = new WeakMap<Db, Readers>();

/** Where to read from outside of a transaction: `db` itself where it is one, or where separate reads gain nothing. */
export function readsOf(db: Db): Db {
  return readersOf(db)?.far ?? db;
}

/** The same for a few rows that an index finds at once; use it for nothing else. */
export function keyedReadsOf(db: Db): Db {
  return readersOf(db)?.near ?? db;
}

/** Null where the database is closed already, or is in memory, which only its own connection sees. */
function readersOf(db: Db): Readers | null {
  if (db.isTransaction || dialectOf(db) === 'postgres') return null;
  return readers.get(db) ?? openReaders(db);
}

/** Opens the readers; they are closed with the database. */
function openReaders(db: Db): Readers | null {
  const { client } = db;
  const { filename } = client.config.connection;
  if (filename === ':memory:' || !client.pool) return null;
  const opened = client instanceof NodeSqliteClient ? readersOfNode(filename) : readersOfPackage(filename);
  readers.set(db, opened);
  const close = client.destroy.bind(client);
  client.destroy = async () => {
    for (const reads of new Set(Object.values(opened))) await reads.destroy();
    await close();
  };
  return opened;
}

function readersOfPackage(file: string): Readers {
  // knex would add the read-only flag to those for writing, which SQLite refuses.
  const connection = { filename: `${pathToFileURL(file).href}?mode=ro`, flags: ['OPEN_URI'] };
  const reads = openReader('sqlite3', connection, READS_MAX);
  return { far: reads, near: reads };
}

function readersOfNode(filename: string): Readers {
  const near: Settings = { filename, readOnly: true };
  return {
    near: openReader(NodeSqliteClient, near, 1),
    far: openReader(NodeSqliteClient, { ...near, remote: true }, READS_MAX),
  };
}

function openReader(client: string | typeof Knex.Client, connection: object, max: number): Knex {
  return knex({
    client,
    compileSqlOnError: COMPILE_SQL_ON_ERROR,
    connection: connection as Knex.StaticConnectionConfig,
    useNullAsDefault: true,
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: { min: 0, max },
  });
}

/** The read was ended because it took too long. */
export class ReadTooLong extends Error {
  constructor() {
    super('the read took too long');
    this.name = 'ReadTooLong';
  }
}

/** How often a running statement is interrupted again: between two statements, an interrupt meets nothing. */
const INTERRUPT_AGAIN_MS = 20;

/** Reads as of one moment, for so long at most. Throws ReadTooLong. */
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
