/** What was done for a sync run: its successful changes and the calls of its tasks, counted from the audit log. */

import { fromJsonOrNull } from '../columns.ts';
import type { Db } from '../open.ts';
import { type ChangeCounts, COUNTED, type Counted, countChange, NO_CHANGES } from './changeCounts.ts';

const EVENTS_PER_QUERY = 1_000;

/** What tasks did. */
export interface Done {
  readonly changes: ChangeCounts;
  /** The vendor calls that the audit log lists. */
  readonly calls: number;
}

/**
 * What a correlation id caused on one store since the ISO time: its changes, and the calls that they took, failed ones
 * too. One event may report a whole batch of memberships.
 */
export async function doneChanges(
  db: Db,
  storeId: string,
  correlationId: string,
  since: string,
): Promise<Done> {
  let changes = NO_CHANGES;
  let calls = 0;
  for (let after = 0; ; ) {
    const also = db('event_correlations').where({ correlation_id: correlationId }).select('event_id');
    const rows: EventRow[] = await db('events')
      .where({ store_id: storeId })
      .where((caused) => caused.where({ correlation_id: correlationId }).orWhereIn('id', also))
      .where('at', '>=', since)
      .where('id', '>', after)
      .where((any) => any.whereNotNull('calls').orWhereLike('kind', 'change.%'))
      .orderBy('id')
      .limit(EVENTS_PER_QUERY)
      .select('id', 'kind', 'subject_kind', 'outcome', 'after', 'calls');
    for (const row of rows) {
      calls += fromJsonOrNull<readonly unknown[]>(row.calls)?.length ?? 0;
      if (row.outcome === 'success') changes = withChange(changes, row);
    }
    const last = rows.at(-1);
    if (rows.length < EVENTS_PER_QUERY || !last) return { changes, calls };
    after = Number(last.id);
  }
}

interface EventRow {
  readonly id: number | string;
  readonly kind: string;
  readonly subject_kind: string;
  readonly outcome: string;
  readonly after: unknown;
  readonly calls: unknown;
}

function withChange(counts: ChangeCounts, { kind, subject_kind, after }: EventRow): ChangeCounts {
  const op = kind.slice('change.'.length) as Counted;
  if (!kind.startsWith('change.') || !COUNTED.includes(op)) return counts;
  const isBatch = op === 'grant' || op === 'revoke';
  const told = isBatch ? fromJsonOrNull<{ readonly count?: number }>(after) : null;
  return countChange(counts, subject_kind === 'group' ? 'group' : 'user', op, told?.count ?? 1);
}
