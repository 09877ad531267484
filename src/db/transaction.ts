/**
 * Transactions that others may cross. PostgreSQL ends a deadlock by rolling one of the two back, which says nothing of
 * what it was about to do: it is done again. So is what met a plan from before another version changed a table.
 */

import { type Db, isCrossed } from './open.ts';
import { isStalePlan } from './postgres/preparing.ts';

const ATTEMPTS_MAX = 5;

/**
 * Commits what `body` wrote, or nothing of it. `body` may run more than once, so it must leave nothing behind but in the
 * database.
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
 * Work of one transaction that does not need each other's answers: PostgreSQL is sent the next statement before it has
 * answered the one ahead. Nothing says which comes first. Waits until all of it has ended, so that no statement comes
 * after the transaction.
 */
export async function together<const T extends readonly unknown[]>(
  ...work: T
): Promise<{ -readonly [Place in keyof T]: Awaited<T[Place]> }> {
  const ended = await Promise.allSettled(work);
  const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  if (errors.length > 0) throw errors.find((error) => !isFollowing(error)) ?? errors[0];
  return ended.map((each) => each.status === 'fulfilled' && each.value) as never;
}

/** True where the statement failed only because another of its transaction had failed. */
function isFollowing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '25P02';
}
