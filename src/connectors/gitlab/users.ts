/** Finds, reads and lists accounts. It leaves out bots and service accounts, which belong to nobody. */

import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteUser } from '../../model/remote.ts';
import type { CallContext } from '../connector.ts';
import type { Row } from './api/calls.ts';
import * as calls from './api/calls.ts';
import type { GitLabApi, Instance } from './api/client.ts';
import { failed, isKeysetUnknown, refused, STORE } from './api/errors.ts';
import { askPage, BY_ID, type PageQuery, readPage } from './api/pages.ts';
import { isMachine, userOf } from './mapping.ts';
import { legalUsername } from './names.ts';

/** A search for a whole address has one result; people whose name contains the address may appear too. */
const SEARCH_PAGES_MAX = 10;

/** Finds the account by its `UNIQUE_USER_IDENTIFIER`, ignoring case. */
export async function findUser(
  instance: Instance,
  identifier: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const byName = instance.settings.identifier === 'userName';
  const action = `look up user ${identifier}`;
  const text = byName ? legalUsername(identifier) : identifier;
  const wanted = text.toLowerCase();
  const query = { ...(byName ? { username: text } : { search: text }), excludeInternal: true };
  let cursor: string | null = null;
  for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
    const page = await readPage(instance, calls.listUsers, { context, action }, cursor, (api, paging) =>
      api.users.all({ ...query, ...paging }),
    );
    const people = page.items.filter((row) => !isMachine(row));
    const row = people.find((item) => lower(byName ? item.username : item.email) === wanted);
    if (row) return userOf(row, instance.settings);
    if (!byName && people.some((item) => !('email' in item))) throw emailsHidden(action);
    cursor = page.nextCursor;
    if (cursor === null) return null;
  }
  throw failed(action, 'rejected', `more than ${SEARCH_PAGES_MAX} pages of users answer the search for it`);
}

/** The one account that a search for an address shows, because of its secondary address or its name. */
export async function holderOf(
  instance: Instance,
  email: string,
  context: CallContext,
): Promise<string | null> {
  const action = `look up who has ${email}`;
  const { items } = await readPage(instance, calls.listUsers, { context, action }, null, (api, paging) =>
    api.users.all({ search: email, ...paging }),
  );
  const [holder] = items;
  return holder && items.length === 1 ? `@${holder.username} (id ${holder.id})` : null;
}

/** Null only where GitLab said that there is none. */
export async function readRow(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Row | null> {
  const attempt = { action: `read user ${remoteId}`, writes: false };
  const answer = await instance.client.ask(
    calls.readUser(remoteId),
    { context, action: attempt.action },
    (api) => api.users.show(Number(remoteId)),
  );
  if (answer.ok) return answer.value;
  if (answer.refusal.gone) return null;
  throw refused(attempt, answer.refusal);
}

export async function readUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const row = await readRow(instance, remoteId, context);
  return row && userOf(row, instance.settings);
}

export async function scanUsers(
  instance: Instance,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  const exchange = { context, action: 'list users' };
  const list =
    (paging: Readonly<Record<string, unknown>>) =>
    (api: GitLabApi, query: PageQuery): Promise<unknown> => {
      // GitLab's own accounts (ghost, alert-bot, …) belong to nobody. @gitbeaker's type does not know that people can
      // be ordered by id.
      const all: Record<string, unknown> = { ...BY_ID, ...paging, ...query, excludeInternal: true };
      return api.users.all(all);
    };
  const byKeyset = cursor === null ? { pagination: 'keyset' } : {};
  const answer = await askPage(instance, calls.listUsers, exchange, cursor, list(byKeyset));
  if (answer.ok) return shown(instance, answer.page);
  if (cursor !== null || !isKeysetUnknown(answer.refusal))
    throw refused({ ...exchange, writes: false }, answer.refusal);
  return shown(instance, await readPage(instance, calls.listUsers, exchange, 'page:1', list({})));
}

function shown({ settings }: Instance, page: Page<Row>): Page<RemoteUser> {
  const accounts = page.items.map((row) => userOf(row, settings));
  return {
    items: accounts.filter(({ machine }) => !machine),
    machines: accounts.filter(({ machine }) => machine),
    nextCursor: page.nextCursor,
  };
}

function lower(value: unknown): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null;
}

function emailsHidden(action: string): RemoteError {
  const message =
    "GitLab does not show email addresses to this ACCESS_TOKEN: it must be an administrator's, and where the instance uses Admin Mode have the scope admin_mode";
  return new RemoteError(message, { store: STORE, action, disposition: 'unauthorized', code: 'not_admin' });
}
