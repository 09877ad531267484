/** Changes of accounts at Slack. Each is one call; only a creation may ask again, under another name. */

import type { Change } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { CommonSettings } from '../../model/settings.ts';
import type { Applied, CallContext } from '../connector.ts';
import type { ScimClient } from './client.ts';
import { type Refusal, refused, USER_NAME_REFUSED } from './errors.ts';
import { newUser, patchBody, patchOperation, type SlackUser, toRemoteUser } from './mapping.ts';
import { normalizeUserName, userNameCandidates } from './names.ts';

type Create = Extract<Change, { op: 'create' }>;
type Update = Extract<Change, { op: 'update' }>;

export interface SlackUsers {
  create(change: Create, context: CallContext): Promise<Applied>;
  update(change: Update, context: CallContext): Promise<Applied>;
  enable(remoteId: string, context: CallContext): Promise<Applied>;
  disable(remoteId: string, context: CallContext): Promise<Applied>;
}

export function createUsers(
  scim: ScimClient,
  identifiedBy: CommonSettings['uniqueUserIdentifier'],
): SlackUsers {
  const observedIn = (body: Readonly<Record<string, unknown>> | null): { observed?: RemoteUser } =>
    typeof body?.id === 'string'
      ? { observed: toRemoteUser(body as unknown as SlackUser, identifiedBy) }
      : {};

  const patch = async (
    remoteId: string,
    action: string,
    operations: Parameters<typeof patchBody>[0],
    context: CallContext,
  ): Promise<Applied> => {
    const answer = await scim(
      { method: 'PATCH', path: userPath(remoteId), body: patchBody(operations), action },
      context,
    );
    if (!answer.ok) throw refused({ action, writes: true }, answer.refusal);
    return { remoteId, outcome: 'done', ...observedIn(answer.body) };
  };

  return {
    async create(change, context) {
      const action = `create an account for ${change.identifier}`;
      let last: Refusal | null = null;
      for (const userName of namesToTry(change, identifiedBy)) {
        const body = newUser(change.attributes, userName);
        const answer = await scim({ method: 'POST', path: 'Users', body, action }, context);
        if (answer.ok) {
          // Without an id the account exists all the same: the next attempt finds it by its identifier.
          const remoteId = answer.body?.id;
          if (typeof remoteId !== 'string') throw idless(action);
          return { remoteId, outcome: 'done', sent: { userName }, ...observedIn(answer.body) };
        }
        last = answer.refusal;
        if (!USER_NAME_REFUSED.has(last.code)) break;
      }
      if (!last) throw new Error('a creation tries at least one user name');
      throw refused({ action, writes: true }, last, creationDisposition(last, identifiedBy));
    },
    async update({ remoteId, attributes }, context) {
      if (attributes.length === 0) return { remoteId, outcome: 'already' };
      return patch(remoteId, `update user ${remoteId}`, attributes.map(patchOperation), context);
    },
    enable: (remoteId, context) =>
      patch(remoteId, `enable user ${remoteId}`, [{ op: 'replace', path: 'active', value: true }], context),
    async disable(remoteId, context) {
      const action = `disable user ${remoteId}`;
      const answer = await scim({ method: 'DELETE', path: userPath(remoteId), action }, context);
      if (answer.ok) return { remoteId, outcome: 'done' };
      const error = refused({ action, writes: true }, answer.refusal);
      if (error.disposition === 'missing') return { remoteId, outcome: 'already' };
      throw error;
    },
  };
}

function userPath(remoteId: string): string {
  return `Users/${encodeURIComponent(remoteId)}`;
}

/** Where the user name is the identifier there is one name and no other. */
function namesToTry(change: Create, identifiedBy: CommonSettings['uniqueUserIdentifier']): string[] {
  if (identifiedBy === 'userName') return [normalizeUserName(change.identifier)];
  return userNameCandidates(
    change.attributes.userName || change.attributes.primaryEmail || change.identifier,
  );
}

/** A conflict is what can be adopted: the taken key is the identifier, or Slack does not say which it is. */
function creationDisposition(
  refusal: Refusal,
  identifiedBy: CommonSettings['uniqueUserIdentifier'],
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
