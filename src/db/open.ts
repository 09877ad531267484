/**
 * Opens the database that `DATABASE_URL` names. Everything dialect-specific about a connection lives
 * here; queries are the same on both.
 */

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import knex, { type Knex } from 'knex';

export type Dialect = 'sqlite' | 'postgres';

/**
 * What a repository function takes first: the database, or the transaction it must run in. SQLite has
 * one connection, so a query outside the open transaction waits for it forever.
 */
export type Db = Knex;

export interface DatabaseLocation {
  readonly dialect: Dialect;
  /** The file for SQLite, the URL for PostgreSQL. */
  readonly target: string;
}

/** Throws an Error whose message says what is allowed. */
export function parseDatabaseUrl(url: string): DatabaseLocation {
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return {
      dialect: 'sqlite',
      target: url
        .slice('sqlite:'.length)
        .replace(/^\/\/(?=[^/])/, '')
        .replace(/^\/\/\//, '/'),
    };
  }
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { dialect: 'postgres', target: url };
  throw new Error('DATABASE_URL must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE');
}

/** Where knex says what it would otherwise print: connections that failed, and its deprecations. */
export interface DatabaseLog {
  warn(message: string): void;
  error(message: string): void;
  debug(message: string): void;
}

/** Without a log, knex prints to the console. */
export function openDatabase(location: DatabaseLocation, log?: DatabaseLog): Knex {
  return knex({ ...databaseConfig(location), ...(log ? { log: logger(log) } : {}) });
}

export function databaseConfig({ dialect, target }: DatabaseLocation): Knex.Config {
  return dialect === 'sqlite' ? sqlite(target) : postgres(target);
}

function logger(log: DatabaseLog): Knex.Logger {
  return {
    // knex appends the stack, which says no more than the first line.
    warn: (message) => log.warn(String(message).split('\n', 1)[0] as string),
    error: (message) => log.error(String(message).split('\n', 1)[0] as string),
    debug: (message) => log.debug(String(message)),
    deprecate: (method, alternative) => log.warn(`knex: ${method} is deprecated, use ${alternative}`),
  };
}

export function dialectOf(db: Db): Dialect {
  return db.client.config.client === 'pg' ? 'postgres' : 'sqlite';
}

/** Waits for the row (PostgreSQL) that the query reads; on SQLite the transaction alone is the lock. */
export function forUpdate<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forUpdate() as Q) : query;
}

/** As it was read, the row stays until the transaction ends; on SQLite the transaction alone sees to it. */
export function forShare<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forShare() as Q) : query;
}

export interface Insert {
  readonly table: string;
  readonly rows: readonly object[];
}

/** Of one insert: knex makes a compound select of it, which SQLite takes up to 500 terms of. */
const SQLITE_ROWS_MAX = 400;

/** Rows of several tables, parents first. One round trip on PostgreSQL, whose foreign keys wait for its end. */
export async function insertTogether(db: Db, inserts: readonly Insert[]): Promise<void> {
  const filled = inserts.filter(({ rows }) => rows.length > 0);
  if (dialectOf(db) === 'sqlite') {
    for (const { table, rows } of filled)
      for (let done = 0; done < rows.length; done += SQLITE_ROWS_MAX)
        await db(table).insert(rows.slice(done, done + SQLITE_ROWS_MAX));
    return;
  }
  const last = filled.at(-1);
  if (!last) return;
  const query = db(last.table).insert(last.rows);
  for (const [n, { table, rows }] of filled.slice(0, -1).entries()) {
    query.with(`inserted_${n}`, db(table).insert(rows));
  }
  await query;
}

/** True where an insert or update met a unique index. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === '23505') return true;
  return code === 'SQLITE_CONSTRAINT' && /UNIQUE constraint failed/.test(String((error as Error).message));
}

const ACQUIRE_TIMEOUT_MS = 20_000;
/** Otherwise knex writes what people and secrets are in a statement into its error, and so into the log. */
const COMPILE_SQL_ON_ERROR = false;

/** SQLite makes its files readable for everyone; those beside the database take its mode from it. */
function makePrivate(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
}

function sqlite(file: string): Knex.Config {
  if (file !== ':memory:') makePrivate(file);
  return {
    client: 'sqlite3',
    compileSqlOnError: COMPILE_SQL_ON_ERROR,
    connection: { filename: file },
    useNullAsDefault: true,
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: {
      min: 1,
      max: 1,
      afterCreate: (
        connection: { exec(sql: string, done: (error: Error | null) => void): void },
        done: (error: Error | null, connection: unknown) => void,
      ) => {
        // FULL: a request is answered 2xx only after the change is durable.
        const pragmas =
          'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;';
        connection.exec(pragmas, (error) => done(error, connection));
      },
    },
  };
}

const POOL_MAX = 10;
/** A process that stands still in a transaction would keep others from the rows that it has locked. */
const IDLE_IN_TRANSACTION_MAX_MS = 10_000;

function postgres(url: string): Knex.Config {
  return {
    client: 'pg',
    compileSqlOnError: COMPILE_SQL_ON_ERROR,
    connection: { connectionString: url, application_name: 'scim-bridge' },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: {
      min: 0,
      max: POOL_MAX,
      afterCreate: (
        connection: { query(sql: string, done: (error: Error | null) => void): void },
        done: (error: Error | null, connection: unknown) => void,
      ) => {
        const limit = `set idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MAX_MS}`;
        connection.query(limit, (error) => done(error, connection));
      },
    },
  };
}
