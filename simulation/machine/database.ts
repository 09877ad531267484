/**
 * The simulation's database: SQLite in memory, behind knex's dialect for the `sqlite3` package, but called in this
 * thread. The product's drivers do not suit: the package hands each statement to another thread, and Node's driver
 * yields by real time, so no history could be repeated.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Knex } from 'knex';
import { migrate } from '../../src/db/migrations.ts';
import { openDatabase } from '../../src/db/open.ts';

/** One process's access to the database. */
export interface Access {
  readonly db: Knex;
  /** Called before a connection is used outside of a transaction, and before each transaction. */
  onAcquire: () => Promise<void>;
}

/** One for all histories of this process, emptied between them. */
export interface Database {
  readonly accesses: readonly [Access, Access];
  inTransaction(): boolean;
  /** For judges, at once. */
  rows(sql: string): readonly Readonly<Record<string, unknown>>[];
  empty(): void;
  close(): Promise<void>;
}

export async function openSimulationDatabase(): Promise<Database> {
  const connection = new Connection();
  const accesses: Database['accesses'] = [accessTo(connection), accessTo(connection)];
  await migrate(accesses[0].db);
  const emptied = connection
    .tables()
    .filter((name) => !/^(knex_|sqlite_)/.test(name))
    .map((name) => `DELETE FROM "${name}";`)
    .join('\n');
  return {
    accesses,
    inTransaction: () => connection.inTransaction,
    rows: (sql) => connection.rows(sql),
    empty: () =>
      connection.execute(`PRAGMA foreign_keys = OFF; BEGIN; ${emptied} COMMIT; PRAGMA foreign_keys = ON;`),
    async close() {
      for (const { db } of accesses) await db.destroy();
    },
  };
}

function accessTo(connection: Connection): Access {
  const db = openDatabase({ dialect: 'sqlite', target: ':memory:', driver: 'sqlite3' });
  const access: Access = { db, onAcquire: async () => {} };
  const client = db.client as { driver: object; acquireConnection(): Promise<unknown> };
  client.driver = {
    Database: function opened(_file: string, _flags: number, done: (error: null) => void) {
      queueMicrotask(() => done(null));
      return connection;
    },
  };
  const acquire = client.acquireConnection.bind(client);
  client.acquireConnection = async () => {
    await access.onAcquire();
    return acquire();
  };
  return access;
}

type Done<T> = (this: { changes: number; lastID: number }, error: Error | null, result?: T) => void;

/** A list of values gives one statement for each length of the list: kept for ever, they would fill gigabytes. */
const MAX_STATEMENTS = 1000;

/** The part of a `sqlite3` connection that knex uses. */
class Connection {
  readonly #db = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, StatementSync>();

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  tables(): readonly string[] {
    const rows = this.#db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    return rows.map(({ name }) => String(name));
  }

  rows(sql: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#statement(sql).all();
  }

  execute(sql: string): void {
    this.#db.exec(sql);
  }

  exec(sql: string, done: (error: Error | null) => void): void {
    this.execute(sql);
    done(null);
  }

  all(sql: string, bindings: readonly unknown[] | undefined, done: Done<unknown[]>): void {
    this.#call(done, () => ({ result: this.#statement(sql).all(...(bindings ?? []).map(toSql)) }));
  }

  run(sql: string, bindings: readonly unknown[] | undefined, done: Done<void>): void {
    this.#call(done, () => {
      const { changes, lastInsertRowid } = this.#statement(sql).run(...(bindings ?? []).map(toSql));
      return { result: undefined, changes: Number(changes), lastID: Number(lastInsertRowid) };
    });
  }

  /** Shared by all: its memory ends with the process. */
  close(done: (error: Error | null) => void): void {
    done(null);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const prepared = this.#db.prepare(sql);
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size >= MAX_STATEMENTS) this.#statements.delete(oldest);
    this.#statements.set(sql, prepared);
    return prepared;
  }

  #call<T>(done: Done<T>, work: () => { result: T; changes?: number; lastID?: number }): void {
    try {
      const { result, changes = 0, lastID = 0 } = work();
      done.call({ changes, lastID }, null, result);
    } catch (error) {
      done.call({ changes: 0, lastID: 0 }, asTheirs(error as Error));
    }
  }
}

function toSql(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return value.getTime();
  return (value ?? null) as SQLInputValue;
}

const CONSTRAINT = 19;

/** Gives a broken constraint the code that the package gives it. */
function asTheirs(error: Error & { errcode?: number }): Error {
  const isConstraint = ((error.errcode ?? 0) & 0xff) === CONSTRAINT;
  return isConstraint ? Object.assign(error, { code: 'SQLITE_CONSTRAINT' }) : error;
}
