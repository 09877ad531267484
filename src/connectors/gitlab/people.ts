/**
 * What happens to accounts: looked up, created, updated, blocked, unblocked, deleted. An account that
 * GitLab's own directory or an administrator has locked is left alone, and `hard_delete` is never sent.
 */

import type { CreateUserOptions, EditUserOptions } from '@gitbeaker/core';
import type { Change } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Applied, CallContext } from '../connector.ts';
import type { GitLabClient } from './client.ts';
import {
  isEmailTaken,
  isMissing,
  isRefusal,
  isRemoteError,
  isUsernameTaken,
  reread,
  STORE,
  unexpected,
} from './errors.ts';
import { fieldsOf, usernameOf, userOf } from './mapping.ts';
import { usernameCandidates } from './names.ts';
import { type Row, readPage } from './pages.ts';
import type { GitLabSettings } from './settings.ts';

type Create = Extract<Change, { op: 'create' }>;
type Update = Extract<Change, { op: 'update' }>;

export interface People {
  find(identifier: string, context: CallContext): Promise<RemoteUser | null>;
  read(remoteId: string, context: CallContext): Promise<RemoteUser | null>;
  create(change: Create, context: CallContext): Promise<Applied>;
  update(change: Update, context: CallContext): Promise<Applied>;
  disable(remoteId: string, context: CallContext): Promise<Applied>;
  enable(remoteId: string, context: CallContext): Promise<Applied>;
  remove(remoteId: string, context: CallContext): Promise<Applied>;
}

/** A search for a whole address has one result; names that hold it as text may come with it. */
const SEARCH_PAGES_MAX = 10;

export function createPeople(client: GitLabClient, settings: GitLabSettings): People {
  const find = async (identifier: string, context: CallContext): Promise<RemoteUser | null> => {
    const byName = settings.identifier === 'userName';
    const action = `look up user ${identifier}`;
    const wanted = identifier.toLowerCase();
    const query = byName ? { username: identifier } : { search: identifier };
    let cursor: string | null = null;
    for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
      const page = await readPage(client, settings, { context, action }, cursor, (api, paging) =>
        api.users.all({ ...query, ...paging }),
      );
      const row = page.items.find((item) => lower(byName ? item.username : item.email) === wanted);
      if (row) return userOf(row, settings);
      if (!byName && page.items.some((item) => !('email' in item))) throw emailsHidden(action);
      cursor = page.nextCursor;
      if (cursor === null) return null;
    }
    throw failed(action, 'rejected', `more than ${SEARCH_PAGES_MAX} pages of users answer the search for it`);
  };

  const read = async (remoteId: string, context: CallContext): Promise<RemoteUser | null> => {
    const action = `read user ${remoteId}`;
    try {
      const row: unknown = await client.during({ context, action }).users.show(Number(remoteId));
      return userOf(rowOf(row, action, false), settings);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  };

  const post = async (username: string, change: Create, context: CallContext): Promise<Applied> => {
    const action = `create user ${username}`;
    const email = change.attributes.email ?? change.identifier;
    const fields: Record<string, string | boolean> = {
      ...fieldsOf(withoutEmpty(change.attributes), settings),
      name: change.attributes.name || username,
      email,
      username,
      // Nobody knows this password: people sign in through the provider, or ask GitLab for a new one.
      force_random_password: true,
      // The IdP vouches for the address.
      skip_confirmation: true,
    };
    const row: unknown = await client.during({ context, action }).users.create(fields as CreateUserOptions);
    const observed = userOf(rowOf(row, action, true), settings);
    const sent = username === change.attributes.username ? {} : { sent: { username } };
    return { remoteId: observed.remoteId, observed, outcome: 'done', ...sent };
  };

  const create = async (change: Create, context: CallContext): Promise<Applied> => {
    const byName = settings.identifier === 'userName';
    const wanted = change.attributes.username || usernameOf(change.identifier, settings);
    const candidates = byName ? [wanted] : usernameCandidates(wanted);
    let taken: RemoteError | undefined;
    for (const candidate of candidates) {
      try {
        return await post(candidate, change, context);
      } catch (error) {
        if (isEmailTaken(error)) throw await emailTaken(error, change, context);
        if (!isUsernameTaken(error)) throw error;
        taken = error;
      }
    }
    const action = `create user ${wanted}`;
    if (byName && (await find(wanted, context)))
      throw failed(action, 'conflict', 'the username has an account', taken);
    const tried = candidates.length === 1 ? wanted : `${candidates[0]} to ${candidates.at(-1)}`;
    throw failed(
      action,
      'rejected',
      `GitLab has ${tried} in use, by accounts, groups or itself; map username to something else`,
      taken,
    );
  };

  /** A conflict is what adopting can solve: an account that has the address as its primary one. */
  const emailTaken = async (
    error: RemoteError,
    change: Create,
    context: CallContext,
  ): Promise<RemoteError> => {
    const email = change.attributes.email ?? change.identifier;
    if (settings.identifier === 'primaryEmail' && (await find(change.identifier, context))) {
      return reread(error, 'conflict', `GitLab has an account with the email ${email}`);
    }
    const message = `GitLab has the email ${email} at another account, perhaps as a secondary address; remove it there`;
    return reread(error, 'rejected', message);
  };

  const update = async (change: Update, context: CallContext): Promise<Applied> => {
    const { remoteId } = change;
    const attributes = Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
    try {
      return await put(remoteId, attributes, context);
    } catch (error) {
      if (settings.identifier === 'userName' || !isUsernameTaken(error)) throw error;
    }
    // A name that is taken is no reason to rename the account to a third one: it keeps what it has.
    const { username: _, ...others } = attributes;
    const kept = change.attributes.find(({ name }) => name === 'username')?.from;
    const applied: Applied =
      Object.keys(others).length === 0
        ? { remoteId, outcome: 'already' }
        : await put(remoteId, others, context);
    return kept ? { ...applied, sent: { username: kept } } : applied;
  };

  const put = async (
    remoteId: string,
    attributes: Readonly<Record<string, string>>,
    context: CallContext,
  ): Promise<Applied> => {
    const action = `update user ${remoteId}`;
    const fields: Record<string, string | boolean> = fieldsOf(attributes, settings);
    if (Object.keys(fields).length === 0) return { remoteId, outcome: 'already' };
    if ('email' in fields) fields.skip_reconfirmation = true;
    const api = client.during({ context, action });
    const row: unknown = await api.users.edit(Number(remoteId), fields as EditUserOptions);
    return { remoteId, observed: userOf(rowOf(row, action, true), settings), outcome: 'done' };
  };

  const disable = async (remoteId: string, context: CallContext): Promise<Applied> => {
    const action = `block user ${remoteId}`;
    try {
      const answer: unknown = await client.during({ context, action }).users.block(Number(remoteId));
      if (answer === false)
        throw failed(action, 'rejected', 'GitLab refused to block the user and said no more');
      return { remoteId, outcome: answer === null ? 'already' : 'done' };
    } catch (error) {
      if (isMissing(error)) return { remoteId, outcome: 'already' };
      throw error;
    }
  };

  const enable = async (remoteId: string, context: CallContext): Promise<Applied> => {
    const action = `unblock user ${remoteId}`;
    let refused: RemoteError;
    try {
      const answer: unknown = await client.during({ context, action }).users.unblock(Number(remoteId));
      if (answer !== false) return { remoteId, outcome: answer === null ? 'already' : 'done' };
      refused = failed(action, 'rejected', 'GitLab refused to unblock the user and said no more');
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused = error;
    }
    // GitLab refuses to unblock who is not blocked, e.g. somebody deactivated; and whom it locked itself.
    const observed = await read(remoteId, context);
    if (observed?.state === 'enabled') return { remoteId, observed, outcome: 'already' };
    if (observed?.state === 'locked') throw reread(refused, 'forbidden', refused.message);
    throw refused;
  };

  const remove = async (remoteId: string, context: CallContext): Promise<Applied> => {
    const action = `delete user ${remoteId}`;
    try {
      await client.during({ context, action }).users.remove(Number(remoteId));
      return { remoteId, outcome: 'done' };
    } catch (error) {
      if (isMissing(error)) return { remoteId, outcome: 'already' };
      if (isRemoteError(error) && error.status === 409) {
        const message = `GitLab keeps user ${remoteId}, the only owner of a group: make somebody else an owner first (${error.code})`;
        throw reread(error, 'forbidden', message);
      }
      throw error;
    }
  };

  return { find, read, create, update, disable, enable, remove };
}

function withoutEmpty(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}

export function rowOf(value: unknown, action: string, writes: boolean): Row {
  if (typeof value === 'object' && value !== null && 'id' in value) return value as Row;
  throw unexpected(200, { action, writes }, 'no object with an id');
}

function lower(value: unknown): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null;
}

function failed(
  action: string,
  disposition: 'rejected' | 'conflict',
  why: string,
  cause?: RemoteError,
): RemoteError {
  return new RemoteError(`GitLab did not ${action}: ${why}`, {
    store: STORE,
    action,
    disposition,
    status: cause?.status,
    code: cause?.code ?? why,
    cause,
  });
}

function emailsHidden(action: string): RemoteError {
  const message =
    "GitLab does not show email addresses to this ACCESS_TOKEN: it must be an administrator's, and where the instance uses Admin Mode have the scope admin_mode";
  return new RemoteError(message, { store: STORE, action, disposition: 'unauthorized', code: 'not_admin' });
}
