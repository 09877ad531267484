/**
 * The database of the simulation: SQLite in memory, behind the same knex dialect, but called in this thread.
 * The driver of the product hands each statement to another thread, which for hundreds of thousands of
 * statements costs more than the statements do.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Knex } from 'knex';
import { migrate } from '../src/db/migrations.ts';
import { openDatabase } from '../src/db/open.ts';

/** One for all histories of this process, emptied in between. */
export interface Database {
  readonly db: Knex;
  /** Called before a connection is used outside of a transaction, and before each transaction. */
  onAcquire: () => Promise<void>;
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function openSimulationDatabase(): Promise<Database> {
  const db = openDatabase({ dialect: 'sqlite', target: ':memory:' });
  const client = db.client as { driver: object; acquireConnection(): Promise<unknown> };
  client.driver = { Database: Connection };
  await migrate(db);
  const rows: { name: string }[] = await db('sqlite_master').where({ type: 'table' }).select('name');
  const tables = rows.map((row) => row.name).filter((name) => !/^(knex_|sqlite_)/.test(name));
  const emptied = tables.map((name) => `DELETE FROM "${name}";`).join('\n');
  const database: Database = {
    db,
    onAcquire: async () => {},
    async empty() {
      const connection = (await db.client.acquireConnection()) as Connection;
      connection.execute(`PRAGMA foreign_keys = OFF; BEGIN; ${emptied} COMMIT; PRAGMA foreign_keys = ON;`);
      await db.client.releaseConnection(connection);
    },
    close: () => db.destroy(),
  };
  const acquire = client.acquireConnection.bind(client);
  client.acquireConnection = async () => {
    await database.onAcquire();
    return acquire();
  };
  return database;
}

type Done<T> = (this: { changes: number; lastID: number }, error: Error | null, result?: T) => void;

/** What knex asks of a connection of the `sqlite3` package. */
class Connection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(filename: string, _flags: number, opened: (error: Error | null) => void) {
    this.#db = new DatabaseSync(filename);
    queueMicrotask(() => opened(null));
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

  close(done: (error: Error | null) => void): void {
    this.#db.close();
    done(null);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const prepared = this.#db.prepare(sql);
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

/** By the code that the package gives a broken constraint. */
function asTheirs(error: Error & { errcode?: number }): Error {
  const isConstraint = ((error.errcode ?? 0) & 0xff) === CONSTRAINT;
  return isConstraint ? Object.assign(error, { code: 'SQLITE_CONSTRAINT' }) : error;
}
