/**
 * Accounts: looked up, read, blocked, unblocked, deleted. An account that GitLab's own directory or an
 * administrator has locked is left alone, and `hard_delete` is never sent.
 */

import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Applied, CallContext } from '../connector.ts';
import type { Instance } from './client.ts';
import { failed, isMissing, isRefusal, isRemoteError, reread, STORE } from './errors.ts';
import { rowOf, userOf } from './mapping.ts';
import { legalUsername } from './names.ts';
import { readPage } from './pages.ts';

/** A search for a whole address has one result; names that hold it as text may come with it. */
const SEARCH_PAGES_MAX = 10;

/** By `UNIQUE_USER_IDENTIFIER`, whatever its case. */
export async function findUser(
  instance: Instance,
  identifier: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const byName = instance.settings.identifier === 'userName';
  const action = `look up user ${identifier}`;
  const text = byName ? legalUsername(identifier) : identifier;
  const wanted = text.toLowerCase();
  const query = byName ? { username: text } : { search: text };
  let cursor: string | null = null;
  for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
    const page = await readPage(instance, { context, action }, cursor, (api, paging) =>
      api.users.all({ ...query, ...paging }),
    );
    const row = page.items.find((item) => lower(byName ? item.username : item.email) === wanted);
    if (row) return userOf(row, instance.settings);
    if (!byName && page.items.some((item) => !('email' in item))) throw emailsHidden(action);
    cursor = page.nextCursor;
    if (cursor === null) return null;
  }
  throw failed(action, 'rejected', `more than ${SEARCH_PAGES_MAX} pages of users answer the search for it`);
}

export async function readUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const action = `read user ${remoteId}`;
  try {
    const row: unknown = await instance.client.during({ context, action }).users.show(Number(remoteId));
    return userOf(rowOf(row, action, false), instance.settings);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export async function disableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied> {
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

export async function enableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied> {
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

export async function deleteUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied> {
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

function lower(value: unknown): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null;
}

function emailsHidden(action: string): RemoteError {
  const message =
    "GitLab does not show email addresses to this ACCESS_TOKEN: it must be an administrator's, and where the instance uses Admin Mode have the scope admin_mode";
  return new RemoteError(message, { store: STORE, action, disposition: 'unauthorized', code: 'not_admin' });
}
