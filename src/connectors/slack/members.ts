/**
 * The members of groups at Slack. The bridge adds and removes members one by one in a PATCH. It never replaces the
 * list, and never sends a removal that names no member: Slack would empty the group.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import type { CallContext, MemberConnector, MemberOutcome } from '../connector.ts';
import type { Resource } from './api/calls.ts';
import * as calls from './api/calls.ts';
import type { ScimClient } from './api/client.ts';
import { isAboutGroup, type Refusal, refused, STORE, saysNoMember } from './api/errors.ts';
import { readResource } from './api/pages.ts';
import { type PatchOperation, quote, toRemoteMembers } from './mapping.ts';
import type { Workspace } from './workspace.ts';

export function slackMembers({ scim }: Workspace): MemberConnector {
  return {
    memberLevel: null,
    members: (groupId, _cursor, context) => listMembers(scim, groupId, context),
    async applyMembers(changes, context) {
      const [first] = changes;
      if (!first) return [];
      const ids = changes.map(({ member }) => member.remoteId);
      return applyBatch(scim, { op: first.op, groupId: first.remoteId, ids }, context);
    },
  };
}

/** Slack shows all members of a group at once. */
async function listMembers(
  scim: ScimClient,
  groupId: string,
  context: CallContext,
): Promise<Page<RemoteMember>> {
  const resource = await readResource(scim, 'group', groupId, context);
  if (resource) return { items: toRemoteMembers(resource), nextCursor: null };
  throw new RemoteError(`Slack has no group ${groupId} any more`, {
    store: STORE,
    action: `read group ${groupId}`,
    disposition: 'missing',
    code: 'no_such_group',
  });
}

interface Batch {
  readonly op: MembershipChange['op'];
  readonly groupId: string;
  readonly ids: readonly string[];
}

/**
 * Sends one call for all. If Slack refuses one member, it refuses the whole call and does not say which member it
 * means.
 */
async function applyBatch(
  scim: ScimClient,
  { op, groupId, ids }: Batch,
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const who = ids.length === 1 ? ids[0] : `${ids.length} people`;
  const action = op === 'grant' ? `add ${who} to group ${groupId}` : `remove ${who} from group ${groupId}`;
  const call =
    op === 'grant'
      ? calls.patch('group', groupId, additions(ids), (group) => isWith(group, ids))
      : calls.patch('group', groupId, removals(ids), (group) => isWithout(group, ids));
  try {
    const answer = await scim(call, action, context);
    if (answer.ok) return all(ids, 'done');
    const { refusal } = answer;
    if (op === 'revoke' && ids.length === 1 && saysNoMember(refusal.code))
      return await lookAfter(scim, groupId, ids, refused({ action, writes: true }, refusal), context);
    const error = refused({ action, writes: true }, refusal);
    if (isAboutGroup(refusal)) return refusedAll(ids, error);
    throw error.disposition === 'rejected' ? refusedMembers(action, refusal) : error;
  } catch (error) {
    const isOnes = error instanceof RemoteError && error.splits && ids.length === 1;
    if (!isOnes) throw error;
    return refusedAll(ids, error);
  }
}

/**
 * Slack says that there is nobody to remove. It may say so of a member who is only deactivated, so that the bridge
 * reads the group.
 */
async function lookAfter(
  scim: ScimClient,
  groupId: string,
  ids: readonly string[],
  error: RemoteError,
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const { items } = await listMembers(scim, groupId, context);
  if (!items.some(({ remoteId }) => ids.includes(remoteId))) return all(ids, 'already');
  return refusedAll(ids, error, ', and Slack shows the membership all the same');
}

/** All of these accounts are in the group, as far as it shows its members. */
function isWith(group: Resource, ids: readonly string[]): boolean {
  if (!Array.isArray(group.members)) return true;
  const shown = new Set(toRemoteMembers(group).map(({ remoteId }) => remoteId));
  return ids.every((id) => shown.has(id));
}

/** None of these accounts is in the group, as far as it shows its members. */
function isWithout(group: Resource, ids: readonly string[]): boolean {
  return !toRemoteMembers(group).some(({ remoteId }) => ids.includes(remoteId));
}

/** These members are refused; other changes to the group go on. */
function refusedAll(ids: readonly string[], { message, status }: RemoteError, more = ''): MemberOutcome[] {
  return ids.map((remoteId) => ({
    remoteId,
    outcome: 'refused',
    reason: `${message}${more}`,
    ...(status === undefined ? {} : { status }),
  }));
}

/** Where one member may be the reason, the others may pass without it. */
function refusedMembers(action: string, refusal: Refusal): RemoteError {
  const { message } = refused({ action, writes: true }, refusal);
  const { status, description: code } = refusal;
  return new RemoteError(message, {
    ...{ store: STORE, action, status, code },
    disposition: 'rejected',
    splits: true,
  });
}

function all(ids: readonly string[], outcome: 'done' | 'already'): MemberOutcome[] {
  return ids.map((remoteId) => ({ remoteId, outcome }));
}

function additions(ids: readonly string[]): PatchOperation[] {
  return [{ op: 'add', path: 'members', value: ids.map((value) => ({ value })) }];
}

function removals(ids: readonly string[]): PatchOperation[] {
  return ids.map((id) => ({ op: 'remove', path: `members[value eq ${quote(id)}]` }));
}
