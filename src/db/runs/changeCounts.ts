/** How many changes of each operation there are: people and groups together, and each by themselves. Pure. */

import type { Kind } from '../../model/subject.ts';

export const COUNTED = [
  'create',
  'adopt',
  'update',
  'enable',
  'disable',
  'delete',
  'grant',
  'revoke',
  'skipped',
  'held',
] as const;
export type Counted = (typeof COUNTED)[number];

type Counts = Readonly<Record<Counted, number>>;

export interface ChangeCounts extends Counts {
  readonly people: Counts;
  /** Memberships count as changes of their group. */
  readonly groups: Counts;
}

const NONE = Object.fromEntries(COUNTED.map((what) => [what, 0])) as Counts;

export const NO_CHANGES: ChangeCounts = { ...NONE, people: NONE, groups: NONE };

export function countChange(counts: ChangeCounts, kind: Kind, what: Counted, count = 1): ChangeCounts {
  const part = kind === 'user' ? 'people' : 'groups';
  return {
    ...counts,
    [what]: counts[what] + count,
    [part]: { ...counts[part], [what]: counts[part][what] + count },
  };
}

export function countChanges(items: Iterable<{ readonly kind: Kind; readonly what: Counted }>): ChangeCounts {
  let counts = NO_CHANGES;
  for (const { kind, what } of items) counts = countChange(counts, kind, what);
  return counts;
}

export function addCounts(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  const sum = (x: Counts, y: Counts) =>
    Object.fromEntries(COUNTED.map((what) => [what, x[what] + y[what]])) as Counts;
  return { ...sum(a, b), people: sum(a.people, b.people), groups: sum(a.groups, b.groups) };
}
