/**
 * Drift that scans found, kept on each subject's link. Writing it does not make the link newer than the scan, because
 * nobody wrote to the account.
 */

import type { Kind, Subject } from '../../model/subject.ts';
import { toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import type { RememberedDrift } from './links.ts';

/** `at` is an ISO time. */
export async function rememberDrift(
  db: Db,
  id: string,
  drift: RememberedDrift | null,
  at: string,
): Promise<void> {
  const standing = drift !== null && drift.items.length > 0;
  await db('links')
    .where({ id })
    .update({
      drift: drift === null ? null : toJson(drift),
      drift_since: standing ? db.raw('coalesce(drift_since, ?)', [at]) : null,
    });
}

/** How many subjects have drift that is not repaired, and since when the oldest has. */
export async function countDrift(
  db: Db,
  storeId: string,
): Promise<{ readonly users: number; readonly groups: number; readonly oldest: string | null }> {
  const rows: { kind: string; n: number | string; oldest: string }[] = await db('links')
    .where({ store_id: storeId })
    .whereNotNull('drift_since')
    .groupBy('kind')
    .select('kind')
    .count({ n: '*' })
    .min({ oldest: 'drift_since' });
  const of = (kind: Kind) => Number(rows.find((row) => row.kind === kind)?.n ?? 0);
  const oldest = rows.map((row) => row.oldest).sort()[0] ?? null;
  return { users: of('user'), groups: of('group'), oldest };
}

/**
 * Deletes what is known of drift, because the store no longer looks for it. Answers at most `limit` such subjects.
 */
export async function forgetDrift(tx: Db, storeId: string, limit: number): Promise<readonly Subject[]> {
  const rows: { id: string; kind: Kind; subject_id: string }[] = await tx('links')
    .where({ store_id: storeId })
    .whereNotNull('drift_since')
    .limit(limit)
    .select('id', 'kind', 'subject_id');
  await tx('links')
    .whereIn(
      'id',
      rows.map((row) => row.id),
    )
    .update({ drift: null, drift_since: null });
  return rows.map((row) => ({ kind: row.kind, id: row.subject_id }));
}
