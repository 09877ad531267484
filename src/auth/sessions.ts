/**
 * A person's session in a browser: its cookie, the token that it stands for, and whether a page of the bridge sent
 * the request. A session may do no more than its admin token, and ends with it.
 */

import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import type { AdminTokenRecord } from '../db/access/adminTokens.ts';
import type { SessionRecord } from '../db/access/sessions.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { CONFIGURED_TOKEN } from './configuredToken.ts';
import type { KnownTokens } from './knownTokens.ts';
import { newToken, sameToken } from './tokens.ts';

const COOKIE = 'scim_bridge_session';

/** The secret in the request's cookie; null where there is no such cookie. */
export function sessionCookie(req: Pick<Request, 'headers'>): string | null {
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim() === COOKIE) return value.join('=').trim();
  }
  return null;
}

/** For `Set-Cookie`. No script can read it, and no other site's page can send it. */
export function cookieOf(secret: string, seconds: number, publicUrl: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

export function endedCookie(publicUrl: string): string {
  return cookieOf('', 0, publicUrl);
}

const MINUTE_MS = 60_000;
const LASTS_MS: { readonly [kind in SessionRecord['kind']]: number } = {
  session: 12 * 60 * MINUTE_MS,
  code: 15 * MINUTE_MS,
};

/** A new session for the token, with its secret, which the bridge does not store. */
export function newSession(
  kind: SessionRecord['kind'],
  token: AdminTokenRecord,
  { adminToken, now }: { readonly adminToken: string | null; readonly now: number },
): { readonly session: SessionRecord; readonly secret: string } {
  const secret = newToken(kind);
  const isConfigured = token.id === CONFIGURED_TOKEN.id;
  const end = isoTime(now + LASTS_MS[kind]);
  const session: SessionRecord = {
    ...{ id: newId(), kind, tokenId: isConfigured ? null : token.id },
    configuredHash: isConfigured ? configuredHash(secret, adminToken ?? '') : null,
    createdAt: isoTime(now),
    expiresAt: token.validUntil !== null && token.validUntil < end ? token.validUntil : end,
  };
  return { session, secret };
}

/**
 * A fingerprint of ADMIN_TOKEN, so that a session ends when that changes. It reveals nothing to a reader who lacks
 * the session's secret.
 */
function configuredHash(secret: string, adminToken: string): string {
  return createHmac('sha256', secret).update(adminToken, 'utf8').digest('hex');
}

export interface Signed {
  readonly session: SessionRecord;
  readonly token: AdminTokenRecord;
}

export interface SessionDeps {
  readonly clock: Clock;
  readonly tokens: Pick<KnownTokens, 'session'>;
  /** `ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: string | null;
}

/** Null where there is no such session, or the session or its token has ended. */
export async function findSession(
  { clock, tokens, adminToken }: SessionDeps,
  kind: SessionRecord['kind'],
  secret: string,
): Promise<Signed | null> {
  const found = await tokens.session(secret);
  const now = isoTime(clock.now());
  if (found === null || found.session.kind !== kind || found.session.expiresAt <= now) return null;
  const { session } = found;
  if (found.token !== null) {
    const { validUntil } = found.token;
    return validUntil === null || validUntil > now ? { session, token: found.token } : null;
  }
  const isSame =
    adminToken !== null && sameToken(session.configuredHash ?? '', configuredHash(secret, adminToken));
  return isSame ? { session, token: CONFIGURED_TOKEN } : null;
}

/** True where a page of the bridge sent the request, or no browser says which page did. */
export function isOfNoOtherSite(req: Pick<Request, 'headers'>, publicUrl: string): boolean {
  return req.headers.origin === undefined || isOwnOrigin(req, publicUrl);
}

const WRITE_TYPES = ['application/json', 'application/merge-patch+json'];

/**
 * Why a write with the cookie is refused, or null. A page of another site can send forms, but neither this content
 * type nor the bridge's Origin.
 */
export function whyForged(req: Request, publicUrl: string): string | null {
  if (req.method === 'GET' || req.method === 'HEAD') return null;
  const type = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!WRITE_TYPES.includes(type)) {
    return 'With a session, send the header Content-Type: application/json with each write.';
  }
  if (isOwnOrigin(req, publicUrl)) return null;
  return 'With a session, a write must come from a page of the bridge: its Origin is not that of PUBLIC_URL.';
}

function isOwnOrigin({ headers }: Pick<Request, 'headers'>, publicUrl: string): boolean {
  const origin = headers.origin ?? '';
  if (!URL.canParse(origin)) return false;
  const { origin: exact, host } = new URL(origin);
  return exact === new URL(publicUrl).origin || host === headers.host?.toLowerCase();
}
