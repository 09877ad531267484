/**
 * Decides which groups a run makes, renames and removes, and in which order: a group gives up its name before another
 * takes it, in whatever order the source lists them. Reads only.
 */

import type { Db } from '../../db/open.ts';
import type { NewLine } from '../../db/pull/changes.ts';
import type { KnownGroup } from '../../db/pull/directory.ts';
import { stagedPage } from '../../db/pull/staging.ts';
import { acceptableGroup, trimmedGroup } from '../../directory/identifiers.ts';
import { refusalIn } from '../../directory/refusal.ts';
import type { GroupTag, PullOp } from '../../model/pull/pull.ts';
import { inOrder, NamesInTurn, nameKey, namesOf, type Ordered } from '../../plan/pull/order.ts';
import type { SourceGroup } from '../../sources/source.ts';
import { inCircle } from './found.ts';
import { pagesOf } from './keys.ts';

const PAGE = 500;

export interface ShownGroup {
  /** The group's name in the directory. */
  readonly display: string;
  readonly isGone: boolean;
  /** This record is older than one that a run has believed: nothing in it counts. */
  readonly isOlder: boolean;
}

/** The groups of a scan by their ids at the source. Only names are kept, because all groups are in memory at once. */
export async function shownGroups(
  db: Db,
  runId: string,
  existing: ReadonlyMap<string, KnownGroup>,
  tags: readonly GroupTag[],
): Promise<Map<string, ShownGroup>> {
  const shown = new Map<string, ShownGroup>();
  for await (const groups of pagesOf<SourceGroup>((after) => stagedPage(db, runId, 'group', after, PAGE)))
    for (const group of groups) {
      const isOlder = (group.changedAt ?? '') < (existing.get(group.id)?.changedAt ?? '');
      const isGone = group.state === 'gone';
      shown.set(group.id, {
        display: nameHere(group, tags),
        isGone,
        isOlder: isOlder && group.changedAt !== undefined,
      });
    }
  return shown;
}

function nameHere({ id, name }: Pick<SourceGroup, 'id' | 'name'>, tags: readonly GroupTag[]): string {
  const tag = tags.find(({ externalId, original }) =>
    externalId === undefined ? original === name : externalId === id,
  );
  return tag?.translation ?? name;
}

/**
 * Groups of the directory that the scan does not show. For a delta, which shows no deletions, only those whose names
 * others take.
 */
export function missingGroups(
  shown: ReadonlyMap<string, ShownGroup>,
  existing: ReadonlyMap<string, KnownGroup>,
  isFull: boolean,
): readonly string[] {
  const taken = new Set([...shown.values()].flatMap((one) => (one.isOlder ? [] : nameKey(one.display))));
  return [...existing]
    .filter(([id, { displayName }]) => !shown.has(id) && (isFull || taken.has(nameKey(displayName))))
    .map(([id]) => id);
}

export interface GroupNames {
  /** In the order in which they are carried out. */
  readonly lines: readonly NewLine[];
  /** Source ids of the scan's groups that the directory has or will have. */
  readonly present: ReadonlySet<string>;
  /** For each group that is not made, or keeps its old name, why. */
  readonly refusals: readonly string[];
}

export function nameGroups(
  shown: ReadonlyMap<string, ShownGroup>,
  existing: ReadonlyMap<string, KnownGroup>,
  removed: ReadonlySet<string>,
): GroupNames {
  const refusals: string[] = [];
  const present = new Set<string>();
  const lines = new Map<string, NewLine>();
  for (const id of removed) lines.set(id, lineOf('remove', id, existing.get(id)));
  for (const [id, { display, isGone, isOlder }] of shown) {
    if (isGone || isOlder || removed.has(id)) continue;
    const there = existing.get(id);
    if (there) present.add(id);
    if (there?.displayName === display.trim()) continue;
    const refusal = refusalOf(id, display, there);
    if (refusal === null) lines.set(id, lineOf(there ? 'update' : 'create', id, there, display));
    else refusals.push(refusal);
  }
  const owners = new Map([...existing].map(([id, { displayName }]) => [nameKey(displayName), id]));
  const inTurn = new NamesInTurn();
  const carriedOut: NewLine[] = [];
  const places = [...lines.values()].map((line): Ordered => {
    const { op, kind, sourceId } = line;
    return { op, kind, sourceId, ...namesOf(line) };
  });
  for (const place of inOrder(places, () => 0)) {
    const line = lines.get(place.sourceId) as NewLine;
    if (inTurn.admits(place, owners.get(place.takes ?? ''))) {
      carriedOut.push(inCircle(line, place));
      if (place.op === 'create') present.add(place.sourceId);
    } else refusals.push(`${place.sourceId} has the name ${line.display}, which another group has too.`);
  }
  return { lines: carriedOut, present, refusals };
}

function lineOf(
  op: PullOp,
  sourceId: string,
  there: KnownGroup | undefined,
  display = there?.displayName ?? '',
): NewLine {
  const attributes = [{ name: 'displayName', from: there?.displayName, to: display }];
  return {
    ...{ op, kind: 'group', sourceId, subjectId: there?.id ?? null, personId: null, display },
    detail: op === 'update' ? { attributes } : {},
  };
}

/** Why the directory would refuse the name, even if it were free. */
function refusalOf(id: string, display: string, there: KnownGroup | undefined): string | null {
  const before = there ? { displayName: there.displayName } : null;
  const named = trimmedGroup({ displayName: display, externalId: id });
  const refusal = refusalIn(() => acceptableGroup(before, named));
  return refusal === null ? null : `${id}: ${refusal}`;
}
