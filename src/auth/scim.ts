/**
 * Decides who may use the SCIM endpoint: the token names its connection, and so its environment. Refusals are SCIM
 * errors (RFC 7644 §3.12) with exactly the keys that strict clients accept.
 */

import type { RequestHandler, Response } from 'express';
import type { Knex } from 'knex';
import { touchScimToken } from '../db/access/scimTokens.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { Cause } from '../model/cause.ts';
import type { Clock } from '../support/clock.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { SCIM_TYPE, scimErrorBody } from '../support/scimError.ts';
import type { AddressLimit } from './addressLimit.ts';
import { bearer } from './bearer.ts';
import type { KnownTokens } from './knownTokens.ts';
import { lastUsedNotes } from './lastUsed.ts';
import { requiredScimScopes } from './scopes.ts';

/** `res.locals.scim` of every accepted request. */
export interface ScimPrincipal {
  readonly cause: Cause;
  readonly connection: ConnectionRecord;
  readonly scopes: ReadonlySet<string>;
}

export interface ScimAuthDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: KnownTokens;
  readonly addressLimit: AddressLimit;
}

/** Mount it at `/scim/v2`, before any body parser. Sets `res.locals.scim`. */
export function createScimAuthenticator({
  db,
  clock,
  log,
  tokens,
  addressLimit,
}: ScimAuthDeps): RequestHandler {
  const noteUse = lastUsedNotes(clock, log, (tokenId, at) => touchScimToken(db, tokenId, at));
  return bearer({
    realm: 'scim',
    log,
    addressLimit,
    verify: async (given) => {
      const found = await tokens.scim(given);
      const validUntil = found?.token.validUntil ?? null;
      return validUntil === null || validUntil > isoTime(clock.now()) ? found : null;
    },
    missing: ({ token }, req) =>
      requiredScimScopes(req.method, req.path).filter((scope) => !token.scopes.includes(scope)),
    accept: ({ token, connection }, res, correlationId) => {
      const actor = { type: 'connection', id: connection.id, name: connection.name } as const;
      res.locals.scim = {
        cause: { correlationId, actor },
        connection,
        scopes: new Set(token.scopes),
      } satisfies ScimPrincipal;
      noteUse(res, token.id);
    },
    refuse: sendScimRefusal,
  });
}

function sendScimRefusal(res: Response, status: number, detail: string): void {
  res.locals.refusal = detail;
  res
    .status(status)
    .type(SCIM_TYPE)
    .send(JSON.stringify(scimErrorBody(status, null, detail)));
}
