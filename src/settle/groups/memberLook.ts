/**
 * The look at the memberships of one remote group. It finds the accounts that are members and should not be, and
 * those that should be and are not, with what the planner needs to know of each. Reads the database only.
 */

import { knownAccounts } from '../../db/seen/knownPeople.ts';
import { type LedgerEntry, ledgerEntries } from '../../db/seen/ledger.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import {
  type KnownMemberships,
  membersAmong,
  membersWithoutAccount,
  type UnwantedDifference,
  unlinkedGroupsOf,
  unwantedDifferences,
  wantedDifferences,
} from '../../db/seen/memberDifferences.ts';
import { adoptersOf, observationsById } from '../../db/seen/observations.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { planGroup } from '../../plan/groups/group.ts';
import type { MemberSituation } from '../../plan/groups/member.ts';
import { type StoreContext, standingsOf } from '../../stores/desired.ts';
import { accountAfter, withoutAccountAfter } from '../people/accountAfter.ts';
import { memberHolds } from '../people/doubts.ts';
import { byRecords, type PersonFacts, type PlannedPerson, planPeople, type Sight } from '../people/look.ts';
import { namesOfAccount, namesOfLink, protectedAs, protectorBy } from '../people/protection.ts';
import type { Planning } from '../planning.ts';
import { mayBeProtected } from '../purged.ts';
import { type Feeding, groupsByRecords, lookAtGroups } from './look.ts';
import { protectedLinks, sparedMembers } from './spared.ts';
import { readStrangers, type StrangersReading } from './strangers.ts';

/** The remote group whose memberships are looked at. */
export interface RemoteMembers {
  /** The remote group's id; '' while nobody has made it. */
  readonly remoteId: string;
  readonly feeding: readonly Feeding[];
  /** The id of a read of all members: a member whom it did not see counts as gone. Null: the ledger counts. */
  readonly seenIn: string | null;
  /** The only people whose memberships may have changed; null where anybody's may. */
  readonly changed: readonly string[] | null;
}

export interface MemberLook {
  /** Also plan for people who have no account yet and will get one. For a plan of the whole store. */
  readonly withComing: boolean;
  /** How to look at people who may get an account. */
  readonly people: Sight;
  /**
   * Reads members' accounts that the bridge has never seen, for a plan that will be carried out; null: it does not.
   */
  readonly strangers: StrangersReading | null;
}

/** Wanted members before unwanted ones; of the wanted, those with the highest level first. */
export async function lookAtMembers(
  planning: Planning,
  group: RemoteMembers,
  look: MemberLook,
): Promise<readonly MemberSituation[]> {
  const groupIds = group.feeding.map(({ groupId }) => groupId);
  const spared = await sparedMembers(planning, groupIds, basics(planning, group));
  const isSpared = new Set(spared.map(({ member }) => member.remoteId));
  const differing = await wantedMembers(planning, group);
  const granted = differing.flatMap((row) => (row.ledger === null ? (row.member.personId ?? []) : []));
  const gone: ReadonlySet<string | null> = look.withComing
    ? await withoutAccountAfter(planning, look.people, granted)
    : new Set();
  const isThere = ({ member }: MemberSituation) =>
    !isSpared.has(member.remoteId) && !gone.has(member.personId);
  const wanted = [...differing.filter(isThere), ...spared];
  const unwanted = await unwantedMembers(planning, group);
  const strangers = unwanted.filter((row) => row.personId === null).map((row) => row.remoteId);
  if (look.strangers) await readStrangers(look.strangers, strangers);
  const without =
    look.withComing || strangers.length > 0 ? await peopleWithoutAccount(planning, group, look.people) : [];
  const outsiders = await adoptersAmong(planning, strangers, look.people);
  const kept = new Set(
    without.flatMap(({ facts }) => (facts.isTaken ? [] : (facts.account?.remoteId ?? []))),
  );
  const candidates = unwanted
    .filter((row) => !kept.has(row.remoteId))
    .map((row) => attributed(row, outsiders));
  const elsewhere = await wantedByComingGroups(planning, group, candidates);
  const coming = look.withComing ? await comingMembers(planning, group, without) : [];
  const losing = candidates.filter((row) => row.personId === null || !elsewhere.has(row.personId));
  return [...wanted, ...coming, ...(await unwantedSituations(planning, group, losing))];
}

function knownOf({ context }: Planning, { remoteId, seenIn }: RemoteMembers): KnownMemberships {
  return { storeId: context.store.id, remoteGroupId: remoteId, seenIn };
}

function basics(planning: Planning, group: RemoteMembers) {
  const overwrite = planning.context.settings.groupMembershipHandling === 'Overwrite';
  return { overwrite, groupGone: group.feeding.length === 0, isProtected: false };
}

/** Wanted members with an enabled account whose membership is not as it should be. */
async function wantedMembers(planning: Planning, group: RemoteMembers): Promise<readonly MemberSituation[]> {
  const { db, context } = planning;
  const known = knownOf(planning, group);
  const rows: MemberSituation[] = [];
  for (const { groupId, level } of group.feeding) {
    for await (const range of wantedDifferences(db, known, groupId, level, group.changed)) {
      const people = range.map((row) => row.personId);
      const standings = await standingsOf(db, context, people);
      const holds = await memberHolds(planning, standings, range);
      const isProtected = await protectedLinks(planning, range);
      for (const { personId, remoteId, remoteName, ledger } of range) {
        const hold = holds.get(personId);
        rows.push({
          ...basics(planning, group),
          isProtected: isProtected(remoteId),
          member: { personId, remoteId, display: remoteName, level },
          wanted: true,
          lifecycle: standings.get(personId)?.lifecycle ?? 'gone',
          account: 'enabled',
          ...(hold ? { hold } : {}),
          ledger,
          level,
        });
      }
    }
  }
  return rows;
}

interface PersonWithoutAccount extends PlannedPerson {
  readonly level: number | null;
}

/** People in the SCIM groups who have no enabled account yet, with their plans. */
async function peopleWithoutAccount(
  planning: Planning,
  group: RemoteMembers,
  sight: Sight,
): Promise<readonly PersonWithoutAccount[]> {
  const found: PersonWithoutAccount[] = [];
  for (const { groupId, level } of group.feeding) {
    for await (const ids of membersWithoutAccount(planning.db, planning.context.store.id, groupId)) {
      for (const person of await planPeople(planning, sight, ids)) found.push({ ...person, level });
    }
  }
  return found;
}

/** Who will adopt the unknown accounts among the members, although no SCIM group wants them here. */
async function adoptersAmong(
  planning: Planning,
  strangers: readonly string[],
  sight: Sight,
): Promise<ReadonlyMap<string, PersonFacts>> {
  const { db, context } = planning;
  const known = await adoptersOf(db, context.store.id, strangers);
  const people = await planPeople(planning, sight, [...new Set(known.values())]);
  const adopting = people.flatMap(({ facts, plan }) =>
    plan.changes.flatMap((change) => (change.op === 'adopt' ? [[change.remoteId, facts] as const] : [])),
  );
  return new Map(adopting);
}

interface Unwanted extends UnwantedDifference {
  /** The person who is about to adopt the account. */
  readonly adopter?: PersonFacts;
}

function attributed(row: UnwantedDifference, outsiders: ReadonlyMap<string, PersonFacts>): Unwanted {
  const adopter = row.personId === null ? outsiders.get(row.remoteId) : undefined;
  return adopter ? { ...row, personId: adopter.desired.id, adopter } : row;
}

/** People who are wanted by another SCIM group that is about to be linked to the same remote group. */
async function wantedByComingGroups(
  planning: Planning,
  group: RemoteMembers,
  rows: readonly Unwanted[],
): Promise<ReadonlySet<string>> {
  const { db, context } = planning;
  const people = rows.flatMap((row) => row.personId ?? []);
  const unlinked = await unlinkedGroupsOf(db, context.store.id, people);
  const own = new Set(group.feeding.map(({ groupId }) => groupId));
  const others = unlinked.filter((id) => !own.has(id));
  if (others.length === 0) return new Set();
  const facts = await lookAtGroups(planning, groupsByRecords(planning), others);
  const coming = facts.filter((other) =>
    planGroup(other).changes.some((change) => change.op === 'adopt' && change.remoteId === group.remoteId),
  );
  return membersAmong(
    db,
    coming.map(({ desired }) => desired.id),
    people,
  );
}

async function comingMembers(
  planning: Planning,
  group: RemoteMembers,
  people: readonly PersonWithoutAccount[],
): Promise<readonly MemberSituation[]> {
  const coming = people.flatMap((person) => {
    const account = accountAfter(person);
    return account ? [{ ...person, ...account }] : [];
  });
  const ids = coming.map(({ remoteId }) => remoteId).filter((id) => id !== '');
  const { storeId, remoteGroupId, seenIn } = knownOf(planning, group);
  const ledger: ReadonlyMap<string, LedgerEntry> = await ledgerEntries(
    planning.db,
    storeId,
    remoteGroupId,
    ids,
    seenIn,
  );
  return coming.map(({ facts, level, remoteId, display }) => ({
    ...basics(planning, group),
    member: { personId: facts.desired.id, remoteId, display, level },
    wanted: true,
    lifecycle: facts.desired.lifecycle,
    account: 'coming',
    ledger: ledger.get(remoteId) ?? null,
    level,
  }));
}

/** Members whom no SCIM group wants, as far as the bridge may take the membership from them. */
async function unwantedMembers(planning: Planning, group: RemoteMembers) {
  const groupIds = group.feeding.map(({ groupId }) => groupId);
  const { overwrite } = basics(planning, group);
  const known = knownOf(planning, group);
  const ranges = unwantedDifferences(planning.db, known, groupIds, overwrite, group.changed);
  return (await Array.fromAsync(ranges)).flat();
}

async function unwantedSituations(
  planning: Planning,
  group: RemoteMembers,
  rows: readonly Unwanted[],
): Promise<readonly MemberSituation[]> {
  const { db, context } = planning;
  const remoteIds = rows.map((row) => row.remoteId);
  const known = await knownAccounts(db, context.store.id, remoteIds);
  const protect = protectorBy(context, protectedAs(known));
  const people = rows.flatMap((row) => row.personId ?? []);
  const standings = await standingsOf(db, context, people);
  const linkOf = (remoteId: string) => known.get(remoteId)?.link ?? undefined;
  const unlinked = remoteIds.filter((id) => linkOf(id) === undefined);
  const seen = await observationsById(db, context.store.id, 'user', unlinked);
  return rows.map((row): MemberSituation => {
    const { remoteId, personId, display, level, origin, accountState } = row;
    const link = linkOf(remoteId);
    const account = seen.get(remoteId)?.remote;
    return {
      ...basics(planning, group),
      member: { personId, remoteId, display, level },
      wanted: false,
      lifecycle: personId === null ? 'unknown' : (standings.get(personId)?.lifecycle ?? 'gone'),
      account: row.adopter
        ? 'coming'
        : accountState === null
          ? 'none'
          : accountState === 'enabled'
            ? 'enabled'
            : 'disabled',
      ledger: { origin, level },
      level: null,
      isProtected:
        protect(remoteId, namesOf(context, link, account, display)) !== null || mayBeProtected(context, link),
      isMachine: account?.machine ?? false,
    };
  });
}

/** Every name by which `PROTECTED_ACCOUNTS` may match the account. The ledger's may be an older one. */
function namesOf(
  context: StoreContext,
  link: LinkRecord | undefined,
  account: RemoteUser | undefined,
  display: string,
): readonly (string | null)[] {
  if (link) return namesOfLink(context, link);
  return [display, ...(account ? namesOfAccount(context, account) : [])];
}

/** For a task: it looks at people as recorded, and leaves out those who have no account yet. */
export function membersOfTask(planning: Planning, strangers: StrangersReading): MemberLook {
  return { withComing: false, people: byRecords(planning), strangers };
}
