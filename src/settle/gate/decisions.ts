/** What admins decided about losses that are planned again, or have yet to decide. Reads only. */

import { type LossRecord, standingOfSubjects } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import { type Change, mayBeHeld, type Skip } from '../../model/change.ts';
import { declined, isDeclined, standingAmong } from '../../plan/losses.ts';

/** A change, and what the directory wants of whom it takes something from; a decision holds while that stays. */
export interface PlannedChange {
  readonly change: Change;
  readonly desired: string;
}

export interface Undecided {
  /** Without what somebody declined. `held`: it awaits a decision. */
  readonly changes: readonly (PlannedChange & { readonly held: boolean })[];
  readonly skipped: readonly Skip[];
}

export async function withDecisions(
  db: Db,
  storeId: string,
  planned: readonly PlannedChange[],
): Promise<Undecided> {
  const losing = planned.filter(({ change }) => mayBeHeld(change)).map(({ change }) => change.subject);
  const known: LossRecord[] = [];
  for (const kind of ['user', 'group'] as const) {
    const ids = new Set(losing.filter((subject) => subject.kind === kind).map(({ id }) => id));
    known.push(...(await standingOfSubjects(db, storeId, kind, [...ids])));
  }
  const bySubject = Map.groupBy(known, ({ subject }) => subject.id);
  const decisionOn = ({ change, desired }: PlannedChange) =>
    standingAmong(bySubject.get(change.subject.id) ?? [])(change, desired) ?? null;
  const skipped = planned.flatMap((item) => {
    const row = decisionOn(item);
    return row && isDeclined(row) ? [declined(item.change, row)] : [];
  });
  const left = planned.filter((item) => !isDeclined(decisionOn(item) ?? { state: 'held' }));
  return {
    changes: left.map((item) => ({ ...item, held: isHeld(item.change, decisionOn(item)) })),
    skipped,
  };
}

function isHeld({ hold }: Change, decision: LossRecord | null): boolean {
  return decision === null ? hold !== undefined : decision.state === 'held';
}
