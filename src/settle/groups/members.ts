/** The memberships of one remote group: reads them at first sight, plans the differences, applies in batches. */

import type { CallContext } from '../../connectors/connector.ts';
import { findGroupEvenDeleted } from '../../db/identity/groups.ts';
import { PURGED } from '../../db/identity/users.ts';
import type { Db } from '../../db/open.ts';
import { forgetMembers, type LedgerEntry, observeMembers, unseenMembers } from '../../db/seen/ledger.ts';
import {
  getLink,
  groupLinksByRemoteId,
  type LinkRecord,
  updateLink,
  userLinksByRemoteId,
} from '../../db/seen/links.ts';
import {
  type UnwantedDifference,
  unwantedDifferences,
  wantedDifferences,
} from '../../db/seen/memberDifferences.ts';
import type { MembershipChange, Skip } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import { decideMember, type MemberSituation } from '../../plan/member.ts';
import { lifecyclesOf, loadDesiredGroup, type StoreContext } from '../../stores/desired.ts';
import { groupMappingFor } from '../../stores/groupMapping.ts';
import { newId } from '../../support/ids.ts';
import { mayBeProtected, withoutPurged } from '../purged.ts';
import { namesOfLink, protects } from '../situation.ts';

/** What a plan is made from. */
export interface Planning {
  readonly db: Db;
  readonly context: StoreContext;
  /** ISO time */
  now(): string;
}

/** What can record under the store's lease: a task, or a sync. */
export interface Work extends Planning {
  record<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Asked between the calls of a long piece of work: leavers who are due go first. True where some did. */
  giveWay(): Promise<boolean>;
}

const PAGES_MAX = 10_000;

/** Reads a group's members whole into the ledger, as foreign where nothing else is known. Answers the scan's id. */
export async function observeGroup(
  work: Work,
  group: { readonly remoteId: string; readonly remoteName: string },
  callContext: CallContext,
): Promise<string> {
  const { store, connector } = work.context;
  const scanId = newId();
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { items, nextCursor } = await connector.members(group.remoteId, cursor, callContext);
    await work.record(async (tx) => {
      const known = await withoutPurged(tx, store.id, items, (item) => ({ ...item, display: PURGED }));
      await observeMembers(tx, store.id, group.remoteId, known, scanId, work.now());
    });
    cursor = nextCursor;
    if (cursor === null) return scanId;
    await work.giveWay();
  }
  throw new Error(`the members of ${group.remoteName} have more than ${PAGES_MAX} pages`);
}

/**
 * The same for a linked group. What was not seen leaves the ledger only after the last page, and only
 * where `forget` says so; it is answered either way.
 */
export async function readMembers(
  work: Work,
  link: LinkRecord,
  callContext: CallContext,
  forget: boolean,
): Promise<readonly LedgerEntry[]> {
  const { store } = work.context;
  const scanId = await observeGroup(work, link, callContext);
  return work.record(async (tx) => {
    const unseen = await unseenMembers(tx, store.id, link.remoteId, scanId);
    const gone = unseen
      .filter((entry) => forget || entry.origin === 'foreign')
      .map((entry) => entry.remoteUserId);
    await forgetMembers(tx, store.id, link.remoteId, gone);
    await updateLink(tx, link.id, { membersReadAt: work.now() }, work.now());
    return unseen;
  });
}

export interface MembershipPlan {
  readonly changes: readonly MembershipChange[];
  readonly skipped: readonly Skip[];
  /** Wanted and there already: to be recorded as adopted. */
  readonly taken: readonly LedgerEntry[];
}

/** Grants, then revokes. Reads the database only. `groupIds`: the live SCIM groups that feed the remote group. */
export async function planMemberships(
  planning: Planning,
  desired: DesiredGroup,
  remoteId: string,
  groupIds: readonly string[],
): Promise<MembershipPlan> {
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const grants = await planGrants(planning, subject, remoteId, groupIds);
  const revokes = await planRevokes(planning, subject, remoteId, groupIds);
  return { changes: [...grants.changes, ...revokes.changes], skipped: revokes.skipped, taken: grants.taken };
}

/** The SCIM groups, live and in scope, whose members the remote group should have. */
export async function feedingGroups({ db, context }: Planning, remoteId: string): Promise<readonly string[]> {
  const links = await groupLinksByRemoteId(db, context.store.id, remoteId);
  const feeding: string[] = [];
  for (const link of links) {
    const desired = await loadDesiredGroup(db, context, link.subject.id, link);
    if (desired.lifecycle === 'active') feeding.push(desired.id);
  }
  return feeding;
}

interface Feeding {
  readonly groupId: string;
  /** What its members get; null on stores without levels. */
  readonly level: number | null;
}

/** Highest level first, so that whoever is in several groups gets the highest. */
async function byLevel(planning: Planning, groupIds: readonly string[]): Promise<readonly Feeding[]> {
  const feeding: Feeding[] = [];
  for (const groupId of groupIds) feeding.push({ groupId, level: await grantLevel(planning, groupId) });
  return feeding.sort((a, b) => (b.level ?? 0) - (a.level ?? 0));
}

/** The level that the members of a SCIM group get, as the group mapping or else the store says. */
export async function grantLevel(
  { db, context }: Pick<Planning, 'db' | 'context'>,
  groupId: string,
): Promise<number | null> {
  const { connector, definition, groupMappings, store } = context;
  if (!groupMappings.some((mapping) => mapping.accessLevel !== null)) return connector.memberLevel;
  const group = await findGroupEvenDeleted(db, groupId);
  const link = await getLink(db, store.id, { kind: 'group', id: groupId });
  const mapping = group && groupMappingFor(groupMappings, group, link);
  return definition.accessLevels?.[mapping?.accessLevel ?? ''] ?? connector.memberLevel;
}

async function planGrants(
  planning: Planning,
  subject: MembershipChange['subject'],
  remoteGroupId: string,
  groupIds: readonly string[],
): Promise<{ readonly changes: readonly MembershipChange[]; readonly taken: readonly LedgerEntry[] }> {
  const grants = new Map<string, MembershipChange>();
  const taken: LedgerEntry[] = [];
  for await (const { range, level } of wantedRanges(planning, remoteGroupId, groupIds)) {
    const lifecycles = await lifecyclesOf(
      planning.db,
      planning.context,
      range.map((row) => row.personId),
    );
    for (const row of range) {
      const member = { personId: row.personId, remoteId: row.remoteId, display: row.remoteName, level };
      const decision = decideMember({
        ...situation(planning, false),
        member,
        wanted: true,
        lifecycle: lifecycles.get(row.personId) ?? 'gone',
        account: 'enabled',
        ledger: row.ledger,
        level,
      });
      if (decision.take)
        taken.push({
          remoteUserId: row.remoteId,
          origin: 'adopted',
          level: row.ledger?.level ?? null,
          display: row.remoteName,
        });
      if (decision.op === 'grant' && !grants.has(row.remoteId))
        grants.set(row.remoteId, { op: 'grant', subject, remoteId: remoteGroupId, member });
    }
  }
  return { changes: [...grants.values()], taken };
}

async function* wantedRanges(planning: Planning, remoteGroupId: string, groupIds: readonly string[]) {
  const { db, context } = planning;
  for (const { groupId, level } of await byLevel(planning, groupIds)) {
    for await (const range of wantedDifferences(db, context.store.id, remoteGroupId, [groupId], level)) {
      yield { range, level };
    }
  }
}

function situation(
  planning: Planning,
  groupGone: boolean,
): Pick<MemberSituation, 'overwrite' | 'groupGone' | 'isProtected'> {
  const overwrite = planning.context.settings.groupMembershipHandling === 'Overwrite';
  return { overwrite, groupGone, isProtected: false };
}

async function planRevokes(
  planning: Planning,
  subject: MembershipChange['subject'],
  remoteGroupId: string,
  groupIds: readonly string[],
): Promise<{ readonly changes: readonly MembershipChange[]; readonly skipped: readonly Skip[] }> {
  const { store } = planning.context;
  const groupGone = groupIds.length === 0;
  const basics = situation(planning, groupGone);
  const changes: MembershipChange[] = [];
  const skipped: Skip[] = [];
  for await (const range of unwantedDifferences(
    planning.db,
    store.id,
    remoteGroupId,
    groupIds,
    basics.overwrite,
  )) {
    const people = range.flatMap((row) => (row.personId === null ? [] : [row.personId]));
    const lifecycles = await lifecyclesOf(planning.db, planning.context, people);
    const links = await userLinksByRemoteId(
      planning.db,
      store.id,
      range.map((row) => row.remoteId),
    );
    for (const row of range) {
      const link = links.get(row.remoteId);
      const member = {
        personId: row.personId,
        remoteId: row.remoteId,
        display: row.display,
        level: row.level,
      };
      const decision = decideMember({
        ...basics,
        member,
        wanted: false,
        lifecycle: row.personId === null ? 'unknown' : (lifecycles.get(row.personId) ?? 'gone'),
        account: row.accountState === null ? 'none' : row.accountState === 'enabled' ? 'enabled' : 'disabled',
        ledger: { origin: row.origin, level: row.level },
        level: null,
        isProtected:
          protects(planning.context, row.remoteId, namesOf(planning.context, row, link)) ||
          mayBeProtected(planning.context, link),
      });
      if (decision.op === 'revoke') changes.push({ op: 'revoke', subject, remoteId: remoteGroupId, member });
      if (decision.skipped)
        skipped.push({ op: 'revoke', subject, status: 'partiallySynced', reason: decision.skipped });
    }
  }
  return { changes, skipped };
}

/** Every name that `PROTECTED_ACCOUNTS` may know the account by; what the ledger says may be an older one. */
function namesOf(
  context: StoreContext,
  row: UnwantedDifference,
  link: LinkRecord | undefined,
): readonly string[] {
  return link ? namesOfLink(context, link) : [row.display];
}
