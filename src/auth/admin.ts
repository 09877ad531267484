/**
 * Who may use the admin API: a stored admin token, or `ADMIN_TOKEN` of the configuration exactly while it
 * is set. Refusals are `application/problem+json`.
 */

import type { RequestHandler } from 'express';
import type { Knex } from 'knex';
import { type AdminTokenRecord, touchAdminToken } from '../db/access/adminTokens.ts';
import type { Cause } from '../model/cause.ts';
import type { Clock } from '../support/clock.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { sendProblem } from '../support/problem.ts';
import type { AddressLimit } from './addressLimit.ts';
import { bearer } from './bearer.ts';
import type { KnownTokens } from './knownTokens.ts';
import { lastUsedNotes } from './lastUsed.ts';
import { ADMIN_SCOPES, type AdminScope } from './scopes.ts';
import { sameToken } from './tokens.ts';
import { endedTokenNotes } from './warnings.ts';

/** `res.locals.admin` of every request that got through. */
export interface AdminPrincipal {
  readonly cause: Cause;
  readonly scopes: ReadonlySet<AdminScope>;
  /** The one environment that the token may see; null: every environment. */
  readonly environmentId: string | null;
}

export interface AdminAuthDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: KnownTokens;
  readonly addressLimit: AddressLimit;
  /** `ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: string | null;
}

/** `ADMIN_TOKEN` as if it were a row. */
const FROM_CONFIGURATION: AdminTokenRecord = {
  id: 'env',
  name: 'ADMIN_TOKEN',
  scopes: ADMIN_SCOPES,
  environmentId: null,
  createdAt: isoTime(0),
  validUntil: null,
  lastUsedAt: null,
};

/** Mount it at `/v1`, before any body parser. Sets `res.locals.admin`. */
export function createAdminAuthenticator(deps: AdminAuthDeps): RequestHandler {
  const { db, clock, log, tokens, addressLimit, adminToken } = deps;
  const noteUse = lastUsedNotes(clock, log, (tokenId, at) => touchAdminToken(db, tokenId, at));
  const noteEnded = endedTokenNotes(clock, log);
  return bearer({
    realm: 'admin',
    log,
    addressLimit,
    verify: async (given) => {
      if (adminToken !== null && sameToken(given, adminToken)) return FROM_CONFIGURATION;
      const token = await tokens.admin(given);
      if (token === null || token.validUntil === null || token.validUntil > isoTime(clock.now()))
        return token;
      noteEnded({ id: token.id, name: token.name, validUntil: token.validUntil });
      return null;
    },
    accept: (token, res, correlationId) => {
      res.locals.admin = {
        cause: { correlationId, actor: { type: 'admin', id: token.id, name: token.name } },
        scopes: new Set(token.scopes),
        environmentId: token.environmentId,
      } satisfies AdminPrincipal;
      if (token !== FROM_CONFIGURATION) noteUse(res, token.id);
    },
    refuse: (res, status, detail) => sendProblem(res, { status, detail }),
  });
}
