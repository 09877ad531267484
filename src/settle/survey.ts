/**
 * Plans many subjects of a store at once, from the directory, the links and what was last observed, with
 * a few queries for each page. A sync and a preview look through it; it calls no vendor and writes nothing.
 */

import { lower } from '../db/columns.ts';
import { speakingUsers } from '../db/identity/persons.ts';
import {
  groupLinksByRemoteId,
  type LinkRecord,
  linksBySubject,
  userLinksByRemoteId,
} from '../db/seen/links.ts';
import { observedAs, observedUnder } from '../db/seen/observations.ts';
import type { GroupChange, Plan, UserChange } from '../model/change.ts';
import type { DesiredGroup, DesiredUser } from '../model/desired.ts';
import type { Remote, RemoteGroup, RemoteUser } from '../model/remote.ts';
import { planGroup } from '../plan/group.ts';
import { planUser } from '../plan/user.ts';
import { loadDesiredGroup, loadDesiredUsers } from '../stores/desired.ts';
import type { Planning } from './groups/members.ts';
import { takenBy, userSituation } from './situation.ts';

export interface SurveyedUser {
  readonly desired: DesiredUser;
  readonly link: LinkRecord | null;
  /** Without a link: the account last seen under the person's identifier. */
  readonly account: RemoteUser | null;
  readonly plan: Plan<UserChange>;
}

/** `links` may replace what is recorded, to ask what would follow if it were so. */
export async function surveyUsers(
  planning: Planning,
  personIds: readonly string[],
  links?: ReadonlyMap<string, LinkRecord>,
): Promise<readonly SurveyedUser[]> {
  const { db, context } = planning;
  const desired = await loadDesiredUsers(db, context, personIds);
  const known = links ?? (await linksBySubject(db, context.store.id, 'user', personIds));
  const unlinked = desired.filter(({ id }) => !isLive(known.get(id)));
  const identifiers = unlinked.flatMap(({ identifier }) => (identifier === null ? [] : [identifier]));
  const seen = await observedUnder(db, context.store.id, 'user', identifiers);
  const owners = await ownersOf(planning, [...seen.values()]);
  return desired.map((person) => {
    const link = known.get(person.id) ?? null;
    const found = person.identifier === null || isLive(link) ? undefined : seen.get(lower(person.identifier));
    const account = found ?? null;
    const owner = account ? owners.get(account.remoteId) : undefined;
    const plan =
      account && owner !== undefined && owner !== person.id
        ? { changes: [], skipped: [takenBy(person, account)] }
        : planUser(userSituation(context, person, link, account, planning.now()));
    return { desired: person, link, account, plan };
  });
}

/** Whose the accounts are, by remote id; one whose person the directory lost is free to be taken. */
async function ownersOf(
  planning: Planning,
  accounts: readonly Remote[],
): Promise<ReadonlyMap<string, string>> {
  const { db, context } = planning;
  const remoteIds = accounts.map((account) => account.remoteId);
  const links = await userLinksByRemoteId(db, context.store.id, remoteIds);
  const people = [...links.values()].map((link) => link.subject.id);
  const speaking = await speakingUsers(db, people);
  const kept = [...links].filter(([, link]) => speaking.get(link.subject.id)?.purgedAt === null);
  return new Map(kept.map(([remoteId, link]) => [remoteId, link.subject.id]));
}

function isLive(link: LinkRecord | null | undefined): boolean {
  return link !== null && link !== undefined && link.state !== 'removed';
}

export interface SurveyedGroup {
  readonly desired: DesiredGroup;
  readonly link: LinkRecord | null;
  /** Without a link: the group last seen under that name. */
  readonly found: RemoteGroup | null;
  /** Of the remote group; memberships are planned apart. */
  readonly plan: Plan<GroupChange>;
  /** The memberships of the remote group are planned for this one of the SCIM groups that feed it. */
  readonly isPrimaryFeeder: boolean;
}

export async function surveyGroup({ db, context }: Planning, groupId: string): Promise<SurveyedGroup> {
  const { store, settings, connector } = context;
  const known = (await linksBySubject(db, store.id, 'group', [groupId])).get(groupId) ?? null;
  const desired = await loadDesiredGroup(db, context, groupId, known);
  const link = desired.keepRemote ? null : known;
  const siblings = link ? await groupLinksByRemoteId(db, store.id, link.remoteId) : [];
  const seen = link ? null : await observedAs(db, store.id, 'group', desired.name);
  const found = seen?.remote ?? null;
  const plan = planGroup({
    desired,
    link,
    remoteId: found?.remoteId ?? null,
    settings,
    deleteGroups: connector.capabilities.deleteGroups,
    renameGroups: connector.capabilities.renameGroups,
    fedByAnother: siblings.some((sibling) => sibling.subject.id !== groupId),
  });
  const isPrimaryFeeder = siblings.length === 0 || siblings[0]?.subject.id === groupId;
  return { desired, link, found, plan, isPrimaryFeeder };
}
