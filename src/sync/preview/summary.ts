/** Counts what a preview shows: of one page, and of the whole where the brake would hold all its losses. Pure. */

import { addCounts, countChange, countChanges, NO_CHANGES } from '../../db/runs/changeCounts.ts';
import type { KeptSummary, LossCounts } from '../../db/runs/previews.ts';
import { type Change, isLoss } from '../../model/change.ts';
import type { Kind } from '../../model/subject.ts';
import type { Undecided } from '../../settle/gate/decisions.ts';

/** `skipped`: everything that the plan leaves undone, including what an admin declined. */
export function summaryOfPage(
  changes: Undecided['changes'],
  skipped: readonly { readonly subject: { readonly kind: Kind } }[],
): KeptSummary {
  const held = changes.filter((item) => item.held).map(({ change }) => change);
  const counts = countChanges([
    ...changes.map(({ change }) => ({ kind: change.subject.kind, what: change.op })),
    ...skipped.map(({ subject }) => ({ kind: subject.kind, what: 'skipped' as const })),
    ...held.map(({ subject }) => ({ kind: subject.kind, what: 'held' as const })),
  ]);
  return {
    ...counts,
    losses: lossesAmong(changes.map(({ change }) => change)),
    heldLosses: lossesAmong(held),
  };
}

function lossesAmong(changes: readonly Change[]): LossCounts {
  const kinds = changes.filter(isLoss).map(({ subject }) => subject.kind);
  const people = kinds.filter((kind) => kind === 'user').length;
  return { people, groups: kinds.length - people };
}

/** What to add to the counts where every loss is held. Losses that are held already are counted once. */
export function otherLosses({ losses, heldLosses }: KeptSummary): KeptSummary {
  const more = { people: losses.people - heldLosses.people, groups: losses.groups - heldLosses.groups };
  const ofPeople = countChange(NO_CHANGES, 'user', 'held', more.people);
  return {
    ...addCounts(ofPeople, countChange(NO_CHANGES, 'group', 'held', more.groups)),
    losses: { people: 0, groups: 0 },
    heldLosses: more,
  };
}

export function holdsEveryLoss({ losses, heldLosses }: KeptSummary): boolean {
  const held = heldLosses.people + heldLosses.groups;
  return held > 0 && held === losses.people + losses.groups;
}
