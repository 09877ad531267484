/**
 * The look at SCIM groups: gathers for many at once what is known of them on one store, so that a task, a sync and a
 * preview plan from the same facts. It only reads. `memberLook.ts` looks at memberships.
 */

import { lower } from '../../db/columns.ts';
import type { KnownWait } from '../../db/seen/keys.ts';
import { knownGroups } from '../../db/seen/knownGroups.ts';
import { groupsWithOthers } from '../../db/seen/ledger.ts';
import { groupLinksByRemoteIds, type LinkRecord } from '../../db/seen/links.ts';
import { observedUnder } from '../../db/seen/observations.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import { type Drift, NO_DRIFT } from '../../plan/drift.ts';
import type { GroupSituation } from '../../plan/groups/group.ts';
import type { NamePatch } from '../../plan/groups/nameDrift.ts';
import { GROUP_KEY } from '../../plan/keys.ts';
import { notAcceptedReason } from '../../plan/people/attributes.ts';
import { loadDesiredGroups, type StoreContext } from '../../stores/desired.ts';
import { formerName, keyWaitsBySubject, takenName } from '../keys/waits.ts';
import type { Planning } from '../planning.ts';
import type { Repair } from '../repairs.ts';
import { type GroupGuard, groupGuard, whyProtected } from './protection.ts';

/** A SCIM group, live and in scope, whose members the remote group should have. */
export interface Feeding {
  readonly groupId: string;
  /** What its members get; null on stores without levels. */
  readonly level: number | null;
}

export interface GroupFacts extends GroupSituation {
  readonly link: LinkRecord | null;
  /** The link as recorded, even where it does not count because what the group fed is to stay. */
  readonly record: LinkRecord | null;
  /** For a group without a link: the remote group of that name. */
  readonly found: RemoteGroup | null;
  /** Highest level first: somebody who is in several of these groups gets the highest. */
  readonly feeding: readonly Feeding[];
  /** The memberships of the remote group are planned for this one of the SCIM groups that feed it. */
  readonly isPrimaryFeeder: boolean;
  /** All its memberships are as the present settings want them, except for what changed since. */
  readonly isWalked: boolean;
  /** The vendor refuses memberships of the remote group. */
  readonly someRefused: boolean;
  /** The wanted name, where another remote group has it. */
  readonly keyWaits: readonly KnownWait[];
  /** How somebody renamed the group by hand, as a complete scan showed it. */
  readonly drift: Drift<NamePatch>;
  readonly repairs: readonly Repair[];
}

export interface GroupLinkSight {
  readonly link: LinkRecord | null;
  readonly repairs?: readonly Repair[];
}

export interface FoundGroup {
  readonly group: RemoteGroup;
  readonly repairs?: readonly Repair[];
}

type Links = ReadonlyMap<string, LinkRecord>;

/** What a look knows beside the directory. Answers are by SCIM group; a missing answer means: as recorded. */
export interface GroupSight {
  lookAtLinks(groupIds: readonly string[], links: Links): Promise<ReadonlyMap<string, GroupLinkSight>>;
  /** The remote groups that have the names of SCIM groups without a link, by SCIM group. */
  findGroups(groups: readonly DesiredGroup[]): Promise<ReadonlyMap<string, FoundGroup>>;
}

/** In the order of the ids. `links` may replace the recorded links, to ask what would follow from them. */
export async function lookAtGroups(
  planning: Planning,
  sight: GroupSight,
  groupIds: readonly string[],
  links?: Links,
): Promise<readonly GroupFacts[]> {
  const { db, context } = planning;
  const known = await knownGroups(db, context.store, groupIds);
  const ownLinks = [...known].flatMap(([id, { link }]) => (link ? [[id, link] as const] : []));
  const recorded = links ?? new Map(ownLinks);
  const seen = await sight.lookAtLinks(groupIds, recorded);
  const linkOf = (id: string) => seen.get(id)?.link ?? recorded.get(id) ?? null;
  const records = new Map(groupIds.flatMap((id) => linkOf(id) ?? []).map((link) => [link.subject.id, link]));
  const groups = await loadDesiredGroups(db, context, groupIds, records);
  const remoteIds = [...records.values()].map((link) => link.remoteId);
  const feeders = await feedersOf(planning, remoteIds, groups);
  const guard = await groupGuard(planning, remoteIds);
  const crowded = await withOthers(planning, groups, records);
  const found = await sight.findGroups(
    groups.filter((group) => looksForGroup(context, group, linkOf(group.id))),
  );
  const waiting = [...known].flatMap(([id, { waitsForKeys }]) => (waitsForKeys ? [id] : []));
  const keyWaits = await keyWaitsBySubject(planning, 'group', waiting);
  return groups.map((desired): GroupFacts => {
    const record = linkOf(desired.id);
    const link = desired.keepRemote ? null : record;
    const own = desired.lifecycle === 'active' ? [{ groupId: desired.id, level: desired.memberLevel }] : [];
    const fed = link ? feeders.get(link.remoteId) : undefined;
    const first = fed?.links[0]?.subject.id ?? desired.id;
    const remote = found.get(desired.id);
    return {
      ...groupSituation(context, desired, link),
      ...leftAlone(context, guard, desired, record, remote?.group ?? null),
      takenName: takenName(context, desired, keyWaits.get(desired.id) ?? []),
      nameNotAccepted: nameNotAccepted(context, desired, link),
      formerName: formerName(link?.remoteName ?? null, keyWaits.get(desired.id) ?? []),
      keyWaits: keyWaits.get(desired.id) ?? [],
      drift: NO_DRIFT,
      fedByAnother: fed?.links.some(({ subject }) => subject.id !== desired.id) ?? false,
      hasOthers: record !== null && crowded.has(record.remoteId),
      link,
      record,
      found: remote?.group ?? null,
      feeding: fed?.feeding ?? own,
      isPrimaryFeeder: first === desired.id,
      isWalked: known.get(desired.id)?.isWalked ?? false,
      someRefused: known.get(desired.id)?.someRefused ?? false,
      repairs: [...(seen.get(desired.id)?.repairs ?? []), ...(remote?.repairs ?? [])],
    };
  });
}

/** In words that follow the group's name. */
export function nameNotAccepted(
  { store }: StoreContext,
  { name }: DesiredGroup,
  link: LinkRecord | null,
): string | null {
  const refused = link?.notAccepted[GROUP_KEY];
  return refused?.wanted === name ? notAcceptedReason(GROUP_KEY, store.name, refused.reason) : null;
}

function looksForGroup(context: StoreContext, desired: DesiredGroup, link: LinkRecord | null): boolean {
  return link === null && desired.lifecycle === 'active' && context.settings.groupProvisioning !== 'Off';
}

function groupSituation(
  { settings, connector }: StoreContext,
  desired: DesiredGroup,
  link: LinkRecord | null,
): Omit<
  GroupSituation,
  | 'found'
  | 'fedByAnother'
  | 'hasOthers'
  | 'takenName'
  | 'nameNotAccepted'
  | 'formerName'
  | 'leftAlone'
  | 'namesProtected'
> {
  return {
    desired,
    link,
    settings,
    deleteGroups: connector.capabilities.deleteGroups,
    renameGroups: connector.capabilities.renameGroups,
  };
}

/** Of the remote groups of SCIM groups that are gone, those into which somebody else has put members. */
async function withOthers(
  { db, context }: Planning,
  groups: readonly DesiredGroup[],
  records: ReadonlyMap<string, LinkRecord>,
): Promise<ReadonlySet<string>> {
  if (!context.connector.capabilities.deleteGroups) return new Set();
  const gone = groups.filter(({ lifecycle }) => lifecycle === 'gone');
  const remoteIds = gone.flatMap(({ id }) => records.get(id)?.remoteId ?? []);
  return groupsWithOthers(db, context.store.id, remoteIds);
}

function leftAlone(
  context: StoreContext,
  guard: GroupGuard,
  desired: DesiredGroup,
  record: LinkRecord | null,
  found: RemoteGroup | null,
): Pick<GroupSituation, 'leftAlone' | 'namesProtected'> {
  const namesProtected = whyProtected(context, [desired.name]) !== null;
  if (record) {
    const isOwn = record.origin === 'created';
    const { remoteId, remoteName } = record;
    return { leftAlone: guard({ remoteId, names: [remoteName], isOwn }), namesProtected };
  }
  const names = found ? [found.name, found.display] : [desired.name];
  const named = { remoteId: found?.remoteId ?? null, names, isOwn: found === null };
  return { leftAlone: guard(named), namesProtected };
}

/** Who feeds a remote group. */
export interface Feeders {
  /** The links of all SCIM groups to it, the oldest first. */
  readonly links: readonly LinkRecord[];
  readonly feeding: readonly Feeding[];
}

/**
 * By remote id, without remote groups that no SCIM group is linked to. `loaded`: desired groups that the caller has
 * loaded already.
 */
export async function feedersOf(
  { db, context }: Planning,
  remoteIds: readonly string[],
  loaded: readonly DesiredGroup[] = [],
): Promise<ReadonlyMap<string, Feeders>> {
  const byRemoteId = await groupLinksByRemoteIds(db, context.store.id, remoteIds);
  const links = [...byRemoteId.values()].flat();
  const bySubject = new Map(links.map((link) => [link.subject.id, link]));
  const desired = new Map(loaded.map((group) => [group.id, group]));
  const others = [...bySubject.keys()].filter((id) => !desired.has(id));
  for (const group of await loadDesiredGroups(db, context, others, bySubject)) desired.set(group.id, group);
  const feeding = (some: readonly LinkRecord[]): Feeding[] =>
    some.flatMap(({ subject }) => {
      const group = desired.get(subject.id);
      return group?.lifecycle === 'active' ? [{ groupId: group.id, level: group.memberLevel }] : [];
    });
  return new Map(
    [...byRemoteId].map(([remoteId, some]) => [
      remoteId,
      { links: some, feeding: feeding(some).sort((a, b) => (b.level ?? 0) - (a.level ?? 0)) },
    ]),
  );
}

/** A sight that knows the database alone: links as recorded, remote groups as they were last seen. */
export function groupsByRecords({ db, context }: Planning): GroupSight {
  return {
    lookAtLinks: async () => new Map(),
    findGroups: async (groups) => {
      const names = groups.map((group) => group.name);
      const seen = await observedUnder(db, context.store.id, 'group', names);
      return new Map(
        groups.flatMap(({ id, name }) => {
          const group = seen.get(lower(name));
          return group ? [[id, { group }]] : [];
        }),
      );
    },
  };
}
