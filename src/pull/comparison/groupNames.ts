/**
 * Which groups are made, renamed and removed, and in which order: names are given up before others take them, whatever the
 * order in which the source lists its groups. Reads only.
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
  /** Its name here. */
  readonly display: string;
  readonly isGone: boolean;
  /** Than what a run has believed of it: nothing of this record counts. */
  readonly isOlder: boolean;
}

/** By their ids at the source, the groups of a scan: their names alone, because all of them are in memory at once. */
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

/** Those of the directory that the scan does not show; in a delta, which shows no deletion, whose names others take. */
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
  /** By their ids at the source, those of the scan that are, or will be, in the directory. */
  readonly present: ReadonlySet<string>;
  /** Why a group is not made, or keeps its name. */
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

/** Why the directory would not take the name, whoever has it. */
function refusalOf(id: string, display: string, there: KnownGroup | undefined): string | null {
  const before = there ? { displayName: there.displayName } : null;
  const named = trimmedGroup({ displayName: display, externalId: id });
  const refusal = refusalIn(() => acceptableGroup(before, named));
  return refusal === null ? null : `${id}: ${refusal}`;
}
