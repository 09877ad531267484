/** How Okta words its answers: errors, pages with a link to the next, people and groups. */

import type { Answer, EmulatedRequest } from '../server.ts';
import type { OktaGroup, OktaUser } from './state.ts';

/** A request that Okta refuses. */
export class OktaRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, summary: string) {
    super(summary);
    this.status = status;
    this.code = code;
  }
}

export const notFound = (what: string, type: string) =>
  new OktaRefusal(404, 'E0000007', `Not found: Resource not found: ${what} (${type})`);
export const noRole = () =>
  new OktaRefusal(403, 'E0000006', 'You do not have permission to perform the requested action');
export const badToken = () => new OktaRefusal(401, 'E0000011', 'Invalid token provided');
export const badFilter = (why: string) => new OktaRefusal(400, 'E0000031', `Invalid search criteria. ${why}`);

export function refusalAnswer({ status, code, message }: OktaRefusal): Answer {
  const body = {
    errorCode: code,
    errorSummary: message,
    errorLink: code,
    errorId: 'oaeEmulated',
    errorCauses: [],
  };
  return { status, body };
}

/** The next page is behind a link whose cursor nobody but Okta can read. */
export function pageAnswer<T extends { readonly id: string }>(
  url: string,
  { path, query }: EmulatedRequest,
  things: readonly T[],
  limits: { readonly default: number; readonly max: number },
  show: (thing: T) => unknown,
): Answer {
  const asked = Number(query.get('limit') ?? limits.default);
  if (!Number.isInteger(asked) || asked < 1) throw new OktaRefusal(400, 'E0000003', 'limit');
  const limit = Math.min(asked, limits.max);
  const after = query.get('after');
  const from = after === null ? 0 : things.findIndex(({ id }) => id > cursorId(after));
  const page = from < 0 ? [] : things.slice(from, from + limit);
  const last = page.at(-1);
  const self = `<${url}${path}?${query}>; rel="self"`;
  if (!last || from + limit >= things.length)
    return { status: 200, headers: { link: self }, body: page.map(show) };
  const next = new URLSearchParams(query);
  next.set('after', Buffer.from(last.id).toString('base64url'));
  const link = `${self}, <${url}${path}?${next}>; rel="next"`;
  return { status: 200, headers: { link }, body: page.map(show) };
}

function cursorId(after: string): string {
  return Buffer.from(after, 'base64url').toString();
}

export function userBody(user: OktaUser, url: string) {
  const { id, status, created, statusChanged, lastUpdated, profile } = user;
  return {
    ...{ id, status, created, activated: null, statusChanged, lastLogin: null, lastUpdated },
    ...{ passwordChanged: null, type: { id: 'oty1' }, profile, credentials: {} },
    _links: { self: { href: `${url}/api/v1/users/${id}` } },
  };
}

export function groupBody(group: OktaGroup, url: string) {
  const { id, type, created, lastUpdated, lastMembershipUpdated, profile } = group;
  return {
    ...{ id, created, lastUpdated, lastMembershipUpdated, type, profile },
    objectClass: [type === 'APP_GROUP' ? 'okta:windows_security_principal' : 'okta:user_group'],
    _links: { users: { href: `${url}/api/v1/groups/${id}/users` } },
  };
}
