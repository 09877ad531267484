/**
 * Transactions that may cross others. PostgreSQL ends a deadlock by rolling back one of the two, which is then done
 * again. So is a transaction whose prepared plan is older than a change of a table by another version.
 */

import { askTogether, type Write, writeTogether } from './knex/writing.ts';
import { type Db, dialectOf, isCrossed } from './open.ts';
import { isStalePlan } from './postgres/preparing.ts';

const ATTEMPTS_MAX = 5;

/**
 * Commits everything that `body` wrote, or nothing. `body` may run more than once, so it may leave nothing behind
 * except in the database.
 */
export async function transact<T>(db: Db, body: (tx: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return dialectOf(db) === 'sqlite' ? await db.transaction(body) : await sending(db, body);
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
  const all = sent.get(tx);
  if (!all || writes.length === 0) return void (await writeTogether(tx, writes));
  const { asked, written } = askTogether(tx, writes);
  written.catch(() => {});
  all.push(written);
  // Only what has been asked comes ahead of the commit.
  await Promise.race([asked, written]);
}

async function sending<T>(db: Db, body: (tx: Db) => Promise<T>): Promise<T> {
  const writes: Promise<unknown>[] = [];
  const [ended] = await Promise.allSettled([
    db.transaction((tx) => {
      sent.set(tx, writes);
      return body(tx);
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
  if (errors.length > 0) throw errors.find((error) => !isFollowing(error)) ?? errors[0];
}

/** Whether the statement failed only because another one of its transaction had failed. */
function isFollowing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '25P02';
}
