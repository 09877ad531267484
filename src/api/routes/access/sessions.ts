/**
 * `/v1/session` and `/v1/sessions`: people who have signed in with a browser. The secret of a session is only in its
 * cookie.
 */

import { findAdminToken } from '../../../auth/admin.ts';
import { CONFIGURED_TOKEN } from '../../../auth/configuredToken.ts';
import { cookieOf, endedCookie, findSession, newSession } from '../../../auth/sessions.ts';
import { hashToken } from '../../../auth/tokens.ts';
import { beginSession, endSession } from '../../../control/access/sessions.ts';
import { type AdminTokenRecord, getAdminToken } from '../../../db/access/adminTokens.ts';
import { countSessions, getSession, listSessions, type SessionRecord } from '../../../db/access/sessions.ts';
import { RequestError } from '../../../model/errors.ts';
import { isoTime } from '../../../support/clock.ts';
import type { ApiDeps } from '../../deps.ts';
import { created, endpoint, noContent, ok } from '../../endpoint.ts';
import { href } from '../../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../../lists.ts';
import { notFound } from '../../path.ts';
import { OwnSession, Session, SessionList, SignIn } from '../../schemas/access/sessions.ts';

const OWN = '/session';
const SESSIONS = '/sessions';
const SESSION = '/sessions/:sessionId';
const MANAGE = 'manage sessions';
const NO_SESSION = 'The request came with a token, not with a session.';

export const sessions = {
  signIn: endpoint({
    method: 'post',
    path: OWN,
    scope: null,
    summary: 'Sign in with an admin token, or with the code of a sign-in link; the answer sets the cookie',
    body: SignIn,
    answers: { 201: OwnSession },
    refusals: {
      401: 'The token or the code is unknown or has ended, or the code was used.',
      403: 'The request comes from a page of another site.',
      429: 'More than 300 came from this address within a minute without a valid token.',
    },
    handle: async ({ body, isForeignPage, cause }, deps) => {
      if (isForeignPage) throw new RequestError(403, 'Sign in from a page of the bridge.');
      const now = deps.clock.now();
      const found = await whoSignsIn(deps, body);
      if (found === null) throw refused(body.code !== undefined);
      const { token } = found;
      const { session, secret } = newSession('session', token, { adminToken: deps.adminToken, now });
      const begun = { ...found, session, secretHash: hashToken(secret) };
      if (!(await beginSession(deps, begun, cause.correlationId))) throw refused(true);
      const seconds = Math.floor((Date.parse(session.expiresAt) - now) / 1000);
      const cookie = cookieOf(secret, seconds, deps.publicUrl);
      return created(showOwn(deps, session, token), href(deps, 'session'), { cookie });
    },
  }),

  readSession: endpoint({
    method: 'get',
    path: OWN,
    scope: 'any',
    summary: 'Show who is signed in',
    answers: { 200: OwnSession },
    refusals: { 404: NO_SESSION },
    handle: ({ admin }, deps) => {
      if (admin.session === null) throw new RequestError(404, NO_SESSION);
      const { cause, scopes, environmentId } = admin;
      const token = { name: cause.actor.name, scopes: [...scopes], environmentId };
      return ok(showOwn(deps, admin.session, token));
    },
  }),

  signOut: endpoint({
    method: 'delete',
    path: OWN,
    scope: 'any',
    summary: 'Sign out: the session ends at once',
    answers: { 204: null },
    refusals: { 404: NO_SESSION },
    handle: async ({ admin, cause }, deps) => {
      if (admin.session === null) throw new RequestError(404, NO_SESSION);
      const { environmentId } = admin;
      await endSession(deps, admin.session, { name: cause.actor.name, environmentId }, cause);
      return { ...noContent, cookie: endedCookie(deps.publicUrl) };
    },
  }),

  listSessions: endpoint({
    method: 'get',
    path: SESSIONS,
    scope: 'read',
    unboundTo: MANAGE,
    summary: 'List who is signed in',
    query: PAGE,
    answers: { 200: SessionList },
    handle: async (call, deps) => {
      const now = isoTime(deps.clock.now());
      const limit = call.query.limit + 1;
      const rows = await listSessions(deps.db, { now, limit, after: readCursorOfRecords(call.query) });
      const tokens = await Promise.all(rows.map((session) => tokenOf(deps, session)));
      const shown = rows.flatMap((session, at) => {
        const token = tokens[at];
        return token ? [{ ...session, token }] : [];
      });
      return ok(
        page(call, {
          name: 'sessions',
          rows: shown,
          count: await countSessions(deps.db, now),
          keyOf: keyOfRecord,
          show: (session) => show(deps, session, session.token, call.admin.session),
        }),
      );
    },
  }),

  readSessionById: endpoint({
    method: 'get',
    path: SESSION,
    scope: 'read',
    unboundTo: MANAGE,
    summary: 'Show who is signed in with a session',
    answers: { 200: Session },
    handle: async ({ params: { sessionId }, admin }, deps) => {
      const { session, token } = await demandSession(deps, sessionId);
      return ok(show(deps, session, token, admin.session));
    },
  }),

  revokeSession: endpoint({
    method: 'delete',
    path: SESSION,
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'End a session at once',
    answers: { 204: null },
    handle: async ({ params: { sessionId }, cause }, deps) => {
      const { session, token } = await demandSession(deps, sessionId);
      if (!(await endSession(deps, session, token, cause))) throw notFound('session', sessionId);
      return noContent;
    },
  }),
};

/** Null where the token or code is unknown, or no longer valid. */
async function whoSignsIn(
  { clock, access, adminToken }: ApiDeps,
  given: { readonly token?: string | undefined; readonly code?: string | undefined },
): Promise<{ readonly token: AdminTokenRecord; readonly code: SessionRecord | null } | null> {
  const { tokens } = access;
  if (given.code !== undefined) {
    const found = await findSession({ clock, tokens, adminToken }, 'code', given.code);
    return found && { token: found.token, code: found.session };
  }
  const token = await findAdminToken({ tokens, adminToken }, given.token ?? '');
  const hasEnded = token !== null && token.validUntil !== null && token.validUntil <= isoTime(clock.now());
  return token === null || hasEnded ? null : { token, code: null };
}

function refused(byCode: boolean): RequestError {
  const detail = byCode
    ? 'The sign-in link is not valid: it was used, or is older than 15 minutes. Make another: npm run tokens -- link'
    : 'The token is not valid here: it is unknown, expired or revoked, or of another kind.';
  return new RequestError(401, detail);
}

async function demandSession(deps: ApiDeps, id: string) {
  const session = await getSession(deps.db, id);
  const token =
    session && session.expiresAt > isoTime(deps.clock.now()) ? await tokenOf(deps, session) : null;
  if (!session || !token) throw notFound('session', id);
  return { session, token };
}

async function tokenOf(deps: ApiDeps, { tokenId }: SessionRecord): Promise<AdminTokenRecord | null> {
  if (tokenId !== null) return getAdminToken(deps.db, tokenId);
  return deps.adminToken === null ? null : CONFIGURED_TOKEN;
}

type Token = Pick<AdminTokenRecord, 'name' | 'scopes' | 'environmentId'>;

function showOwn(deps: ApiDeps, { expiresAt }: SessionRecord, token: Token) {
  return { ...of(token), expiresAt, _links: { self: { href: href(deps, 'session') } } };
}

function show(deps: ApiDeps, session: SessionRecord, token: Token, own: SessionRecord | null) {
  const { id, createdAt, expiresAt } = session;
  const _links = { self: { href: href(deps, 'sessions', id) } };
  return { id, ...of(token), expiresAt, createdAt, isOwn: own?.id === id, _links };
}

function of({ name, scopes, environmentId }: Token) {
  return { name, scopes: [...scopes], ...(environmentId === null ? {} : { environmentId }) };
}
