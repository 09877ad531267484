/**
 * Changes of groups at Slack and of their members. Members are added and removed one by one in a PATCH,
 * never replaced, and never removed without being named: Slack would empty the group.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Applied, CallContext, MemberOutcome } from '../connector.ts';
import type { ScimClient } from './client.ts';
import { type Refusal, refused } from './errors.ts';
import {
  GROUP_SCHEMA,
  type PatchOperation,
  patchBody,
  quote,
  type SlackGroup,
  toRemoteGroup,
} from './mapping.ts';

export interface SlackGroups {
  create(name: string, context: CallContext): Promise<Applied>;
  rename(remoteId: string, name: string, context: CallContext): Promise<Applied>;
  remove(remoteId: string, context: CallContext): Promise<Applied>;
  applyMembers(changes: readonly MembershipChange[], context: CallContext): Promise<readonly MemberOutcome[]>;
}

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

export function createGroups(scim: ScimClient): SlackGroups {
  return {
    async create(name, context) {
      const action = `create the group ${name}`;
      const body = { schemas: [GROUP_SCHEMA], displayName: name, members: [] };
      const answer = await scim({ method: 'POST', path: 'Groups', body, action }, context);
      if (!answer.ok) throw refused({ action, writes: true }, answer.refusal, takenName(answer.refusal));
      const id = answer.body?.id;
      if (typeof id !== 'string') {
        throw new RemoteError(`Slack did not say which group it made when asked to ${action}`, {
          store: 'Slack',
          action,
          disposition: 'unknownOutcome',
          code: 'unreadable_answer',
        });
      }
      const observed = toRemoteGroup(answer.body as unknown as SlackGroup);
      return { remoteId: id, outcome: 'done', observed };
    },
    async rename(remoteId, name, context) {
      const action = `rename group ${remoteId} to ${name}`;
      const body = patchBody([{ op: 'replace', path: 'displayName', value: name }]);
      const answer = await scim({ method: 'PATCH', path: groupPath(remoteId), body, action }, context);
      if (!answer.ok) throw refused({ action, writes: true }, answer.refusal);
      return { remoteId, outcome: 'done' };
    },
    async remove(remoteId, context) {
      const action = `delete group ${remoteId}`;
      const answer = await scim({ method: 'DELETE', path: groupPath(remoteId), action }, context);
      if (answer.ok) return { remoteId, outcome: 'done' };
      const error = refused({ action, writes: true }, answer.refusal);
      if (error.disposition === 'missing') return { remoteId, outcome: 'already' };
      throw error;
    },
    async applyMembers(changes, context) {
      const outcomes = new Map<string, MemberOutcome>();
      for (const outcome of await applyBatch(scim, changes, { callsLeft: SPLIT_CALLS_MAX }, context)) {
        outcomes.set(outcome.remoteId, outcome);
      }
      return changes.map(({ member }) => outcomes.get(member.remoteId) as MemberOutcome);
    },
  };
}

function groupPath(remoteId: string): string {
  return `Groups/${encodeURIComponent(remoteId)}`;
}

function takenName(refusal: Refusal): 'conflict' | undefined {
  return refusal.status === 409 || /_(already_exists|taken)$/.test(refusal.code) ? 'conflict' : undefined;
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
  const answer = await scim({ method: 'PATCH', path: groupPath(remoteId), body, action }, context);
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
