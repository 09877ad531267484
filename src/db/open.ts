/**
 * Opens the database that `DATABASE_URL` names. Everything about a connection that depends on the dialect is here;
 * queries are the same on both.
 */

import type { Socket } from 'node:net';
import knex, { type Knex } from 'knex';
import { NodeSqliteClient, type Settings } from './embedded/dialect.ts';
import { makePrivate, realPath } from './embedded/paths.ts';
import { beginWithFirst } from './postgres/beginning.ts';
import { PostgresClient } from './postgres/client.ts';
import { PreparedStatements, prepareOften, type Querying } from './postgres/preparing.ts';

export type Dialect = 'sqlite' | 'postgres';

/** The driver of an embedded database: Node itself, or the `sqlite3` package. Each opens the other's file. */
export type Driver = 'node' | 'sqlite3';

/**
 * The first argument of a repository function: the database, or the transaction that it must run in. SQLite has one
 * connection, so a query outside the open transaction would wait for it for ever. For the same reason a transaction must
 * not wait for a query that others sent outside of it.
 */
export type Db = Knex;

export interface DatabaseLocation {
  readonly dialect: Dialect;
  /** The file for SQLite, the URL for PostgreSQL. */
  readonly target: string;
  /** For SQLite; DRIVER_DEFAULT where absent. */
  readonly driver?: Driver;
}

export const DRIVER_DEFAULT: Driver = 'node';

/** Throws an Error whose message says what is allowed. */
export function parseDatabaseUrl(url: string): DatabaseLocation {
  const { path, driver } =
    /^sqlite:(?<path>[^?]+)(\?driver=(?<driver>sqlite3|node))?$/.exec(url)?.groups ?? {};
  if (path !== undefined) {
    return {
      dialect: 'sqlite',
      target: path.replace(/^\/\/(?=[^/])/, '').replace(/^\/\/\//, '/'),
      ...(driver === undefined ? {} : { driver: driver as Driver }),
    };
  }
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { dialect: 'postgres', target: url };
  throw new Error(
    'DATABASE_URL must be sqlite:PATH, where need be with ?driver=sqlite3, or postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  );
}

/** Where knex writes what it would otherwise print: failed connections and deprecations. */
export interface DatabaseLog {
  warn(message: string): void;
  error(message: string): void;
  debug(message: string): void;
}

/** `brief`: for a request, which must be answered soon. `long`: for work on whole tables. */
export type Patience = 'brief' | 'long';

/** Without a log, knex prints to the console. */
export function openDatabase(
  location: DatabaseLocation,
  log?: DatabaseLog,
  patience: Patience = 'brief',
): Knex {
  return knex({ ...databaseConfig(location, patience), ...(log ? { log: logger(log) } : {}) });
}

export function databaseConfig(location: DatabaseLocation, patience: Patience): Knex.Config {
  const { dialect, target, driver = DRIVER_DEFAULT } = location;
  return dialect === 'sqlite' ? sqlite(target, driver) : postgres(target, patience);
}

function logger(log: DatabaseLog): Knex.Logger {
  return {
    // knex appends the stack, which adds nothing to the first line.
    warn: (message) => log.warn(String(message).split('\n', 1)[0] as string),
    error: (message) => log.error(String(message).split('\n', 1)[0] as string),
    debug: (message) => log.debug(String(message)),
    deprecate: (method, alternative) => log.warn(`knex: ${method} is deprecated, use ${alternative}`),
  };
}

export function dialectOf(db: Db): Dialect {
  return db.client.config.client === 'pg' ? 'postgres' : 'sqlite';
}

/** Locks the row that the query reads (PostgreSQL). On SQLite the transaction itself is the lock. */
export function forUpdate<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forUpdate() as Q) : query;
}

/** As `forUpdate`, but others may refer to the row meanwhile. */
export function forNoKeyUpdate<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forNoKeyUpdate() as Q) : query;
}

/**
 * Until the transaction ends, nobody changes the row that the query reads. On SQLite the transaction itself is the
 * lock.
 */
export function forShare<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forShare() as Q) : query;
}

/** As `forShare`, but only for the row's keys: columns without a unique index may change meanwhile. */
export function forKeyShare<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forKeyShare() as Q) : query;
}

/** The rows of a raw statement's answer, which differs between drivers. */
export function rowsOf<Row>(answer: readonly Row[] | { readonly rows: readonly Row[] }): readonly Row[] {
  return 'rows' in answer ? answer.rows : answer;
}

/** Whether an insert or update violated a unique index. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === '23505') return true;
  return code === 'SQLITE_CONSTRAINT' && /UNIQUE constraint failed/.test(String((error as Error).message));
}

/** Whether PostgreSQL rolled back one of two crossing transactions: deadlock_detected, serialization_failure. */
export function isCrossed(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === '40P01' || code === '40001';
}

/**
 * A request is answered within 20 s even where the server stands still: it waits for a connection, then for one
 * statement, and gives up at the first limit that passes.
 */
const ACQUIRE_TIMEOUT_MS = 7_000;
/**
 * With `true`, knex would write the values of a statement, people and secrets among them, into errors and so into the
 * log.
 */
export const COMPILE_SQL_ON_ERROR = false;

/** FULL: a request gets a 2xx only after its change is durable. */
const PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;';
const WAIT = 'PRAGMA busy_timeout = 5000;';
/** Node's own driver would wait in this thread, so its dialect waits once the connection is open. */
const OPENED = {
  sqlite3: `${PRAGMAS} ${WAIT}`,
  node: `${WAIT} ${PRAGMAS} PRAGMA busy_timeout = 0;`,
} as const;

export function clientOf(driver: Driver = DRIVER_DEFAULT): string | typeof Knex.Client {
  return driver === 'node' ? NodeSqliteClient : 'sqlite3';
}

/** How many callers may stand in line for the one connection that writes, before others wait for a place in it. */
const ACCESSES_MAX = 64;

function sqlite(filename: string, driver: Driver): Knex.Config {
  if (filename !== ':memory:') makePrivate(realPath(filename));
  const common = {
    client: clientOf(driver),
    compileSqlOnError: COMPILE_SQL_ON_ERROR,
    useNullAsDefault: true,
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
  };
  if (driver === 'node') {
    const connection: Settings = { filename, opening: OPENED.node };
    return { ...common, connection, pool: { min: 1, max: ACCESSES_MAX } };
  }
  const afterCreate = (
    connection: { exec(sql: string, done: (error: Error | null) => void): void },
    done: (error: Error | null, connection: unknown) => void,
  ) => {
    connection.exec(OPENED.sqlite3, (error) => done(error, connection));
  };
  return { ...common, connection: { filename }, pool: { min: 1, max: 1, afterCreate } };
}

const POOL_MAX = 10;
/** The server's own limits: for a statement, and for the wait for a locked row. */
const STATEMENT_MAX_MS = 10_000;
const LOCK_WAIT_MAX_MS = 8_000;
/** A live server answers before that, if only to say that the statement took too long. */
const SILENCE_MAX_MS = 12_000;
const CONNECT_MAX_MS = 5_000;
/** A process that stands still in a transaction would keep others from the rows that it locked. */
const IDLE_IN_TRANSACTION_MAX_MS = 10_000;

const SESSION_LIMITS = `
  set statement_timeout = ${STATEMENT_MAX_MS};
  set lock_timeout = ${LOCK_WAIT_MAX_MS};
  set idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MAX_MS}`;

/** The part of a pg client that is used here; `readyForQuery` is false while an answer is owed. */
interface PostgresConnection extends Querying {
  readonly readyForQuery: boolean;
  readonly connection: { readonly stream: Socket };
}

/** An option that `beginWithFirst` and shared sessions need, and that knex's types lack. */
const PIPELINED: object = { pipeline: true };

function postgres(url: string, patience: Patience): Knex.Config {
  const statements = new PreparedStatements();
  return {
    client: PostgresClient,
    compileSqlOnError: COMPILE_SQL_ON_ERROR,
    connection: {
      connectionString: url,
      application_name: 'scim-bridge',
      connectionTimeoutMillis: CONNECT_MAX_MS,
      keepAlive: true,
      ...(patience === 'brief' ? PIPELINED : {}),
    },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: {
      min: 0,
      max: POOL_MAX,
      createTimeoutMillis: ACQUIRE_TIMEOUT_MS,
      afterCreate: (
        connection: PostgresConnection,
        done: (error: Error | null, connection: unknown) => void,
      ) => {
        if (patience === 'long') return done(null, connection);
        endSilence(connection);
        prepareOften(connection, statements);
        beginWithFirst(connection, connection.connection.stream);
        // Not in the startup message, because poolers refuse parameters there that they do not know.
        connection.query(SESSION_LIMITS, (error) => done(error, connection));
      },
    },
  };
}

/** A server that stands still, or a network that swallows packets, closes nothing, so the socket is cut here. */
function endSilence(connection: PostgresConnection): void {
  const { stream } = connection.connection;
  stream.setTimeout(SILENCE_MAX_MS, () => {
    if (connection.readyForQuery) return;
    stream.destroy(Object.assign(new Error('PostgreSQL has not answered in time'), { code: 'ETIMEDOUT' }));
  });
}
