/**
 * Transactions that may cross others. PostgreSQL ends a deadlock by rolling back one of the two, which is then done
 * again. So is a transaction whose prepared plan is older than a change of a table by another version.
 */

import { type Db, isCrossed } from './open.ts';
import { isStalePlan } from './postgres/preparing.ts';

const ATTEMPTS_MAX = 5;

/**
 * Commits everything that `body` wrote, or nothing. `body` may run more than once, so it may leave nothing behind
 * except in the database.
 */
export async function transact<T>(db: Db, body: (tx: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(body);
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !(isCrossed(error) || isStalePlan(error))) throw error;
    }
  }
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
  const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  if (errors.length > 0) throw errors.find((error) => !isFollowing(error)) ?? errors[0];
  return ended.map((each) => each.status === 'fulfilled' && each.value) as never;
}

/** Whether the statement failed only because another one of its transaction had failed. */
function isFollowing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '25P02';
}
