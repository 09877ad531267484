/**
 * Who is in which group at Slack. Members are added and removed one by one in a PATCH, never replaced,
 * and never removed without being named: Slack would empty the group.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import type { CallContext, MemberConnector, MemberOutcome } from '../connector.ts';
import type { ScimClient } from './client.ts';
import { refused } from './errors.ts';
import { type PatchOperation, patchBody, quote, toRemoteMembers } from './mapping.ts';
import { pathOf, readResource } from './pages.ts';
import type { Workspace } from './workspace.ts';

/** Calls spent on finding who in a batch it is that Slack refuses; enough for two in a thousand. */
const SPLIT_CALLS_MAX = 50;

/** Refusals that are about one member, though they fail the whole call. */
const MEMBER_CODES = new Set([
  'no_such_user',
  'user_not_found',
  'unable_to_add_deleted_or_guest_to_group',
  'invalid_member',
  'invalid_users',
]);

export function slackMembers({ scim }: Workspace): MemberConnector {
  return {
    memberLevel: null,
    members: (groupId, _cursor, context) => listMembers(scim, groupId, context),
    async applyMembers(changes, context) {
      const outcomes = new Map<string, MemberOutcome>();
      for (const outcome of await applyBatch(scim, changes, { callsLeft: SPLIT_CALLS_MAX }, context)) {
        outcomes.set(outcome.remoteId, outcome);
      }
      return changes.map(({ member }) => outcomes.get(member.remoteId) as MemberOutcome);
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
    store: 'Slack',
    action: `read group ${groupId}`,
    disposition: 'missing',
    code: 'no_such_group',
  });
}

/**
 * One call for all. Where Slack refuses it for one member's sake, the halves are tried apart, so that a
 * guest does not keep a thousand people out of their group.
 */
async function applyBatch(
  scim: ScimClient,
  changes: readonly MembershipChange[],
  budget: { callsLeft: number },
  context: CallContext,
): Promise<MemberOutcome[]> {
  const [first] = changes;
  if (!first) return [];
  const { op, remoteId } = first;
  const ids = changes.map(({ member }) => member.remoteId);
  const who = ids.length === 1 ? ids[0] : `${ids.length} people`;
  const action = op === 'grant' ? `add ${who} to group ${remoteId}` : `remove ${who} from group ${remoteId}`;
  const body = patchBody(op === 'grant' ? additions(ids) : removals(ids));
  const answer = await scim({ method: 'PATCH', path: pathOf('group', remoteId), body, action }, context);
  if (answer.ok) return all(ids, 'done');
  const { refusal } = answer;
  const error = refused({ action, writes: true }, refusal);
  const aboutOne = MEMBER_CODES.has(refusal.code);
  if (!aboutOne || ids.length === 1) {
    if (error.disposition === 'missing' && op === 'revoke') return all(ids, 'already');
    if (!aboutOne) throw error;
    return ids.map((id) => ({ remoteId: id, outcome: 'refused', reason: error.message }));
  }
  budget.callsLeft -= 2;
  // Not `missing`: that would mean that the group is gone.
  if (budget.callsLeft < 0) throw refused({ action, writes: true }, refusal, 'rejected');
  const half = Math.ceil(changes.length / 2);
  return [
    ...(await applyBatch(scim, changes.slice(0, half), budget, context)),
    ...(await applyBatch(scim, changes.slice(half), budget, context)),
  ];
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
