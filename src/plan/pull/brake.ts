/**
 * The brake on a source: whether a run may take what it would take, or is held as a whole before the directory
 * changes. The table "The brake on a source" of docs/design.md.
 */

export interface SourceLosses {
  /** Active users of the connection before the run. */
  readonly active: number;
  /** Users who would become inactive or be removed. */
  readonly leaving: number;
  /** Users whose userName or address would change, or whose address would be lost. */
  readonly renaming: number;
  readonly groups: readonly { readonly name: string; readonly members: number; readonly leaving: number }[];
  readonly percent: number;
  readonly min: number;
}

const GROUP_MIN = 5;

/** Why the run is held, in words; null where it is not. */
export function heldBecause({
  active,
  leaving,
  renaming,
  groups,
  percent,
  min,
}: SourceLosses): string | null {
  if (percent >= 100) return null;
  const limit = sourceLimit({ active, percent, min });
  if (leaving > limit) {
    return `${leaving} of ${active} people would become inactive or be removed at once; the limit is ${limit}`;
  }
  if (renaming > limit)
    return `${renaming} of ${active} people would have their userName or address replaced at once; the limit is ${limit}`;
  const emptied = groups.find((group) => group.members >= GROUP_MIN && group.leaving * 2 > group.members);
  if (!emptied) return null;
  return `${emptied.leaving} of ${emptied.members} members would leave the group ${emptied.name} at once`;
}

export function sourceLimit({
  active,
  percent,
  min,
}: Pick<SourceLosses, 'active' | 'percent' | 'min'>): number {
  return Math.max(min, Math.floor((percent * active) / 100));
}
