/**
 * SCIM groups that a plan of the whole store is about to link to one remote group: they feed it together, as they will
 * once they are linked, and one of them speaks for all. Reads the database only.
 */

import { lower } from '../../db/columns.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import { planGroup } from '../../plan/groups/group.ts';
import { unlinkedGroupsNamed } from '../../stores/desired.ts';
import type { Planning } from '../planning.ts';
import {
  type Feeders,
  type Feeding,
  feedersOf,
  type GroupFacts,
  groupsByRecords,
  lookAtGroups,
} from './look.ts';

/** The same groups, each with all that will feed its remote group. */
export async function withComingFeeders(
  planning: Planning,
  groups: readonly GroupFacts[],
): Promise<readonly GroupFacts[]> {
  const coming = await comingTo(planning, groups);
  const remoteIds = [...coming.values()].flatMap(([first]) => first?.found?.remoteId ?? []);
  const linked = await feedersOf(planning, remoteIds);
  return groups.map((facts) => {
    const target = targetOf(facts);
    const others = target === null ? undefined : coming.get(target);
    return target === null || others === undefined ? facts : fedWith(facts, others, linked.get(target));
  });
}

/** By what they lead to, those that are not linked yet, the one that is linked first first. */
async function comingTo(
  planning: Planning,
  groups: readonly GroupFacts[],
): Promise<ReadonlyMap<string, readonly GroupFacts[]>> {
  const names = new Set(groups.flatMap(namesOf));
  if (names.size === 0) return new Map();
  const known = new Set(groups.map(({ desired }) => desired.id));
  const unlinked = await unlinkedGroupsNamed(planning.db, planning.context, names);
  const ids = unlinked.filter((id) => !known.has(id));
  const others = ids.length === 0 ? [] : await lookAtGroups(planning, groupsByRecords(planning), ids);
  const coming = new Map<string, GroupFacts[]>();
  for (const facts of [...groups, ...others].sort(byTurn).filter(({ link }) => link === null)) {
    const target = targetOf(facts);
    if (target !== null) coming.set(target, [...(coming.get(target) ?? []), facts]);
  }
  return coming;
}

/** As an applied preview hands them to the queue: the first one is linked first. */
function byTurn({ desired: one }: GroupFacts, { desired: other }: GroupFacts): number {
  const [a, b] = [one, other].map(({ display, id }) => `${lower(display)} ${id}`) as [string, string];
  return a < b ? -1 : 1;
}

/** By which another group may find the same remote group; empty where there will be none. */
function namesOf(facts: GroupFacts): readonly string[] {
  if (targetOf(facts) === null) return [];
  return [facts.desired.name, ...(facts.link ? [facts.link.remoteName] : [])].map(lower);
}

/** The remote group that it is linked to or will be; where that is still to be made, its name. */
function targetOf(facts: GroupFacts): string | null {
  const { link, desired, leftAlone } = facts;
  if (leftAlone !== null) return null;
  if (link) return link.remoteId;
  const [change] = planGroup(facts).changes;
  if (change?.op === 'adopt') return change.remoteId;
  return change?.op === 'create' ? `new ${lower(desired.name)}` : null;
}

function fedWith(facts: GroupFacts, coming: readonly GroupFacts[], linked: Feeders | undefined): GroupFacts {
  const first = linked?.links[0]?.subject.id ?? coming[0]?.desired.id;
  const isPrimaryFeeder = first === facts.desired.id;
  const feeding: readonly Feeding[] = [
    ...(linked?.feeding ?? []),
    ...coming.map(({ desired }) => ({ groupId: desired.id, level: desired.memberLevel })),
  ];
  return {
    ...facts,
    feeding: [...feeding].sort((a, b) => (b.level ?? 0) - (a.level ?? 0)),
    isPrimaryFeeder,
    ...(isPrimaryFeeder || facts.link || facts.found ? {} : { found: stillToBeMade(facts) }),
  };
}

/** What another SCIM group makes first. */
function stillToBeMade({ desired: { name } }: GroupFacts): RemoteGroup {
  return { kind: 'group', remoteId: '', display: name, name };
}
