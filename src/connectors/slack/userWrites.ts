/** Changes of accounts at Slack. Each is one call; only a creation may ask again, under another name. */

import type { Create, Update, Write } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Applied, CallContext } from '../connector.ts';
import { type Refusal, refused, USER_NAME_REFUSED } from './errors.ts';
import {
  type IdentifiedBy,
  newUser,
  type PatchOperation,
  patchBody,
  patchOperation,
  type SlackUser,
  toRemoteUser,
} from './mapping.ts';
import { normalizeUserName, userNameCandidates } from './names.ts';
import { pathOf } from './pages.ts';
import type { Workspace } from './workspace.ts';

export async function applyToUser(
  workspace: Workspace,
  change: Write<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  switch (change.op) {
    case 'create':
      return createUser(workspace, change, context);
    case 'update':
      return updateUser(workspace, change, context);
    case 'enable':
      return patchUser(workspace, change.remoteId, 'enable', [ENABLE], context);
    case 'disable':
      return disableUser(workspace, change.remoteId, context);
    case 'delete':
      throw new RemoteError(`Slack can deactivate people but not delete them: ${change.remoteId}`, {
        store: 'Slack',
        action: `delete user ${change.remoteId}`,
        disposition: 'rejected',
        code: 'unsupported',
      });
  }
}

const ENABLE: PatchOperation = { op: 'replace', path: 'active', value: true };

async function createUser(
  { scim, identifiedBy }: Workspace,
  change: Create<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `create an account for ${change.identifier}`;
  let last: Refusal | null = null;
  for (const userName of namesToTry(change, identifiedBy)) {
    const body = newUser(change.attributes, userName);
    const answer = await scim({ method: 'POST', path: 'Users', body, action }, context);
    if (answer.ok) {
      const observed = observedIn(answer.body, identifiedBy);
      // Without an id the account exists all the same: the next attempt finds it by its identifier.
      if (!observed) throw idless(action);
      return { remoteId: observed.remoteId, outcome: 'done', sent: { userName }, observed };
    }
    last = answer.refusal;
    if (!USER_NAME_REFUSED.has(last.code)) break;
  }
  if (!last) throw new Error('a creation tries at least one user name');
  throw refused({ action, writes: true }, last, creationDisposition(last, identifiedBy));
}

async function updateUser(
  workspace: Workspace,
  { remoteId, attributes }: Update<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  if (attributes.length === 0) return { remoteId, outcome: 'already' };
  return patchUser(workspace, remoteId, 'update', attributes.map(patchOperation), context);
}

async function patchUser(
  { scim, identifiedBy }: Workspace,
  remoteId: string,
  verb: 'enable' | 'update',
  operations: readonly PatchOperation[],
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `${verb} user ${remoteId}`;
  const path = pathOf('user', remoteId);
  const answer = await scim({ method: 'PATCH', path, body: patchBody(operations), action }, context);
  if (!answer.ok) throw refused({ action, writes: true }, answer.refusal);
  const observed = observedIn(answer.body, identifiedBy);
  return { remoteId, outcome: 'done', ...(observed ? { observed } : {}) };
}

async function disableUser(
  { scim }: Workspace,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `disable user ${remoteId}`;
  const answer = await scim({ method: 'DELETE', path: pathOf('user', remoteId), action }, context);
  if (answer.ok) return { remoteId, outcome: 'done' };
  const error = refused({ action, writes: true }, answer.refusal);
  if (error.disposition === 'missing') return { remoteId, outcome: 'already' };
  throw error;
}

function observedIn(
  body: Readonly<Record<string, unknown>> | null,
  identifiedBy: IdentifiedBy,
): RemoteUser | null {
  return typeof body?.id === 'string' ? toRemoteUser(body as unknown as SlackUser, identifiedBy) : null;
}

/** Where the user name is the identifier there is one name and no other. */
function namesToTry(change: Create, identifiedBy: IdentifiedBy): string[] {
  if (identifiedBy === 'userName') return [normalizeUserName(change.identifier)];
  return userNameCandidates(
    change.attributes.userName || change.attributes.primaryEmail || change.identifier,
  );
}

/** A conflict is what can be adopted: the taken key is the identifier, or Slack does not say which it is. */
function creationDisposition(
  refusal: Refusal,
  identifiedBy: IdentifiedBy,
): 'conflict' | 'rejected' | undefined {
  const takenIdentifier = identifiedBy === 'primaryEmail' ? 'email_taken' : 'username_taken';
  if (refusal.code === takenIdentifier) return 'conflict';
  if (refusal.code === 'email_taken' || USER_NAME_REFUSED.has(refusal.code)) return 'rejected';
  return refusal.status === 409 ? 'conflict' : undefined;
}

function idless(action: string): RemoteError {
  return new RemoteError(`Slack did not say which account it made when asked to ${action}`, {
    store: 'Slack',
    action,
    disposition: 'unknownOutcome',
    code: 'unreadable_answer',
  });
}
