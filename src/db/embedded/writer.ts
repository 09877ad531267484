/**
 * The one connection that writes, shared by all callers. Transactions take turns. While others wait, a transaction
 * that is through leaves its commit to them: a commit waits for the disk, which takes longer than most of the work.
 * No transaction counts as done before its commit, and none undoes another. Whoever reads among them is told only what
 * is committed.
 */

import { giveWayOnce, sharesCommits } from '../../support/turns.ts';
import { type AnswerKind, type Connection, type Result, whenFree } from './connection.ts';

/** What each caller holds, as if it were a connection of its own. */
export interface Access {
  run(sql: string, values: readonly unknown[], wanted: AnswerKind): Promise<Result>;
  /** Runs several statements at once, outside the turns. */
  exec(sql: string, done: (error: Error | null) => void): void;
  close(): void;
}

/** How many share one commit, at most. */
const SHARED_MAX = 32;
/** How long the first of them waits for the others at most, apart from one that has begun by then. */
const SHARED_MAX_MS = 20;
const TURN_WAIT_MAX_MS = 7_000;
/** A statement that writes nothing, and may stand among the transactions that share a commit. */
const READ = /^select\b/i;
const NOTHING: Result = { rows: [], changes: 0, lastID: 0 };

interface Waiting {
  /** Whether those before it may wait for this one. */
  readonly shares: boolean;
  take(): void;
}

/** A transaction between its begin and its end. */
interface OpenTransaction {
  /** No transaction before it waits for a commit; otherwise it is a savepoint after those. */
  readonly isOutermost: boolean;
  /** Why SQLite has undone it, together with those that waited. */
  undoneBy: Error | null;
}

/** A transaction after its end, or a statement that has read what those before it wrote, until the commit. */
interface Uncommitted {
  resolve(): void;
  reject(error: unknown): void;
}

export class Writer {
  readonly #connection: Connection;
  readonly #line: Waiting[] = [];
  #isTaken = false;
  /** Those who wait for the commit they share. */
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
      // These are the statements that knex sends.
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

  /** A statement outside of a transaction. What it answers is committed. */
  async #alone(
    sql: string,
    values: readonly unknown[],
    wanted: AnswerKind,
    mayShare = READ.test(sql),
  ): Promise<Result> {
    await this.#turn(mayShare);
    let committed: Promise<void> | null = null;
    let result: Result;
    try {
      result = await this.#attempt(sql, values, wanted);
      if (this.#uncommitted.length > 0) committed = this.#nextCommit();
    } finally {
      await this.#pass();
    }
    try {
      await committed;
    } catch {
      // It has read what was then undone.
      return this.#alone(sql, values, wanted, false);
    }
    return result;
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
    wanted: AnswerKind,
  ): Promise<Result> {
    if (open.undoneBy) throw open.undoneBy;
    try {
      return await this.#attempt(sql, values, wanted);
    } catch (error) {
      if (!this.#connection.isInTransaction) open.undoneBy = error as Error;
      throw error;
    }
  }

  /** When the disk is full, for example, SQLite undoes everything that is not committed. */
  async #attempt(sql: string, values: readonly unknown[], wanted: AnswerKind): Promise<Result> {
    try {
      return await this.#run(sql, values, wanted);
    } catch (error) {
      if (!this.#connection.isInTransaction) await this.#abandon(error);
      throw error;
    }
  }

  async #end({ isOutermost, undoneBy }: OpenTransaction): Promise<void> {
    let committed = Promise.resolve();
    try {
      if (undoneBy) throw undoneBy;
      if (!isOutermost) await this.#demand('RELEASE SAVEPOINT member');
      if (this.#uncommitted.length === 0) this.#firstUncommittedAt = performance.now();
      committed = this.#nextCommit();
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

  #turn(mayShare: boolean): Promise<void> {
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
      const waiting: Waiting = { shares: mayShare && sharesCommits(), take };
      this.#line.push(waiting);
    });
  }

  /** Gives the turn to the next in line. Those at their end wait only for one that shares their commit. */
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

  /** Where it fails, nobody knows what a commit would contain, so nothing is committed. */
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

  /** For those who await it once the turn has passed on. */
  #nextCommit(): Promise<void> {
    const committed = new Promise<void>((resolve, reject) => this.#uncommitted.push({ resolve, reject }));
    committed.catch(() => {});
    return committed;
  }

  #takeUncommitted(): readonly Uncommitted[] {
    const uncommitted = this.#uncommitted;
    this.#uncommitted = [];
    return uncommitted;
  }

  #run(sql: string, values: readonly unknown[] = [], wanted: AnswerKind = 'changes'): Promise<Result> {
    // Everybody who writes waits for the one who has the turn.
    return whenFree(() => this.#connection.run(sql, values, wanted), giveWayOnce);
  }
}
