/**
 * Plans a whole store page by page: for a sync, a preview, and the impact of settings that are not saved. Each page
 * depends only on the store's context and a cursor, so the caller can stop after any page and go on later, even in
 * another process.
 */

import { subjectsPage } from '../db/identity/subjects.ts';
import { countMembers, type LedgerEntry } from '../db/seen/ledger.ts';
import type { LinkRecord } from '../db/seen/links.ts';
import type { GroupChange, Plan } from '../model/change.ts';
import { RemoteError } from '../model/errors.ts';
import { planGroup } from '../plan/groups/group.ts';
import { type MembershipPlan, planMembers } from '../plan/groups/members.ts';
import { isDoubted } from './doubtedList.ts';
import { withComingFeeders } from './groups/comingFeeders.ts';
import { type GroupFacts, groupsByRecords, lookAtGroups } from './groups/look.ts';
import { lookAtMembers } from './groups/memberLook.ts';
import { observeGroup, readMembers, unseenBy } from './groups/members.ts';
import { withRuleHolds } from './groups/ruleHolds.ts';
import type { StrangersReading } from './groups/strangers.ts';
import { type PlannedPerson, planPeople, type Sight } from './people/look.ts';
import type { Planning, Reading } from './planning.ts';

const PEOPLE_PER_PAGE = 200;
const GROUPS_PER_PAGE = 20;

export interface PeoplePage {
  readonly people: readonly PlannedPerson[];
  /** Null after the last page. */
  readonly next: string | null;
}

export async function planPeoplePage(
  planning: Planning,
  sight: Sight,
  cursor: string | null,
): Promise<PeoplePage> {
  const ids = await subjectsPage(planning.db, planning.context.store, 'user', cursor, PEOPLE_PER_PAGE);
  return { people: await planPeople(planning, sight, ids), next: lastOf(ids, PEOPLE_PER_PAGE) };
}

export function lastOf(ids: readonly string[], limit: number): string | null {
  return ids.length < limit ? null : (ids.at(-1) ?? null);
}

/** How the members of remote groups are read before they are planned; null: the ledger counts. */
export interface MemberReading {
  readonly reading: Reading;
  /**
   * What to do with memberships that the vendor no longer shows: `forget` takes them from the ledger, `keep` plans as
   * recorded, `overlook` plans as if they were gone and leaves the ledger as it is.
   */
  readonly unseen: 'forget' | 'keep' | 'overlook';
  readonly standing: ListStanding;
}

/** How reading the members has gone so far. */
export interface ListStanding {
  /** How often in a row it failed at this group. */
  readonly failures: number;
  /** Groups in a row whose members could not be read. */
  readonly unread: number;
}

/** How often the bridge asks, because a vendor may answer better the next time. */
const TRIES_MAX = 3;
/** More unreadable groups in a row are no coincidence. */
const UNREAD_MAX = 3;

export interface GroupPlanning {
  /** How to look at people who may get an account. */
  readonly people: Sight;
  readonly members: MemberReading | null;
  /** Adds to the groups what a complete scan saw of their names; null: they are named as recorded. */
  readonly named: ((groups: readonly GroupFacts[]) => Promise<readonly GroupFacts[]>) | null;
  /** Also plan the grants that follow from adoptions and creations of the same plan. */
  readonly withComing: boolean;
}

export interface PlannedGroup {
  readonly facts: GroupFacts;
  readonly plan: Plan<GroupChange>;
  /** Null where another SCIM group plans them, or nobody does. */
  readonly members: MembershipPlan | null;
  /** How many memberships the remote group has; 0 where it loses none. */
  readonly size: number;
  /** Memberships that the read no longer found. */
  readonly unseen: readonly LedgerEntry[];
  /** The bridge read the members. */
  readonly isRead: boolean;
  /** The former link, where the remote group is gone. */
  readonly vanished: LinkRecord | null;
  /** Why this group's members could not be read, while those of others can. Nothing is planned for them. */
  readonly unread: RemoteError | null;
}

export interface GroupsPage {
  readonly groups: readonly PlannedGroup[];
  readonly next: string | null;
  /** How many groups in a row, up to this page's last, had members that could not be read. */
  readonly unread: number;
}

/** A page ends after a group whose members were read, so that the store's other work can go on. */
export async function planGroupsPage(
  planning: Planning,
  how: GroupPlanning,
  cursor: string | null,
): Promise<GroupsPage> {
  const ids = await subjectsPage(planning.db, planning.context.store, 'group', cursor, GROUPS_PER_PAGE);
  const groups: PlannedGroup[] = [];
  const before = how.members?.standing.unread ?? 0;
  const recorded = await lookAtGroups(planning, groupsByRecords(planning), ids);
  const looked = (await how.named?.(recorded)) ?? recorded;
  for (const facts of await withComingFeeders(planning, looked)) {
    const planned = await planOneGroup(planning, how, facts);
    groups.push(planned);
    if (planned.unread) return { groups, next: facts.desired.id, unread: before + 1 };
    if (planned.isRead) return { groups, next: facts.desired.id, unread: 0 };
  }
  return { groups, next: lastOf(ids, GROUPS_PER_PAGE), unread: before };
}

async function planOneGroup(
  planning: Planning,
  how: GroupPlanning,
  looked: GroupFacts,
): Promise<PlannedGroup> {
  try {
    return await planWithMembers(planning, how, looked);
  } catch (error) {
    const { members } = how;
    if (!(error instanceof RemoteError) || members === null) throw error;
    if (!(await isOfOneGroup(error, members))) throw error;
    return withoutMembers(looked, error);
  }
}

async function planWithMembers(
  planning: Planning,
  how: GroupPlanning,
  looked: GroupFacts,
): Promise<PlannedGroup> {
  const read = await readGroup(planning, how.members, looked);
  const vanished = read === 'vanished' ? looked.link : null;
  const facts = vanished && how.members?.unseen !== 'keep' ? await asUnlinked(planning, looked) : looked;
  const seen = read === 'vanished' ? UNREAD : read;
  const plan = planGroup(facts);
  const members = await planMembersOf(planning, how, facts, plan, seen.seenIn);
  const size = await sizeOf(planning, members, seen.seenIn);
  return { facts, plan, members, size, unseen: seen.unseen, isRead: read !== UNREAD, vanished, unread: null };
}

/** Plans the group itself without its members. */
function withoutMembers(facts: GroupFacts, unread: RemoteError): PlannedGroup {
  const plan = planGroup(facts);
  return { facts, plan, members: null, size: 0, unseen: [], isRead: false, vanished: null, unread };
}

async function sizeOf(
  { db, context }: Planning,
  members: MembershipPlan | null,
  seenIn: string | null,
): Promise<number> {
  const loss = members?.changes.find(({ op }) => op === 'revoke');
  return loss ? countMembers(db, context.store.id, loss.remoteId, seenIn) : 0;
}

interface ReadGroup {
  readonly unseen: readonly LedgerEntry[];
  readonly seenIn: string | null;
}

const UNREAD: ReadGroup = { unseen: [], seenIn: null };

async function readGroup(
  planning: Planning,
  how: MemberReading | null,
  { link, found, isPrimaryFeeder, leftAlone }: GroupFacts,
): Promise<ReadGroup | 'vanished'> {
  if (how === null || !isPrimaryFeeder || leftAlone !== null) return UNREAD;
  const { reading, unseen } = how;
  try {
    if (link && unseen !== 'overlook')
      return {
        unseen: await readMembers(reading, link, reading.callContext, unseen === 'forget'),
        seenIn: null,
      };
    const group = link ?? (found && { remoteId: found.remoteId, remoteName: found.display });
    const { groupProvisioning, groupMembershipHandling } = planning.context.settings;
    if (group === null || groupProvisioning === 'Off') return UNREAD;
    // Before the group is linked, only `Overwrite` takes something from its members; a task reads them anyway.
    if (unseen !== 'overlook' && groupMembershipHandling !== 'Overwrite') return UNREAD;
    const seenIn = await observeGroup(reading, group, reading.callContext);
    return { unseen: link ? await unseenBy(reading, link.remoteId, seenIn) : [], seenIn };
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing' || link === null) throw error;
    return 'vanished';
  }
}

/**
 * Whether the error is about this one group, so that the others go on; false where the store or the credential fails.
 */
async function isOfOneGroup(error: RemoteError, { reading, standing }: MemberReading): Promise<boolean> {
  if (isDoubted(error)) return false;
  const isRow = standing.unread + 1 >= UNREAD_MAX;
  switch (error.disposition) {
    case 'forbidden':
    case 'rejected':
    case 'missing':
      if (isRow) await reading.proveRights();
      return true;
    case 'transient':
    case 'unknownOutcome':
      return !isRow && standing.failures + 1 >= TRIES_MAX;
    default:
      return false;
  }
}

/** The group as it will be once the link to its vanished remote group has ended. */
async function asUnlinked(planning: Planning, { desired }: GroupFacts): Promise<GroupFacts> {
  const [facts] = await lookAtGroups(planning, groupsByRecords(planning), [desired.id], new Map());
  return facts as GroupFacts;
}

function strangersOf({ reading }: MemberReading): StrangersReading {
  return { work: reading, looking: () => reading.callContext };
}

async function planMembersOf(
  planning: Planning,
  { people, withComing, members }: GroupPlanning,
  { desired, link, found, feeding, isPrimaryFeeder, leftAlone }: GroupFacts,
  plan: Plan<GroupChange>,
  seenIn: string | null,
): Promise<MembershipPlan | null> {
  if (planning.context.settings.groupProvisioning === 'Off' || !isPrimaryFeeder) return null;
  if (leftAlone !== null) return null;
  const isMade = plan.changes.some(({ op }) => op === 'create');
  const remoteId = link?.remoteId ?? found?.remoteId ?? (isMade ? '' : null);
  if (remoteId === null) return null;
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const rows = await lookAtMembers(
    planning,
    { remoteId, feeding, seenIn, changed: null },
    { withComing, people, strangers: members && strangersOf(members) },
  );
  const planned = planMembers(subject, remoteId, rows);
  return withRuleHolds(planning, planned, [desired.id, ...feeding.map(({ groupId }) => groupId)]);
}
