/** What was done for a sync run: its successful changes, counted from the audit log. */

import { fromJsonOrNull } from '../columns.ts';
import type { Db } from '../open.ts';
import { type ChangeCounts, COUNTED, type Counted, countChange, NO_CHANGES } from './changeCounts.ts';

const EVENTS_PER_QUERY = 1_000;

/**
 * The counts of one store's changes that a correlation id caused since the ISO time. One event may report a whole
 * batch of memberships.
 */
export async function doneChanges(
  db: Db,
  storeId: string,
  correlationId: string,
  since: string,
): Promise<ChangeCounts> {
  let counts = NO_CHANGES;
  for (let after = 0; ; ) {
    const also = db('event_correlations').where({ correlation_id: correlationId }).select('event_id');
    const rows: { id: number | string; kind: string; subject_kind: string; after: unknown }[] = await db(
      'events',
    )
      .where({ store_id: storeId, outcome: 'success' })
      .where((caused) => caused.where({ correlation_id: correlationId }).orWhereIn('id', also))
      .where('at', '>=', since)
      .where('id', '>', after)
      .whereLike('kind', 'change.%')
      .orderBy('id')
      .limit(EVENTS_PER_QUERY)
      .select('id', 'kind', 'subject_kind', 'after');
    for (const row of rows) {
      const op = row.kind.slice('change.'.length) as Counted;
      if (!COUNTED.includes(op)) continue;
      const isBatch = op === 'grant' || op === 'revoke';
      const told = isBatch ? fromJsonOrNull<{ readonly count?: number }>(row.after) : null;
      counts = countChange(counts, row.subject_kind === 'group' ? 'group' : 'user', op, told?.count ?? 1);
    }
    const last = rows.at(-1);
    if (rows.length < EVENTS_PER_QUERY || !last) return counts;
    after = Number(last.id);
  }
}
