/** Since when `REMOVE_AFTER_DAYS` counts, kept on each person's link. Nothing here changes the account. */

import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

/** Starts the count at `since`, an ISO time; null stops it. */
export async function setRemovalSince(db: Db, id: string, since: string | null): Promise<void> {
  await db('links').where({ id }).update({ removal_since: since, removal_asked_days: null });
}

/** Stops the count on every store: the person is back. */
export function cancellingRemovals(personId: string): Write {
  return writing(cancelRemovals, { personId });
}

function cancelRemovals(db: Db, { personId }: { readonly personId: string }) {
  return db('links')
    .where({ kind: 'user', subject_id: personId })
    .whereNotNull('removal_since')
    .update({ removal_since: null, removal_asked_days: null });
}

/** Marks the people whose days are over as queued for it, and answers those who were not queued before. */
export async function takeDueRemovals(
  tx: Db,
  storeId: string,
  due: { readonly cutoff: string; readonly days: number },
  limit: number,
): Promise<readonly string[]> {
  const rows: { id: string; subject_id: string }[] = await tx('links')
    .where({ store_id: storeId, kind: 'user' })
    .where('removal_since', '<=', due.cutoff)
    .where((unasked) => unasked.whereNull('removal_asked_days').orWhereNot({ removal_asked_days: due.days }))
    .orderBy('removal_since')
    .limit(limit)
    .select('id', 'subject_id');
  const ids = rows.map((row) => row.id);
  await tx('links').whereIn('id', ids).update({ removal_asked_days: due.days });
  return rows.map((row) => row.subject_id);
}
