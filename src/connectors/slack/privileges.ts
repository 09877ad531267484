/**
 * Finds people with more rights in a workspace than others: its owners and admins. SCIM does not show them; the Web
 * API does, with the scope `users:read`. Without that scope the bridge knows of none, and the check says so.
 */

import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteUser } from '../../model/remote.ts';
import type { CallContext, StatusDetail } from '../connector.ts';
import { STORE } from './api/errors.ts';
import type { Identity, WebApi } from './api/web.ts';
import type { Workspace } from './workspace.ts';

export async function withPrivilege(
  { web }: Workspace,
  account: RemoteUser,
  context: CallContext,
): Promise<RemoteUser> {
  // A deactivated account has no role.
  if (account.state !== 'enabled') return account;
  const said = await web.isPrivileged(account.remoteId, context);
  return said.ok ? marked(account, said.privileged) : account;
}

export function marked(account: RemoteUser, privileged: boolean): RemoteUser {
  return privileged ? { ...account, privileged: true } : account;
}

/** The position of a scan: it first learns who is privileged, then lists people. */
interface Position {
  /** Ids that are known to be privileged. */
  readonly ids: readonly string[];
  /**
   * The cursor in the list of roles, and how many of its pages were read. Absent once the list is read, or where the
   * token may not see it.
   */
  readonly roles?: { readonly cursor: string | null; readonly pages: number };
  /** The index at which the next page of people begins. */
  readonly at?: number;
}

const BEGIN: Position = { ids: [], roles: { cursor: null, pages: 0 } };
/** Far more than Slack's largest customer needs. */
const ROLE_PAGES_MAX = 20_000;

/** `list` gives one page of people; its cursor is a number. */
export async function scanWithPrivileges(
  web: WebApi,
  cursor: string | null,
  list: (cursor: string | null) => Promise<Page<RemoteUser>>,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  let position = cursor === null ? BEGIN : positionIn(cursor);
  if (position.roles) {
    const { roles, ids } = position;
    const page = await web.privilegedPage(roles.cursor, context);
    const pages = roles.pages + 1;
    if (pages > ROLE_PAGES_MAX) throw endless();
    const known = page.ok ? [...ids, ...page.ids] : [];
    if (page.ok && page.next !== null) {
      const next: Position = { ids: known, roles: { cursor: page.next, pages } };
      return { items: [], aside: page.rows, nextCursor: JSON.stringify(next) };
    }
    position = { ids: known };
  }
  const { ids, at } = position;
  const privileged = new Set(ids);
  const { items, nextCursor } = await list(at === undefined ? null : String(at));
  const next: Position | null = nextCursor === null ? null : { ids, at: Number(nextCursor) };
  return {
    items: items.map((account) => marked(account, privileged.has(account.remoteId))),
    nextCursor: next && JSON.stringify(next),
  };
}

function positionIn(cursor: string): Position {
  const given: Position | number = JSON.parse(cursor);
  // The cursor of a scan that an older version began.
  return typeof given === 'number' ? { ids: [], at: given } : given;
}

function endless(): RemoteError {
  return new RemoteError('Slack lists who is an owner or admin without an end', {
    store: STORE,
    action: 'list users',
    disposition: 'transient',
    code: 'endless_list',
  });
}

/** Null where the token may see who is an owner or admin. */
export async function privilegeUnknown(
  web: WebApi,
  { scopes, userId }: Identity,
  context: CallContext,
): Promise<StatusDetail | null> {
  const shown = scopes?.includes('users:read') ?? (await mayAsk(web, userId, context));
  if (shown) return null;
  const message =
    'Slack does not show this token who is an owner or an admin, so their accounts are adopted like any other: give it the scope users:read, or name them in PROTECTED_ACCOUNTS';
  return { code: 'privilege_unknown', message };
}

async function mayAsk(web: WebApi, userId: string | null, context: CallContext): Promise<boolean> {
  if (userId === null) return false;
  try {
    return (await web.isPrivileged(userId, context)).ok;
  } catch (error) {
    if (error instanceof RemoteError) return false;
    throw error;
  }
}
