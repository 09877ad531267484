/**
 * Direct memberships of groups. What people inherit from a group above belongs to GitLab, and the bridge never
 * changes it.
 */

import type { MembershipChange } from '../../model/change.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import type { CallContext, MemberConnector, MemberOutcome } from '../connector.ts';
import type { Row } from './api/calls.ts';
import * as calls from './api/calls.ts';
import type { Answered, Instance } from './api/client.ts';
import {
  type Attempt,
  failed,
  isInherited,
  isLasting,
  isMemberAlready,
  isNoRecord,
  isNoUser,
  type Refusal,
  refused,
  spoken,
} from './api/errors.ts';
import { readPage } from './api/pages.ts';
import { isMachine, memberOf } from './mapping.ts';
import { accessLevelName, GITLAB_CAPABILITIES } from './settings.ts';

export function gitLabMembers(instance: Instance): MemberConnector {
  return {
    memberLevel: instance.settings.defaultAccessLevel,
    members: (groupId, cursor, context) => listMembers(instance, groupId, cursor, context),
    applyMembers: (changes, context) => applyMembers(instance, changes, context),
    hasLevel: (groupId, userId, level, context) => hasLevel(instance, groupId, userId, level, context),
  };
}

async function applyMembers(
  instance: Instance,
  changes: readonly MembershipChange[],
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const [change] = changes;
  if (!change) return [];
  if (changes.length > GITLAB_CAPABILITIES.membersPerCallMax) {
    throw new Error(`GitLab takes one member a call, not ${changes.length}`);
  }
  return [await (change.op === 'grant' ? grant : revoke)(instance, change, context)];
}

/** Leaves out machines that GitLab names, so that `Overwrite` cannot break anybody's automation. */
async function listMembers(
  instance: Instance,
  remoteId: string,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteMember>> {
  const exchange = { context, action: `list the members of group ${remoteId}` };
  const page = await readPage(instance, calls.listMembers, exchange, cursor, (api, paging) =>
    api.members.all(remoteId, paging),
  );
  const people = page.items.filter((row) => !isMachine(row));
  return { items: people.map(memberOf), nextCursor: page.nextCursor };
}

async function grant(
  instance: Instance,
  change: MembershipChange,
  context: CallContext,
): Promise<MemberOutcome> {
  const { remoteId: group, member } = change;
  const level = member.level ?? instance.settings.defaultAccessLevel;
  const action = `add user ${member.remoteId} to group ${group} as ${accessLevelName(level)}`;
  const answer = await instance.client.ask(calls.addMember(member.remoteId), { context, action }, (api) =>
    api.members.add(group, level, { userId: Number(member.remoteId) }),
  );
  if (!answer.ok && isMemberAlready(answer.refusal))
    return raise(instance, group, member.remoteId, level, context);
  return outcomeOf(member.remoteId, level, { action, writes: true }, answer);
}

/** A grant adds what is missing and takes nothing away: a higher role stays. */
async function raise(
  instance: Instance,
  group: string,
  user: string,
  level: number,
  context: CallContext,
): Promise<MemberOutcome> {
  const action = `make user ${user} ${accessLevelName(level)} of group ${group}`;
  const present = await directMember(instance, group, user, context);
  // GitLab has just said that this membership exists.
  if (present === null) throw failed(action, 'waits', 'the membership is gone again');
  if (present.level !== null && present.level >= level)
    return { remoteId: user, outcome: 'already', level: present.level };
  const answer = await instance.client.ask(calls.editMember(user), { context, action }, (api) =>
    api.members.edit(group, Number(user), level),
  );
  return outcomeOf(user, level, { action, writes: true }, answer);
}

/** Null where the group has no membership of its own for this account. */
async function directMember(
  instance: Instance,
  group: string,
  user: string,
  context: CallContext,
): Promise<RemoteMember | null> {
  const attempt = { action: `read the membership of user ${user} in group ${group}`, writes: false };
  const { action } = attempt;
  const answer = await instance.client.ask(calls.readMember(user), { context, action }, (api) =>
    api.members.show(group, Number(user)),
  );
  if (answer.ok) return memberOf(answer.value);
  if (isNoRecord(answer.refusal)) return null;
  throw refused(attempt, answer.refusal);
}

async function hasLevel(
  instance: Instance,
  group: string,
  user: string,
  level: number | null,
  context: CallContext,
): Promise<boolean> {
  const attempt = { action: `read what user ${user} may do in group ${group}`, writes: false };
  const { action } = attempt;
  const answer = await instance.client.ask(calls.readMember(user), { context, action }, (api) =>
    api.members.show(group, Number(user), { includeInherited: true }),
  );
  if (answer.ok) return (memberOf(answer.value).level ?? 0) >= (level ?? 0);
  if (isNoRecord(answer.refusal)) return false;
  throw refused(attempt, answer.refusal);
}

async function revoke(
  instance: Instance,
  change: MembershipChange,
  context: CallContext,
): Promise<MemberOutcome> {
  const { remoteId: group, member } = change;
  const { remoteId } = member;
  const attempt = { action: `remove user ${remoteId} from group ${group}`, writes: true };
  const { action } = attempt;
  const answer = await instance.client.ask(calls.removeMember, { context, action }, (api) =>
    // Without skip_subresources GitLab would also end memberships in groups below, which are not part of this change.
    api.members.remove(group, Number(remoteId), {
      searchParams: { skipSubresources: true },
    } as Record<string, unknown>),
  );
  if (answer.ok) return { remoteId, outcome: 'done' };
  if (!isNoRecord(answer.refusal)) return refusedMember(remoteId, attempt, answer.refusal);
  if ((await directMember(instance, group, remoteId, context)) === null)
    return { remoteId, outcome: 'already' };
  const { words, status } = answer.refusal;
  return {
    remoteId,
    outcome: 'refused',
    reason: `${words}, and GitLab shows the membership all the same`,
    status,
  };
}

/** Where promotions need approval, GitLab answers 2xx with a message instead of the member. */
function outcomeOf(remoteId: string, level: number, attempt: Attempt, answer: Answered<Row>): MemberOutcome {
  if (!answer.ok) {
    if (isInherited(answer.refusal)) return { remoteId, outcome: 'already', inherited: true };
    return refusedMember(remoteId, attempt, answer.refusal);
  }
  if ('id' in answer.value) {
    const given = memberOf(answer.value).level ?? level;
    if (given >= level) return { remoteId, outcome: 'done' };
    const reason = `GitLab made it ${accessLevelName(given)} and not ${accessLevelName(level)}`;
    return { remoteId, outcome: 'refused', reason };
  }
  return { remoteId, outcome: 'refused', reason: spoken(answer.value.message) };
}

function refusedMember(remoteId: string, attempt: Attempt, refusal: Refusal): MemberOutcome {
  if (isNoUser(refusal) || isLasting(attempt, refusal))
    return { remoteId, outcome: 'refused', reason: refusal.words, status: refusal.status };
  throw refused(attempt, refusal);
}
