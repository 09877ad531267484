/**
 * One connection of Node's own SQLite, which answers in this thread. It keeps prepared statements, takes the values
 * that knex gives, and fails with the codes and words of the `sqlite3` package. It must not know knex.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { giveWay } from '../../support/turns.ts';

/** `rows`: the rows that the statement answers. `changes`: how many rows it changed. */
export type AnswerKind = 'rows' | 'changes';

export interface Result {
  readonly rows: readonly unknown[];
  readonly changes: number;
  readonly lastID: number;
}

export interface ConnectionOptions {
  readonly file: string;
  readonly readOnly: boolean;
  /** Statements that run first. */
  readonly opening?: string | undefined;
}

/**
 * A list of values makes a different statement for each of its lengths, so only the ones used last are kept, and no
 * long ones.
 */
const KEPT_MAX = 400;
const KEPT_CHARACTERS_MAX = 4_000;

export class Connection {
  readonly #db: DatabaseSync;
  readonly #kept = new Map<string, StatementSync>();

  /** Throws where the file cannot be opened. */
  constructor({ file, readOnly, opening }: ConnectionOptions) {
    this.#db = asPackage(() => new DatabaseSync(file, { readOnly }));
    try {
      if (opening !== undefined) asPackage(() => this.#db.exec(opening));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** Runs several statements, as `sqlite3` does. */
  exec(sql: string, done: (error: Error | null) => void): void {
    let failed: Error | null = null;
    try {
      asPackage(() => this.#db.exec(sql));
    } catch (error) {
      failed = error as Error;
    }
    done(failed);
  }

  run(sql: string, values: readonly unknown[], wanted: AnswerKind): Result {
    return asPackage(() => {
      const statement = this.#prepare(sql);
      const bound = values.map(toSql);
      if (wanted === 'rows') return { rows: statement.all(...bound).map(asRow), changes: 0, lastID: 0 };
      const { changes, lastInsertRowid } = statement.run(...bound);
      return { rows: [], changes: Number(changes), lastID: Number(lastInsertRowid) };
    });
  }

  close(): void {
    this.#kept.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#kept.get(sql);
    const statement = known ?? this.#db.prepare(sql);
    if (sql.length > KEPT_CHARACTERS_MAX) return statement;
    if (known) this.#kept.delete(sql);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= KEPT_MAX) this.#kept.delete(oldest);
    this.#kept.set(sql, statement);
    return statement;
  }
}

/** Node binds every number as a real, which SQLite writes as `5.0` where it turns it into text. */
function toSql(value: unknown): SQLInputValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (value instanceof Date) return value.getTime();
  if (value === undefined || value === null) return null;
  // Node takes an object in first place for named values.
  if (typeof value === 'object' && !ArrayBuffer.isView(value)) throw new TypeError('SQLite holds no objects');
  return value as SQLInputValue;
}

/** A row with its bytes as `sqlite3` answers them. */
function asRow(row: Record<string, unknown>): Record<string, unknown> {
  for (const name in row) {
    const value = row[name];
    if (value instanceof Uint8Array)
      row[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  return row;
}

/** SQLite's primary result codes. */
const CODES: Readonly<Record<number, string>> = {
  1: 'SQLITE_ERROR',
  2: 'SQLITE_INTERNAL',
  3: 'SQLITE_PERM',
  4: 'SQLITE_ABORT',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  9: 'SQLITE_INTERRUPT',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  12: 'SQLITE_NOTFOUND',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  16: 'SQLITE_EMPTY',
  17: 'SQLITE_SCHEMA',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  21: 'SQLITE_MISUSE',
  22: 'SQLITE_NOLFS',
  23: 'SQLITE_AUTH',
  24: 'SQLITE_FORMAT',
  25: 'SQLITE_RANGE',
  26: 'SQLITE_NOTADB',
};
const PRIMARY = 0xff;

/** Somebody else has written since this transaction read, so waiting for the lock is in vain. */
const BUSY_SNAPSHOT = 517;

/** How long to wait for another process that has the lock: as long as SQLite itself would, in this thread. */
const BUSY_MAX_MS = 5_000;
const BUSY_AGAIN_MS = 20;

/**
 * Runs work that blocks this thread for a moment, after others had their turn, once no other process has the lock.
 */
export async function whenFree<T>(work: () => T, giveWayFirst = giveWay): Promise<T> {
  // Without this, a statement that is answered at once would give nobody else a turn.
  await giveWayFirst();
  for (let until: number | null = null; ; ) {
    try {
      return work();
    } catch (error) {
      if (!isWorthWaiting(error)) throw error;
      until ??= performance.now() + BUSY_MAX_MS;
      if (performance.now() >= until) throw error;
      await new Promise((done) => setTimeout(done, BUSY_AGAIN_MS));
    }
  }
}

function isWorthWaiting(error: unknown): boolean {
  const { code, extended } = error as { readonly code?: unknown; readonly extended?: unknown };
  return code === 'SQLITE_BUSY' && extended !== BUSY_SNAPSHOT;
}

function asPackage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { errcode, message } = error as Error & { readonly errcode?: number };
    const code = errcode === undefined ? undefined : CODES[errcode & PRIMARY];
    if (code === undefined) throw error;
    const errno = (errcode as number) & PRIMARY;
    throw Object.assign(new Error(`${code}: ${message}`), { code, errno, extended: errcode });
  }
}
