/** What admins decided about losses that are planned again, or have yet to decide. Reads only. */

import { type HeldRecord, heldOfSubjects } from '../../db/brake/held.ts';
import type { Db } from '../../db/open.ts';
import { type Change, changeKey, isLoss, type Skip } from '../../model/change.ts';
import { discarded } from '../../plan/losses.ts';

/** A change, and what the directory wants of whom it takes something from; a decision holds while that stays. */
export interface PlannedChange {
  readonly change: Change;
  readonly desired: string;
}

export interface Undecided {
  /** Without what was discarded. `held`: it awaits a decision. */
  readonly changes: readonly (PlannedChange & { readonly held: boolean })[];
  readonly skipped: readonly Skip[];
}

export async function withDecisions(
  db: Db,
  storeId: string,
  planned: readonly PlannedChange[],
): Promise<Undecided> {
  const losing = planned.filter(({ change }) => isLoss(change)).map(({ change }) => change.subject);
  const known: HeldRecord[] = [];
  for (const kind of ['user', 'group'] as const) {
    const ids = new Set(losing.filter((subject) => subject.kind === kind).map(({ id }) => id));
    known.push(...(await heldOfSubjects(db, storeId, kind, [...ids])));
  }
  const rows = new Map(known.map((row) => [row.changeKey, row]));
  const decisionOn = ({ change, desired }: PlannedChange): HeldRecord | null => {
    const row = rows.get(changeKey(change));
    return row?.desired === desired ? row : null;
  };
  const left = planned.filter((item) => decisionOn(item)?.state !== 'discarded');
  return {
    changes: left.map((item) => ({ ...item, held: decisionOn(item)?.state === 'held' })),
    skipped: planned
      .filter((item) => decisionOn(item)?.state === 'discarded')
      .map((item) => discarded(item.change, decisionOn(item)?.decidedBy ?? null)),
  };
}
