/**
 * Who is in which group at Slack. Members are added and removed one by one in a PATCH, never replaced,
 * and never removed without being named: Slack would empty the group.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import { isTooLarge } from '../answers.ts';
import type { CallContext, MemberConnector, MemberOutcome } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { ScimClient } from './api/client.ts';
import { isAboutMember, isMemberGone, refused, STORE } from './api/errors.ts';
import { readResource } from './api/pages.ts';
import { type PatchOperation, quote, toRemoteMembers } from './mapping.ts';
import type { Workspace } from './workspace.ts';

/** Calls spent on finding who in a batch it is that Slack refuses; enough for ten in a thousand. */
const SPLIT_CALLS_MAX = 100;

export function slackMembers({ scim }: Workspace): MemberConnector {
  return {
    memberLevel: null,
    members: (groupId, _cursor, context) => listMembers(scim, groupId, context),
    async applyMembers(changes, context) {
      const [first] = changes;
      if (!first) return [];
      const ids = changes.map(({ member }) => member.remoteId);
      const batch = { op: first.op, groupId: first.remoteId, ids };
      return applyBatch(scim, batch, { callsLeft: SPLIT_CALLS_MAX }, context);
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
 * One call for all. Where Slack refuses it for one member's sake, or for its size, the halves are tried
 * apart, so that a guest does not keep a thousand people out of their group.
 */
async function applyBatch(
  scim: ScimClient,
  batch: Batch,
  budget: { callsLeft: number },
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const { op, groupId, ids } = batch;
  if (ids.length === 0) return [];
  const who = ids.length === 1 ? ids[0] : `${ids.length} people`;
  const action = op === 'grant' ? `add ${who} to group ${groupId}` : `remove ${who} from group ${groupId}`;
  const reason = await refusalOf(scim, batch, action, context);
  if (reason === null) return all(ids, 'done');
  if (ids.length === 1) {
    const isGone = op === 'revoke' && reason.isGone;
    return isGone ? all(ids, 'already') : refuse(ids, reason.message);
  }
  budget.callsLeft -= 2;
  if (budget.callsLeft < 0)
    return refuse(ids, `Slack refuses somebody among these ${ids.length} people: ${reason.message}`);
  const half = Math.ceil(ids.length / 2);
  return [
    ...(await applyBatch(scim, { ...batch, ids: ids.slice(0, half) }, budget, context)),
    ...(await applyBatch(scim, { ...batch, ids: ids.slice(half) }, budget, context)),
  ];
}

/** Why these people cannot pass together; null where they did. Throws what is not about one of them. */
async function refusalOf(
  scim: ScimClient,
  { op, groupId, ids }: Batch,
  action: string,
  context: CallContext,
): Promise<{ readonly message: string; readonly isGone: boolean } | null> {
  try {
    const operations = op === 'grant' ? additions(ids) : removals(ids);
    const answer = await scim(calls.patch('group', groupId, operations), action, context);
    if (answer.ok) return null;
    const { refusal } = answer;
    const error = refused({ action, writes: true }, refusal);
    if (!isAboutMember(refusal.code)) throw error;
    return { message: error.message, isGone: isMemberGone(refusal.code) };
  } catch (error) {
    if (isTooLarge(error)) return { message: error.message, isGone: false };
    throw error;
  }
}

function refuse(ids: readonly string[], reason: string): MemberOutcome[] {
  return ids.map((remoteId) => ({ remoteId, outcome: 'refused', reason }));
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
