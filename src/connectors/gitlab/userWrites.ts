/**
 * Changes of accounts. The bridge leaves an account alone that an administrator or GitLab's own directory has locked.
 * It leaves out values that GitLab refuses, so that the others arrive. It never sends `hard_delete`.
 */

import type { CreateUserOptions, EditUserOptions } from '@gitbeaker/rest';
import type { Create, Update, Write } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Applied, CallContext, NotAccepted } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { Instance } from './api/client.ts';
import {
  type Attempt,
  failed,
  isEmailTaken,
  isUsernameTaken,
  mayLackSeats,
  type Refusal,
  refused,
} from './api/errors.ts';
import { fieldsOf, userOf } from './mapping.ts';
import { legalUsername, usernameCandidates, usernameFrom } from './names.ts';
import { isUnnamed, refusedAttributes } from './notAccepted.ts';
import { deleteUser, disableUser, enableUser } from './userStates.ts';
import { findUser, holderOf } from './users.ts';

export function applyToUser(
  instance: Instance,
  change: Write<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  switch (change.op) {
    case 'create':
      return createUser(instance, change, context).catch((error: unknown) => {
        throw mayLackSeats(error);
      });
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

/** Sends one POST, and one more for each username that is taken and each attribute that GitLab refuses. */
async function createUser(
  instance: Instance,
  change: Create<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const { settings, client } = instance;
  const names = namesToTry(change, settings.identifier === 'userName');
  const notAccepted: NotAccepted[] = [];
  let { attributes } = change;
  for (let tried = 0; ; ) {
    const username = names[tried] ?? '';
    const attempt = { action: `create user ${username}`, writes: true };
    const fields = newUser(instance, change, attributes, username);
    const answer = await client.ask(calls.createUser, { context, action: attempt.action }, (api) =>
      api.users.create(fields as CreateUserOptions),
    );
    if (answer.ok) {
      const observed = userOf(answer.value, settings);
      const sent = username === change.attributes.username ? {} : { sent: { username } };
      return { remoteId: observed.remoteId, observed, outcome: 'done', notAccepted, ...sent };
    }
    const { refusal } = answer;
    if (isEmailTaken(refusal)) throw await emailTaken(instance, attempt, refusal, change, context);
    if (isUsernameTaken(refusal)) {
      tried += 1;
      if (tried < names.length) continue;
      throw await usernameTaken(instance, refusal, names, context);
    }
    // GitLab makes no account without these.
    const { email: _, username: __, name: ___, ...optional } = attributes;
    const refusedNow = refusedAttributes(refusal, optional);
    if (refusedNow.length === 0) throw refused(attempt, refusal);
    notAccepted.push(...refusedNow);
    attributes = without(attributes, refusedNow);
  }
}

function namesToTry(change: Create<'user'>, byName: boolean): readonly string[] {
  if (byName) return [legalUsername(change.identifier)];
  return usernameCandidates(change.attributes.username || usernameFrom(change.identifier));
}

function newUser(
  { settings }: Instance,
  change: Create<'user'>,
  attributes: Attributes,
  username: string,
): Record<string, string | boolean> {
  const filled = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
  return {
    ...fieldsOf(filled, settings),
    name: attributes.name || username,
    email: attributes.email ?? change.identifier,
    username,
    // Nobody knows this password: people sign in through the provider, or ask GitLab for a new one.
    force_random_password: true,
    // The identity provider vouches for the address.
    skip_confirmation: true,
  };
}

/** Throws a conflict only where adopting can solve it: an account has the address as its primary one. */
async function emailTaken(
  instance: Instance,
  attempt: Attempt,
  refusal: Refusal,
  change: Create<'user'>,
  context: CallContext,
) {
  const email = change.attributes.email ?? change.identifier;
  const byEmail = instance.settings.identifier === 'primaryEmail';
  if (byEmail && (await findUser(instance, change.identifier, context)))
    return refused(attempt, refusal, 'conflict', `GitLab has an account with the email ${email}`);
  const holder = (await holderOf(instance, email, context)) ?? 'another account';
  const message = `GitLab has the email ${email} at ${holder}, perhaps as a secondary address; remove it there`;
  return refused(attempt, refusal, 'rejected', message, 'email');
}

async function usernameTaken(
  instance: Instance,
  refusal: Refusal,
  names: readonly string[],
  context: CallContext,
) {
  const [first = ''] = names;
  const action = `create user ${first}`;
  const byName = instance.settings.identifier === 'userName';
  if (byName && (await findUser(instance, first, context)))
    return failed(action, 'conflict', 'the username has an account', refusal);
  const tried = names.length === 1 ? first : `${first} to ${names.at(-1)}`;
  return failed(
    action,
    'rejected',
    `GitLab has ${tried} in use, by accounts, groups or itself; map username to something else`,
    refusal,
  );
}

/**
 * Sends one PUT with only the changed attributes: GitLab takes all of them or none. If it refuses some, the bridge
 * sends the others once more, and halves of them where GitLab does not say which it refuses.
 */
async function updateUser(
  instance: Instance,
  change: Update<'user'>,
  context: CallContext,
): Promise<Applied<'user'>> {
  const { remoteId } = change;
  const { settings, client } = instance;
  const attempt = { action: `update user ${remoteId}`, writes: true };
  const notAccepted: NotAccepted[] = [];
  const queue: Attributes[] = [Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]))];
  let done: { readonly observed?: RemoteUser } | null = null;
  for (let some = queue.shift(); some !== undefined; some = queue.shift()) {
    const fields: Record<string, string | boolean> = fieldsOf(some, settings);
    if (Object.keys(fields).length === 0) continue;
    if ('email' in fields) fields.skip_reconfirmation = true;
    const answer = await client.ask(calls.editUser(remoteId), { context, action: attempt.action }, (api) =>
      api.users.edit(Number(remoteId), fields as EditUserOptions),
    );
    if (answer.ok) {
      done = { observed: userOf(answer.value, settings) };
      continue;
    }
    const { refusal } = answer;
    const refusedNow = refusedAttributes(refusal, some);
    const error = refused(attempt, refusal);
    if (refusedNow.length > 0) {
      notAccepted.push(...refusedNow);
      queue.unshift(without(some, refusedNow));
    } else if (isUnnamed(refusal) && error.disposition === 'rejected') {
      const names = Object.entries(some);
      const half = Math.ceil(names.length / 2);
      if (half < names.length)
        queue.unshift(Object.fromEntries(names.slice(0, half)), Object.fromEntries(names.slice(half)));
      else notAccepted.push(...names.map(([attribute]) => ({ attribute, reason: refusal.words })));
    } else throw error;
  }
  return { remoteId, outcome: done === null ? 'already' : 'done', notAccepted, ...done };
}

function without(attributes: Attributes, refusedNow: readonly NotAccepted[]): Attributes {
  const names = refusedNow.map(({ attribute }) => attribute);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}
