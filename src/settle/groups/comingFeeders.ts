/**
 * SCIM groups that the plan of a whole store is about to link to one remote group. The plan already treats them as
 * they will be: they feed it together, and one of them is its primary feeder. Reads the database only.
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

/** The same groups, each with all SCIM groups that will feed its remote group. */
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

/**
 * The SCIM groups that are not linked yet, by the remote group that they will be linked to. The one that is linked
 * first comes first.
 */
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

/** The order in which an applied preview queues them, and so in which they are linked. */
function byTurn({ desired: one }: GroupFacts, { desired: other }: GroupFacts): number {
  const [a, b] = [one, other].map(({ display, id }) => `${lower(display)} ${id}`) as [string, string];
  return a < b ? -1 : 1;
}

/** The names by which another SCIM group would find the same remote group; none where there will be none. */
function namesOf(facts: GroupFacts): readonly string[] {
  if (targetOf(facts) === null) return [];
  return [facts.desired.name, ...(facts.link ? [facts.link.remoteName] : [])].map(lower);
}

/** The remote group that the SCIM group is or will be linked to; its name where nobody has made it yet. */
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

/** The remote group that another SCIM group will have made by then. */
function stillToBeMade({ desired: { name } }: GroupFacts): RemoteGroup {
  return { kind: 'group', remoteId: '', display: name, name };
}
