/** Accounts: looked up, read and listed. */

import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteUser } from '../../model/remote.ts';
import type { CallContext } from '../connector.ts';
import type { Instance } from './client.ts';
import { failed, isKeysetUnknown, isMissing, STORE } from './errors.ts';
import { rowOf, userOf } from './mapping.ts';
import { legalUsername } from './names.ts';
import { BY_ID, readPage } from './pages.ts';

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

export async function scanUsers(
  instance: Instance,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  if (cursor !== null) return listUsers(instance, cursor, {}, context);
  try {
    return await listUsers(instance, null, { pagination: 'keyset' }, context);
  } catch (error) {
    if (isKeysetUnknown(error)) return listUsers(instance, 'page:1', {}, context);
    throw error;
  }
}

async function listUsers(
  instance: Instance,
  cursor: string | null,
  paging: Readonly<Record<string, unknown>>,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  const page = await readPage(instance, { context, action: 'list users' }, cursor, (api, query) => {
    // GitLab's own accounts (ghost, alert-bot, …) are nobody's. That people can be ordered by id,
    // @gitbeaker's type does not know.
    const all: Record<string, unknown> = { ...BY_ID, ...paging, ...query, excludeInternal: true };
    return api.users.all(all);
  });
  return { items: page.items.map((row) => userOf(row, instance.settings)), nextCursor: page.nextCursor };
}

function lower(value: unknown): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null;
}

function emailsHidden(action: string): RemoteError {
  const message =
    "GitLab does not show email addresses to this ACCESS_TOKEN: it must be an administrator's, and where the instance uses Admin Mode have the scope admin_mode";
  return new RemoteError(message, { store: STORE, action, disposition: 'unauthorized', code: 'not_admin' });
}
