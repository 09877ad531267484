/**
 * Opens the database that `DATABASE_URL` names. Everything dialect-specific about a connection lives
 * here; queries are the same on both.
 */

import { mkdirSync } from 'node:fs';
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

export function openDatabase(location: DatabaseLocation): Knex {
  return location.dialect === 'sqlite' ? openSqlite(location.target) : openPostgres(location.target);
}

export function dialectOf(db: Db): Dialect {
  return db.client.config.client === 'pg' ? 'postgres' : 'sqlite';
}

/** Waits for the row (PostgreSQL) that the query reads; on SQLite the transaction alone is the lock. */
export function forUpdate<Q extends Knex.QueryBuilder>(db: Db, query: Q): Q {
  return dialectOf(db) === 'postgres' ? (query.forUpdate() as Q) : query;
}

/** True where an insert or update met a unique index. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === '23505') return true;
  return code === 'SQLITE_CONSTRAINT' && /UNIQUE constraint failed/.test(String((error as Error).message));
}

const ACQUIRE_TIMEOUT_MS = 20_000;

function openSqlite(file: string): Knex {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  return knex({
    client: 'sqlite3',
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
  });
}

const POOL_MAX = 10;

function openPostgres(url: string): Knex {
  return knex({
    client: 'pg',
    connection: { connectionString: url, application_name: 'scim-bridge' },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    pool: { min: 0, max: POOL_MAX },
  });
}
