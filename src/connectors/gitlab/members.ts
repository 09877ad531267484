/**
 * Direct memberships of groups. What people inherit from a group above is GitLab's answer to give, and
 * never touched.
 */

import type { MembershipChange } from '../../model/change.ts';
import type { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import type { CallContext, MemberConnector, MemberOutcome } from '../connector.ts';
import type { Instance } from './client.ts';
import { isMemberAlready, isMissing, isRefusal, isUserMissing, reread, vendorWords } from './errors.ts';
import { isTokenBot, memberOf, rowOf } from './mapping.ts';
import { readPage } from './pages.ts';
import { accessLevelName, GITLAB_CAPABILITIES } from './settings.ts';

export function gitLabMembers(instance: Instance): MemberConnector {
  return {
    memberLevel: instance.settings.defaultAccessLevel,
    members: (groupId, cursor, context) => listMembers(instance, groupId, cursor, context),
    applyMembers: (changes, context) => applyMembers(instance, changes, context),
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

/** Without the bots of access tokens, so that `Overwrite` cannot break somebody's automation. */
async function listMembers(
  instance: Instance,
  remoteId: string,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteMember>> {
  const action = `list the members of group ${remoteId}`;
  const page = await readPage(instance, { context, action }, cursor, (api, paging) =>
    api.members.all(remoteId, paging),
  );
  const people = page.items.filter((row) => !isTokenBot(row));
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
  try {
    const answer: unknown = await instance.client
      .during({ context, action })
      .members.add(group, level, { userId: Number(member.remoteId) });
    return outcomeOf(member.remoteId, answer);
  } catch (error) {
    if (isMemberAlready(error)) return raise(instance, group, member.remoteId, level, context);
    if (isUserMissing(error) || isRefusal(error)) return refused(member.remoteId, error);
    throw error;
  }
}

/** A grant gives what is missing and takes nothing: a higher role stays. */
async function raise(
  instance: Instance,
  group: string,
  user: string,
  level: number,
  context: CallContext,
): Promise<MemberOutcome> {
  const present = await directLevel(instance, group, user, context);
  if (present !== null && present >= level) return { remoteId: user, outcome: 'already' };
  const action = `make user ${user} ${accessLevelName(level)} of group ${group}`;
  try {
    const answer: unknown = await instance.client
      .during({ context, action })
      .members.edit(group, Number(user), level);
    return outcomeOf(user, answer);
  } catch (error) {
    if (isRefusal(error)) return refused(user, error);
    throw error;
  }
}

/** GitLab has just said that there is such a membership; when it is gone again, the change is tried anew. */
async function directLevel(
  instance: Instance,
  group: string,
  user: string,
  context: CallContext,
): Promise<number | null> {
  const action = `read the membership of user ${user} in group ${group}`;
  try {
    const row: unknown = await instance.client.during({ context, action }).members.show(group, Number(user));
    return memberOf(rowOf(row, action, false)).level;
  } catch (error) {
    if (isMissing(error)) throw reread(error, 'transient', error.message);
    throw error;
  }
}

async function revoke(
  instance: Instance,
  change: MembershipChange,
  context: CallContext,
): Promise<MemberOutcome> {
  const { remoteId: group, member } = change;
  const action = `remove user ${member.remoteId} from group ${group}`;
  try {
    // Without skip_subresources GitLab also ends memberships below the group, which are not this change's.
    await instance.client.during({ context, action }).members.remove(group, Number(member.remoteId), {
      searchParams: { skipSubresources: true },
    } as Record<string, unknown>);
    return { remoteId: member.remoteId, outcome: 'done' };
  } catch (error) {
    if (isMissing(error)) return { remoteId: member.remoteId, outcome: 'already' };
    if (isRefusal(error)) return refused(member.remoteId, error);
    throw error;
  }
}

/** Where promotions need an approval, GitLab answers 2xx with a message in place of the member. */
function outcomeOf(remoteId: string, answer: unknown): MemberOutcome {
  if (typeof answer === 'object' && answer !== null && 'id' in answer) return { remoteId, outcome: 'done' };
  const reason = vendorWords(JSON.stringify(answer)) ?? 'GitLab answered without the member';
  return { remoteId, outcome: 'refused', reason };
}

function refused(remoteId: string, error: RemoteError): MemberOutcome {
  return { remoteId, outcome: 'refused', reason: error.code ?? error.message };
}
