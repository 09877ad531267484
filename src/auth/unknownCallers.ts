/**
 * Limits callers where no token is needed. A caller with a known token passes. All others are counted by address,
 * together with those who bring a wrong token where one is needed.
 */

import type { Request, RequestHandler, Response } from 'express';
import { isoTime } from '../support/clock.ts';
import { type AddressLimit, isOneTooMany, TOO_MANY } from './addressLimit.ts';
import type { KnownTokens } from './knownTokens.ts';
import { findSession, type SessionDeps, sessionCookie } from './sessions.ts';
import { sameToken } from './tokens.ts';

export interface UnknownCallerDeps extends SessionDeps {
  readonly tokens: KnownTokens;
  readonly addressLimit: AddressLimit;
}

/** Answers 429 in the form that the client expects. */
export type RefuseUnknown = (req: Request, res: Response, detail: string) => void;

/** Mounted before everything that answers without a token. */
export function limitUnknownCallers(deps: UnknownCallerDeps, refuse: RefuseUnknown): RequestHandler {
  return async (req, res, next) => {
    if (await isKnown(deps, req)) res.locals.hasPassedLimit = true;
    else if (await isOneTooMany(deps.addressLimit, req, res)) return refuse(req, res, TOO_MANY);
    next();
  };
}

/**
 * While the database does not answer, no caller is known: the bridge then answers what needs no token, up to the
 * limit.
 */
async function isKnown(deps: UnknownCallerDeps, { headers }: Request): Promise<boolean> {
  try {
    if (headers.authorization !== undefined) return await isKnownToken(deps, headers.authorization);
    const secret = sessionCookie({ headers });
    return secret !== null && (await findSession(deps, 'session', secret)) !== null;
  } catch {
    return false;
  }
}

async function isKnownToken(
  { clock, tokens, adminToken }: UnknownCallerDeps,
  authorization: string,
): Promise<boolean> {
  const [, token] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
  if (token === undefined) return false;
  if (adminToken !== null && sameToken(token, adminToken)) return true;
  const found = await tokens.scimOrAdmin(token);
  return found !== null && (found.validUntil === null || found.validUntil > isoTime(clock.now()));
}
