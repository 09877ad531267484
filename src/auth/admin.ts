/**
 * Decides who may use the admin API: a stored admin token, `ADMIN_TOKEN` of the configuration while it is set, or a
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
import { findSession, sessionCookie, whyForged } from './sessions.ts';
import { sameToken } from './tokens.ts';
import { endedTokenNotes } from './warnings.ts';

/** `res.locals.admin` of every accepted request. */
export interface AdminPrincipal {
  readonly cause: Cause;
  readonly scopes: ReadonlySet<AdminScope>;
  /** The one environment that the token may see; null: every environment. */
  readonly environmentId: string | null;
  /** The session with which the caller came; null for a token. */
  readonly session: SessionRecord | null;
  /** For work that outlives the request: false once the token or session has ended. */
  stillHolds(): Promise<boolean>;
}

export interface AdminAuthDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: KnownTokens;
  readonly addressLimit: AddressLimit;
  /** `ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: string | null;
  /** The pages to which sessions belong. */
  readonly publicUrl: string;
}

interface Admitted {
  readonly token: AdminTokenRecord;
  readonly session: SessionRecord | null;
}

function repeatable(find: (secret: string) => Promise<Admitted | null>) {
  return async (secret: string) => {
    const found = await find(secret);
    return found && { ...found, stillHolds: async () => (await find(secret)) !== null };
  };
}

/** Also finds tokens that have ended. */
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
  const byToken = async (given: string): Promise<Admitted | null> => {
    const token = await findAdminToken(deps, given);
    if (token === null) return null;
    if (token.validUntil === null || token.validUntil > isoTime(clock.now())) {
      return { token, session: null };
    }
    noteEnded({ id: token.id, name: token.name, validUntil: token.validUntil });
    return null;
  };
  const bySecret = (secret: string) => findSession(deps, 'session', secret);
  const authenticate = bearer<Admitted & Pick<AdminPrincipal, 'stillHolds'>>({
    realm: 'admin',
    log,
    addressLimit,
    verify: repeatable(byToken),
    session: { secretOf: sessionCookie, verify: repeatable(bySecret) },
    accept: ({ token, session, stillHolds }, res, correlationId) => {
      res.locals.admin = {
        cause: { correlationId, actor: { type: 'admin', id: token.id, name: token.name } },
        scopes: new Set(token.scopes),
        environmentId: token.environmentId,
        session,
        stillHolds,
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
