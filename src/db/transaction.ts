/**
 * Transactions that may cross others. PostgreSQL ends a deadlock by rolling back one of the two, which is then done
 * again. So is a transaction whose prepared plan is older than a change of a table by another version.
 */

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
      return await db.transaction((tx) => withSent(tx, body));
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !(isCrossed(error) || isStalePlan(error))) throw error;
    }
  }
}

/** By transaction of `transact` on PostgreSQL: the writes that nobody has waited for. */
const sent = new WeakMap<Db, Promise<unknown>[]>();

/**
 * A write whose answer nobody needs. PostgreSQL gets the next statement before it has answered this one, and whoever
 * began the transaction learns of an error at its end.
 */
export async function send(tx: Db, write: Promise<unknown>): Promise<void> {
  const writes = sent.get(tx);
  if (!writes) return void (await write);
  write.catch(() => {});
  writes.push(write);
}

async function withSent<T>(tx: Db, body: (tx: Db) => Promise<T>): Promise<T> {
  if (dialectOf(tx) === 'sqlite') return body(tx);
  const writes: Promise<unknown>[] = [];
  sent.set(tx, writes);
  const [ended] = await Promise.allSettled([body(tx)]);
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
