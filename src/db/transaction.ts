/**
 * Transactions that may cross others. PostgreSQL ends a deadlock by rolling back one of the two, which is then done
 * again. So is a transaction whose prepared plan is older than a change of a table by another version.
 */

import type { Knex } from 'knex';
import { type Write, wholeOf, writeTogether } from './knex/writing.ts';
import { type Db, dialectOf, isCrossed } from './open.ts';
import { isStalePlan } from './postgres/preparing.ts';

const ATTEMPTS_MAX = 5;

/**
 * Commits everything that `body` wrote, or nothing. `body` may run more than once, so it may leave nothing behind
 * except in the database. `lockWaitMs`: how long a statement may wait for others on PostgreSQL, unless it is the usual
 * time.
 */
export async function transact<T>(
  db: Db,
  body: (tx: Db) => Promise<T>,
  lockWaitMs?: () => number,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return dialectOf(db) === 'sqlite'
        ? await db.transaction(body)
        : await sending(db, body, lockWaitMs?.());
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !(isCrossed(error) || isStalePlan(error))) throw error;
    }
  }
}

/** By transaction of `transact` on PostgreSQL: the statements that nobody has waited for. */
const sent = new WeakMap<Db, Promise<unknown>[]>();

/**
 * As `writeTogether`, for writes whose answer nobody needs: one statement on PostgreSQL, which gets the next one before
 * it has answered this. That may be the commit, which undoes everything if a write failed. Whoever began the
 * transaction learns of the error at its end.
 */
export async function send(tx: Db, writes: readonly Write[]): Promise<void> {
  if (sent.has(tx) && writes.length > 0) await ahead(tx, wholeOf(tx, writes));
  else await writeTogether(tx, writes);
}

/** Ends once the statement is on its way: only then does it come ahead of the commit. */
async function ahead(tx: Db, statement: Knex.QueryBuilder | Knex.Raw): Promise<void> {
  // Knex says so just before it hands the statement to the session.
  const asked = new Promise<void>((resolve) => statement.on('query', () => resolve()));
  const answered = Promise.resolve(statement);
  // Its error is thrown at the end of the transaction.
  answered.catch(() => {});
  sent.get(tx)?.push(answered);
  await Promise.race([asked, answered]);
}

async function sending<T>(db: Db, body: (tx: Db) => Promise<T>, lockWaitMs?: number): Promise<T> {
  const writes: Promise<unknown>[] = [];
  const [ended] = await Promise.allSettled([
    db.transaction(async (tx) => {
      sent.set(tx, writes);
      if (lockWaitMs !== undefined) await ahead(tx, tx.raw(`set local lock_timeout = ${lockWaitMs}`));
      try {
        return await body(tx);
      } catch (error) {
        // The next transaction of the session would stand in line behind them.
        await Promise.allSettled(writes);
        throw error;
      }
    }),
  ]);
  throwFirst([...(await Promise.allSettled(writes)), ended]);
  return (ended as PromiseFulfilledResult<T>).value;
}

/**
 * Runs parts of one transaction that do not need each other's answers: PostgreSQL gets the next statement before it
 * has answered the last. Their order is open. Waits until all have ended, so that no statement comes after the
 * transaction.
 */
export async function together<const T extends readonly unknown[]>(
  ...work: T
): Promise<{ -readonly [Place in keyof T]: Awaited<T[Place]> }> {
  const ended = await Promise.allSettled(work);
  throwFirst(ended);
  return ended.map((each) => each.status === 'fulfilled' && each.value) as never;
}

/** Throws what went wrong, if anything did, and not what only followed from it. */
function throwFirst(ended: readonly PromiseSettledResult<unknown>[]): void {
  const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  const [first] = errors.sort((a, b) => consequence(a) - consequence(b));
  if (errors.length > 0) throw first;
}

/**
 * How much an error tells only that another statement of its transaction had failed. Of a statement that is to be
 * prepared, a failed transaction says in the end that it does not know its name.
 */
function consequence(error: unknown): number {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === '25P02' ? 2 : code === '26000' ? 1 : 0;
}
