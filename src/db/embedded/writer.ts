/**
 * The one connection that writes, shared by all who work at the same time. Transactions take turns. While others stand in
 * line, one that is through leaves its commit to them: each waits until the disk has it, which takes longer than most of
 * what they do. None is called done before it is committed, and none undoes another.
 */

import { giveWayOnce, isLongWork } from '../../support/turns.ts';
import { type Connection, type Result, type Wanted, whenFree } from './connection.ts';

/** What each of them holds, as if it were a connection of its own. */
export interface Access {
  run(sql: string, values: readonly unknown[], wanted: Wanted): Promise<Result>;
  /** Several statements, at once and in nobody's turn. */
  exec(sql: string, done: (error: Error | null) => void): void;
  close(): void;
}

/** Transactions of one commit, at most. */
const SHARED_MAX = 32;
/** So long the first of them waits for the others, but for one that was begun by then. */
const SHARED_MAX_MS = 20;
const TURN_WAIT_MAX_MS = 7_000;
const NOTHING: Result = { rows: [], changes: 0, lastID: 0 };

interface Waiting {
  /** A transaction for which those before it may wait; not one that may take long. */
  readonly shares: boolean;
  take(): void;
}

/** A transaction between its begin and its end. */
interface OpenTransaction {
  /** None before it waits for a commit; else it is a savepoint beside those. */
  readonly isOutermost: boolean;
  /** Why SQLite has undone it, and with it those that waited. */
  undoneBy: Error | null;
}

/** A transaction after its end: told what became of the commit. */
interface Uncommitted {
  resolve(): void;
  reject(error: unknown): void;
}

export class Writer {
  readonly #connection: Connection;
  readonly #line: Waiting[] = [];
  #isTaken = false;
  /** They wait for the commit that they share. */
  #uncommitted: Uncommitted[] = [];
  #firstUncommittedAt = 0;
  #accesses = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get isClosed(): boolean {
    return this.#accesses === 0;
  }

  access(): Access {
    let open: OpenTransaction | null = null;
    this.#accesses += 1;
    return {
      // In the words of knex.
      run: async (sql, values, wanted) => {
        if (open === null) {
          if (sql !== 'BEGIN;') return this.#alone(sql, values, wanted);
          open = await this.#begin();
          return NOTHING;
        }
        if (sql !== 'COMMIT;' && sql !== 'ROLLBACK') return this.#within(open, sql, values, wanted);
        const ending = open;
        open = null;
        await (sql === 'COMMIT;' ? this.#end(ending) : this.#undo(ending));
        return NOTHING;
      },
      exec: (sql, done) => this.#connection.exec(sql, done),
      close: () => {
        this.#accesses -= 1;
        if (this.isClosed) this.#connection.close();
      },
    };
  }

  /** A statement that is a transaction of its own, and reads only what is committed. */
  async #alone(sql: string, values: readonly unknown[], wanted: Wanted): Promise<Result> {
    await this.#turn(false);
    try {
      return await this.#run(sql, values, wanted);
    } finally {
      await this.#pass();
    }
  }

  async #begin(): Promise<OpenTransaction> {
    await this.#turn(true);
    const isOutermost = this.#uncommitted.length === 0;
    try {
      await this.#run(isOutermost ? 'BEGIN' : 'SAVEPOINT member');
    } catch (error) {
      await this.#abandon(error);
      await this.#pass();
      throw error;
    }
    return { isOutermost, undoneBy: null };
  }

  async #within(
    open: OpenTransaction,
    sql: string,
    values: readonly unknown[],
    wanted: Wanted,
  ): Promise<Result> {
    if (open.undoneBy) throw open.undoneBy;
    try {
      return await this.#run(sql, values, wanted);
    } catch (error) {
      // Where the disk is full, for one, SQLite undoes everything that is not committed.
      if (!this.#connection.isInTransaction) {
        open.undoneBy = error as Error;
        await this.#abandon(error);
      }
      throw error;
    }
  }

  async #end({ isOutermost, undoneBy }: OpenTransaction): Promise<void> {
    let committed = Promise.resolve();
    try {
      if (undoneBy) throw undoneBy;
      if (!isOutermost) await this.#demand('RELEASE SAVEPOINT member');
      if (this.#uncommitted.length === 0) this.#firstUncommittedAt = performance.now();
      committed = new Promise((resolve, reject) => this.#uncommitted.push({ resolve, reject }));
      // It is awaited below, once the turn has been passed on.
      committed.catch(() => {});
    } finally {
      await this.#pass();
    }
    await committed;
  }

  async #undo({ isOutermost, undoneBy }: OpenTransaction): Promise<void> {
    try {
      if (undoneBy) return;
      if (isOutermost) return void (await this.#run('ROLLBACK'));
      await this.#demand('ROLLBACK TO SAVEPOINT member');
      await this.#demand('RELEASE SAVEPOINT member');
    } finally {
      await this.#pass();
    }
  }

  #turn(isTransaction: boolean): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        const message = `SQLITE_BUSY: others have worked on the database for ${TURN_WAIT_MAX_MS / 1_000} s`;
        reject(Object.assign(new Error(message), { code: 'SQLITE_BUSY' }));
      }, TURN_WAIT_MAX_MS);
      const take = () => {
        clearTimeout(giveUp);
        resolve();
      };
      const waiting: Waiting = { shares: isTransaction && !isLongWork(), take };
      this.#line.push(waiting);
    });
  }

  /** Whoever is next in line has the turn; those at their end wait only for one that shares their commit. */
  async #pass(): Promise<void> {
    const isFull =
      this.#uncommitted.length >= SHARED_MAX || performance.now() - this.#firstUncommittedAt >= SHARED_MAX_MS;
    if (isFull || !this.#line[0]?.shares) await this.#commit();
    const next = this.#line.shift();
    if (next) next.take();
    else this.#isTaken = false;
  }

  async #commit(): Promise<void> {
    const uncommitted = this.#takeUncommitted();
    if (uncommitted.length === 0) return;
    try {
      await this.#run('COMMIT');
      for (const { resolve } of uncommitted) resolve();
    } catch (error) {
      this.#uncommitted.push(...uncommitted);
      await this.#abandon(error);
    }
  }

  /** Where it fails nobody knows what would be committed: nothing is. */
  async #demand(sql: string): Promise<void> {
    try {
      await this.#run(sql);
    } catch (error) {
      await this.#abandon(error);
      throw error;
    }
  }

  async #abandon(error: unknown): Promise<void> {
    const uncommitted = this.#takeUncommitted();
    if (this.#connection.isInTransaction) await this.#run('ROLLBACK').catch(() => {});
    for (const { reject } of uncommitted) reject(error);
  }

  #takeUncommitted(): readonly Uncommitted[] {
    const uncommitted = this.#uncommitted;
    this.#uncommitted = [];
    return uncommitted;
  }

  #run(sql: string, values: readonly unknown[] = [], wanted: Wanted = 'changes'): Promise<Result> {
    // Everybody who writes waits for whoever has the turn.
    return whenFree(() => this.#connection.run(sql, values, wanted), giveWayOnce);
  }
}
