/**
 * Changes of accounts. An account that GitLab's own directory or an administrator has locked is left
 * alone, and `hard_delete` is never sent.
 */

import type { CreateUserOptions, EditUserOptions } from '@gitbeaker/rest';
import type { Create, Update, Write } from '../../model/change.ts';
import type { RemoteError } from '../../model/errors.ts';
import type { Applied, CallContext } from '../connector.ts';
import type { Instance } from './client.ts';
import {
  failed,
  isEmailTaken,
  isMissing,
  isRefusal,
  isRemoteError,
  isUsernameTaken,
  reread,
} from './errors.ts';
import { fieldsOf, rowOf, userOf } from './mapping.ts';
import { legalUsername, usernameCandidates, usernameFrom } from './names.ts';
import { findUser, readUser } from './users.ts';

export function applyToUser(
  instance: Instance,
  change: Write<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  switch (change.op) {
    case 'create':
      return createUser(instance, change, context);
    case 'update':
      return updateUser(instance, change, context);
    case 'enable':
      return enableUser(instance, change.remoteId, context);
    case 'disable':
      return disableUser(instance, change.remoteId, context);
    case 'delete':
      return deleteUser(instance, change.remoteId, context);
  }
}

/** One POST, and one more for each username that turns out to be taken. */
async function createUser(
  instance: Instance,
  change: Create<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const byName = instance.settings.identifier === 'userName';
  const wished = change.attributes.username || usernameFrom(change.identifier);
  const wanted = byName ? legalUsername(change.identifier) : wished;
  const candidates = byName ? [wanted] : usernameCandidates(wanted);
  let taken: RemoteError | undefined;
  for (const candidate of candidates) {
    try {
      return await post(instance, candidate, change, context);
    } catch (error) {
      if (isEmailTaken(error)) throw await emailTaken(instance, error, change, context);
      if (!isUsernameTaken(error)) throw error;
      taken = error;
    }
  }
  const action = `create user ${wanted}`;
  if (byName && (await findUser(instance, wanted, context)))
    throw failed(action, 'conflict', 'the username has an account', taken);
  const tried = candidates.length === 1 ? wanted : `${candidates[0]} to ${candidates.at(-1)}`;
  throw failed(
    action,
    'rejected',
    `GitLab has ${tried} in use, by accounts, groups or itself; map username to something else`,
    taken,
  );
}

async function post(
  instance: Instance,
  username: string,
  change: Create<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `create user ${username}`;
  const email = change.attributes.email ?? change.identifier;
  const fields: Record<string, string | boolean> = {
    ...fieldsOf(withoutEmpty(change.attributes), instance.settings),
    name: change.attributes.name || username,
    email,
    username,
    // Nobody knows this password: people sign in through the provider, or ask GitLab for a new one.
    force_random_password: true,
    // The IdP vouches for the address.
    skip_confirmation: true,
  };
  const row: unknown = await instance.client
    .during({ context, action })
    .users.create(fields as CreateUserOptions);
  const observed = userOf(rowOf(row, action, true), instance.settings);
  const sent = username === change.attributes.username ? {} : { sent: { username } };
  return { remoteId: observed.remoteId, observed, outcome: 'done', ...sent };
}

/** A conflict is what adopting can solve: an account that has the address as its primary one. */
async function emailTaken(
  instance: Instance,
  error: RemoteError,
  change: Create<'user'>,
  context: CallContext,
): Promise<RemoteError> {
  const email = change.attributes.email ?? change.identifier;
  if (
    instance.settings.identifier === 'primaryEmail' &&
    (await findUser(instance, change.identifier, context))
  ) {
    return reread(error, 'conflict', `GitLab has an account with the email ${email}`);
  }
  const message = `GitLab has the email ${email} at another account, perhaps as a secondary address; remove it there`;
  return reread(error, 'rejected', message);
}

/** One PUT of just the attributes in the change. */
async function updateUser(
  instance: Instance,
  change: Update<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const { remoteId } = change;
  const attributes = Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
  try {
    return await put(instance, remoteId, attributes, context);
  } catch (error) {
    if (instance.settings.identifier === 'userName' || !isUsernameTaken(error)) throw error;
  }
  // A name that is taken is no reason to rename the account to a third one: it keeps what it has.
  const { username: _, ...others } = attributes;
  const kept = change.attributes.find(({ name }) => name === 'username')?.from;
  const applied: Applied<'user'> =
    Object.keys(others).length === 0
      ? { remoteId, outcome: 'already' }
      : await put(instance, remoteId, others, context);
  return kept ? { ...applied, sent: { username: kept } } : applied;
}

async function put(
  instance: Instance,
  remoteId: string,
  attributes: Readonly<Record<string, string>>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `update user ${remoteId}`;
  const fields: Record<string, string | boolean> = fieldsOf(attributes, instance.settings);
  if (Object.keys(fields).length === 0) return { remoteId, outcome: 'already' };
  if ('email' in fields) fields.skip_reconfirmation = true;
  const api = instance.client.during({ context, action });
  const row: unknown = await api.users.edit(Number(remoteId), fields as EditUserOptions);
  return { remoteId, observed: userOf(rowOf(row, action, true), instance.settings), outcome: 'done' };
}

async function disableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `block user ${remoteId}`;
  try {
    const answer: unknown = await instance.client.during({ context, action }).users.block(Number(remoteId));
    if (answer === false)
      throw failed(action, 'rejected', 'GitLab refused to block the user and said no more');
    return { remoteId, outcome: answer === null ? 'already' : 'done' };
  } catch (error) {
    if (isMissing(error)) return { remoteId, outcome: 'already' };
    throw error;
  }
}

async function enableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `unblock user ${remoteId}`;
  let refused: RemoteError;
  try {
    const answer: unknown = await instance.client.during({ context, action }).users.unblock(Number(remoteId));
    if (answer !== false) return { remoteId, outcome: answer === null ? 'already' : 'done' };
    refused = failed(action, 'rejected', 'GitLab refused to unblock the user and said no more');
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refused = error;
  }
  // GitLab refuses to unblock who is not blocked, e.g. somebody deactivated; and whom it locked itself.
  const observed = await readUser(instance, remoteId, context);
  if (observed?.state === 'enabled') return { remoteId, observed, outcome: 'already' };
  if (observed?.state === 'locked') throw reread(refused, 'forbidden', refused.message);
  throw refused;
}

async function deleteUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `delete user ${remoteId}`;
  try {
    await instance.client.during({ context, action }).users.remove(Number(remoteId));
    return { remoteId, outcome: 'done' };
  } catch (error) {
    if (isMissing(error)) return { remoteId, outcome: 'already' };
    if (isRemoteError(error) && error.status === 409) {
      const message = `GitLab keeps user ${remoteId}, the only owner of a group: make somebody else an owner first (${error.code})`;
      throw reread(error, 'forbidden', message);
    }
    throw error;
  }
}

function withoutEmpty(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}
