/**
 * Who may use the admin API: a stored admin token, `ADMIN_TOKEN` of the configuration exactly while it is set, or a
 * session that stands for one of them. Refusals are `application/problem+json`.
 */

import type { RequestHandler } from 'express';
import type { Knex } from 'knex';
import { type AdminTokenRecord, touchAdminToken } from '../db/access/adminTokens.ts';
import type { SessionRecord } from '../db/access/sessions.ts';
import type { Cause } from '../model/cause.ts';
import type { Clock } from '../support/clock.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { sendProblem } from '../support/problem.ts';
import type { AddressLimit } from './addressLimit.ts';
import { bearer } from './bearer.ts';
import { CONFIGURED_TOKEN } from './configuredToken.ts';
import type { KnownTokens } from './knownTokens.ts';
import { lastUsedNotes } from './lastUsed.ts';
import type { AdminScope } from './scopes.ts';
import { findSession, type Signed, sessionCookie, whyForged } from './sessions.ts';
import { sameToken } from './tokens.ts';
import { endedTokenNotes } from './warnings.ts';

/** `res.locals.admin` of every request that got through. */
export interface AdminPrincipal {
  readonly cause: Cause;
  readonly scopes: ReadonlySet<AdminScope>;
  /** The one environment that the token may see; null: every environment. */
  readonly environmentId: string | null;
  /** With which session they came; null with a token. */
  readonly session: SessionRecord | null;
}

export interface AdminAuthDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: KnownTokens;
  readonly addressLimit: AddressLimit;
  /** `ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: string | null;
  /** Where the pages are that sessions belong to. */
  readonly publicUrl: string;
}

/** Ended ones too. */
export async function findAdminToken(
  { tokens, adminToken }: Pick<AdminAuthDeps, 'tokens' | 'adminToken'>,
  given: string,
): Promise<AdminTokenRecord | null> {
  if (adminToken !== null && sameToken(given, adminToken)) return CONFIGURED_TOKEN;
  return tokens.admin(given);
}

/** Mount it at `/v1`, before any body parser. Sets `res.locals.admin`. */
export function createAdminAuthenticator(deps: AdminAuthDeps): RequestHandler {
  const { db, clock, log, addressLimit, publicUrl } = deps;
  const noteUse = lastUsedNotes(clock, log, (tokenId, at) => touchAdminToken(db, tokenId, at));
  const noteEnded = endedTokenNotes(clock, log);
  const authenticate = bearer<Pick<Signed, 'token'> & { readonly session: SessionRecord | null }>({
    realm: 'admin',
    log,
    addressLimit,
    verify: async (given) => {
      const token = await findAdminToken(deps, given);
      if (token === null) return null;
      if (token.validUntil === null || token.validUntil > isoTime(clock.now())) {
        return { token, session: null };
      }
      noteEnded({ id: token.id, name: token.name, validUntil: token.validUntil });
      return null;
    },
    session: { secretOf: sessionCookie, verify: (secret) => findSession(deps, 'session', secret) },
    accept: ({ token, session }, res, correlationId) => {
      res.locals.admin = {
        cause: { correlationId, actor: { type: 'admin', id: token.id, name: token.name } },
        scopes: new Set(token.scopes),
        environmentId: token.environmentId,
        session,
      } satisfies AdminPrincipal;
      if (token !== CONFIGURED_TOKEN) noteUse(res, token.id);
    },
    refuse: (res, status, detail) => sendProblem(res, { status, detail }),
  });
  return (req, res, next) => {
    authenticate(req, res, (error?: unknown) => {
      const bySession = error === undefined && res.locals.admin.session !== null;
      const detail = bySession ? whyForged(req, publicUrl) : null;
      if (detail !== null) return sendProblem(res, { status: 403, detail });
      next(error);
    });
  };
}
