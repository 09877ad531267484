/**
 * Authenticates bearer tokens (RFC 6750) through passport, before any body is parsed. It reads only the
 * `Authorization` header, and an outage of the database never counts as a bad token.
 */

import type { Request, RequestHandler, Response } from 'express';
import passport from 'passport';
import { Strategy } from 'passport-http-bearer';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import { OUTAGE_SECONDS } from '../support/retryAfter.ts';
import { type AddressLimit, isOneTooMany, TOO_MANY } from './addressLimit.ts';

export type Realm = 'scim' | 'admin';

export interface Bearer<Found> {
  readonly realm: Realm;
  readonly log: Log;
  readonly addressLimit: AddressLimit;
  /** What the token stands for; null for an unknown, expired or revoked one. Throws on an outage. */
  verify(token: string): Promise<Found | null>;
  /** Another way in, for callers without an `Authorization` header. */
  readonly session?: {
    /** null where the request has none. */
    secretOf(req: Request): string | null;
    /** As `verify`. */
    verify(secret: string): Promise<Found | null>;
  };
  /** The scopes that the request needs and the token lacks, where that is clear before the route is known. */
  missing?(found: Found, req: Request): readonly string[];
  /** Puts the principal into `res.locals`. */
  accept(found: Found, res: Response, correlationId: string): void;
  /** Answers in the form that clients of this realm understand. */
  refuse(res: Response, status: 401 | 403 | 429 | 503, detail: string): void;
}

export function bearer<Found extends object>(options: Bearer<Found>): RequestHandler {
  const { realm } = options;
  const passports = new passport.Passport();
  const verify = (token: string, done: (error: unknown, found?: Found | false) => void) => {
    options.verify(token).then(
      (found) => done(null, found ?? false),
      (error: unknown) => done(error),
    );
  };
  passports.use(realm, new Strategy({ realm }, verify));
  return (req, res, next) => {
    res.locals.correlationId ??= newId();
    const answer = (error: unknown, found: Found | false | undefined) => {
      if (error) return refuseOutage(options, res, error);
      if (!found) return void refuseToken(options, req, res).catch(next);
      options.accept(found, res, res.locals.correlationId);
      const missing = options.missing?.(found, req) ?? [];
      if (missing.length > 0) return refuseScope(options, res, missing);
      next();
    };
    const secret = req.headers.authorization === undefined ? options.session?.secretOf(req) : null;
    if (options.session && typeof secret === 'string') {
      options.session.verify(secret).then(
        (found) => answer(null, found ?? false),
        (error: unknown) => answer(error, undefined),
      );
      return;
    }
    // passport's strategy also takes `access_token` from the body or the query, where tokens end up in logs.
    const headersOnly = { headers: req.headers } as Request;
    passports.authenticate(realm, { session: false }, answer)(headersOnly, res, next);
  };
}

/**
 * While the database does not answer, the bridge knows nothing about the token. It answers 503: after a 401 an
 * identity provider would give the token up.
 */
function refuseOutage<Found>(options: Bearer<Found>, res: Response, error: unknown): void {
  const { correlationId } = res.locals;
  options.log.error({ err: error, correlationId }, `could not check a ${options.realm} token`);
  res.setHeader('Retry-After', String(OUTAGE_SECONDS));
  options.refuse(res, 503, 'The token could not be checked just now; try again shortly.');
}

const BAD_TOKEN =
  'The bearer token is not valid here: it is unknown, expired or revoked, or of another kind.';
const NO_TOKEN = 'A bearer token is missing: send the header Authorization: Bearer TOKEN.';

async function refuseToken<Found>(options: Bearer<Found>, req: Request, res: Response): Promise<void> {
  if (await isOneTooMany(options.addressLimit, req, res)) return options.refuse(res, 429, TOO_MANY);
  const given = req.headers.authorization !== undefined;
  const error = given ? ', error="invalid_token"' : '';
  res.setHeader('WWW-Authenticate', `Bearer realm="${options.realm}"${error}`);
  if (given) return options.refuse(res, 401, BAD_TOKEN);
  const hadSession = typeof options.session?.secretOf(req) === 'string';
  options.refuse(res, 401, hadSession ? 'The session has ended: sign in again.' : NO_TOKEN);
}

function refuseScope<Found>(options: Bearer<Found>, res: Response, missing: readonly string[]): void {
  challengeScope(res, options.realm, missing);
  options.refuse(res, 403, `The token lacks the scope ${missing.join(', ')}.`);
}

/** The challenge of a 403 (RFC 6750 §3.1), with the scopes that would have been enough, where known. */
export function challengeScope(res: Response, realm: Realm, scopes: readonly string[]): void {
  const scope = scopes.length > 0 ? `, scope="${scopes.join(' ')}"` : '';
  res.setHeader('WWW-Authenticate', `Bearer realm="${realm}", error="insufficient_scope"${scope}`);
}
