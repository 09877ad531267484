/**
 * Changes of accounts at Slack, one call each. If Slack wants another user name, a creation tries the next one. The
 * bridge leaves out values that Slack refuses, so that the others arrive.
 */

import type { Create, Update, Write } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Applied, CallContext, NotAccepted } from '../connector.ts';
import type { Resource } from './api/calls.ts';
import * as calls from './api/calls.ts';
import { passes, type Refusal, refused, STORE, USER_NAME_REFUSED } from './api/errors.ts';
import { type IdentifiedBy, newUser, patchOperation, toRemoteUser } from './mapping.ts';
import { normalizeUserName, userNameCandidates } from './names.ts';
import { isAboutSome, isUnnamed, refusedAttributes } from './notAccepted.ts';
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
      return enableUser(workspace, change.remoteId, context);
    case 'disable':
      return disableUser(workspace, change.remoteId, context);
    case 'delete':
      throw new RemoteError(`Slack can deactivate people but not delete them: ${change.remoteId}`, {
        store: STORE,
        action: `delete user ${change.remoteId}`,
        disposition: 'rejected',
        code: 'unsupported',
      });
  }
}

async function createUser(
  { scim, identifiedBy }: Workspace,
  change: Create<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `create an account for ${change.identifier}`;
  const names = namesToTry(change, identifiedBy);
  const notAccepted: NotAccepted[] = [];
  let { attributes } = change;
  let trials: Iterator<readonly NotAccepted[]> | null = null;
  let leftOut: readonly NotAccepted[] = [];
  for (;;) {
    const [userName = ''] = names;
    const sent = without(attributes, leftOut);
    const answer = await scim(calls.create('user', newUser(sent, userName)), action, context);
    if (answer.ok) {
      const observed = toRemoteUser(answer.value, identifiedBy);
      const refusedParts = [...notAccepted, ...leftOut];
      return {
        remoteId: observed.remoteId,
        outcome: 'done',
        sent: { userName },
        observed,
        notAccepted: refusedParts,
      };
    }
    const { refusal } = answer;
    if (USER_NAME_REFUSED.has(refusal.code) && names.length > 1) {
      names.shift();
      continue;
    }
    // Slack makes no account without an address and a name.
    const { primaryEmail: _, userName: __, ...optional } = attributes;
    const refusedNow = refusedAttributes(refusal, optional);
    if (refusedNow.length === 0) {
      if (isAboutSome(refusal)) {
        trials ??= oneByOne(optional, refusal);
        const next = trials.next();
        if (!next.done) {
          leftOut = next.value;
          continue;
        }
      }
      const disposition = creationDisposition(refusal, identifiedBy);
      const [own] = disposition === 'rejected' ? refusedAttributes(refusal, attributes) : [];
      throw refused({ action, writes: true }, refusal, disposition, own?.taken ? own.attribute : undefined);
    }
    notAccepted.push(...refusedNow);
    attributes = without(attributes, refusedNow);
  }
}

/** Which attributes to leave out where Slack does not say which one it refuses: each alone, and in the end all. */
function* oneByOne(
  optional: Attributes,
  { description: reason }: Refusal,
): Generator<readonly NotAccepted[]> {
  const all = Object.keys(optional).map((attribute) => ({ attribute, reason }));
  for (const one of all) yield [one];
  if (all.length > 1) yield all;
}

async function updateUser(
  { scim, identifiedBy }: Workspace,
  { remoteId, attributes }: Update<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `update user ${remoteId}`;
  const notAccepted: NotAccepted[] = [];
  const queue = [attributes];
  let done: { readonly observed?: RemoteUser } | null = null;
  for (let some = queue.shift(); some !== undefined; some = queue.shift()) {
    if (some.length === 0) continue;
    const answer = await scim(calls.patch('user', remoteId, some.map(patchOperation)), action, context);
    if (answer.ok) {
      done = observedIn(answer.value, identifiedBy);
      continue;
    }
    const sent = Object.fromEntries(some.map(({ name, to }) => [name, to]));
    const refusedNow = refusedAttributes(answer.refusal, sent);
    if (refusedNow.length > 0) {
      notAccepted.push(...refusedNow);
      queue.unshift(some.filter(({ name }) => !refusedNow.some(({ attribute }) => attribute === name)));
    } else if (isUnnamed(answer.refusal)) {
      const { description: reason } = answer.refusal;
      const half = Math.ceil(some.length / 2);
      if (half < some.length) queue.unshift(some.slice(0, half), some.slice(half));
      else notAccepted.push(...some.map(({ name: attribute }) => ({ attribute, reason })));
    } else throw refused({ action, writes: true }, answer.refusal);
  }
  return { remoteId, outcome: done === null ? 'already' : 'done', notAccepted, ...done };
}

function without(attributes: Attributes, refusedNow: readonly NotAccepted[]): Attributes {
  const names = refusedNow.map(({ attribute }) => attribute);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

async function enableUser(
  { scim, identifiedBy }: Workspace,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `enable user ${remoteId}`;
  const answer = await scim(calls.activateUser(remoteId), action, context);
  if (!answer.ok) throw refused({ action, writes: true }, answer.refusal);
  return { remoteId, outcome: 'done', ...observedIn(answer.value, identifiedBy) };
}

async function disableUser(
  { scim }: Workspace,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `disable user ${remoteId}`;
  const answer = await scim(calls.deactivateUser(remoteId), action, context);
  if (answer.ok) return { remoteId, outcome: 'done' };
  if (answer.refusal.gone) return { remoteId, outcome: 'gone' };
  throw refused({ action, writes: true }, answer.refusal);
}

function observedIn(
  resource: Resource | null,
  identifiedBy: IdentifiedBy,
): { readonly observed?: RemoteUser } {
  return resource ? { observed: toRemoteUser(resource, identifiedBy) } : {};
}

/** Where the user name is the identifier, only that one name will do. */
function namesToTry(change: Create, identifiedBy: IdentifiedBy): string[] {
  if (identifiedBy === 'userName') return [normalizeUserName(change.identifier)];
  return userNameCandidates(
    change.attributes.userName || change.attributes.primaryEmail || change.identifier,
  );
}

/**
 * A conflict where the bridge can adopt the other account: the taken value is the identifier, or Slack does not say
 * which value is taken.
 */
function creationDisposition(
  refusal: Refusal,
  identifiedBy: IdentifiedBy,
): 'conflict' | 'rejected' | undefined {
  const takenIdentifier = identifiedBy === 'primaryEmail' ? 'email_taken' : 'username_taken';
  // "Already exists, or an error": a look-up tells which.
  if (refusal.code === takenIdentifier || refusal.code === 'user_creation_failed') return 'conflict';
  if (refusal.code === 'email_taken' || USER_NAME_REFUSED.has(refusal.code)) return 'rejected';
  return refusal.status === 409 && !passes(refusal) ? 'conflict' : undefined;
}
