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
