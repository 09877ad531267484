/**
 * Answers every failure as a SCIM error (RFC 7644 §3.12) with exactly four keys, because clients are strict. An
 * outage is 5xx and never 404: an identity provider that reads 404 forgets or recreates the user.
 */

import type { RequestHandler, Response } from 'express';
import { isDatabaseOutage } from '../../db/outage.ts';
import { FilterError, PathError } from '../../directory/query/ast.ts';
import { ScanRefused } from '../../directory/query/scans.ts';
import { DirectoryRefusal, type RefusalReason } from '../../directory/refusal.ts';
import { SCIM_TYPE, type ScimErrorBody, type ScimType, scimErrorBody } from '../../support/scimError.ts';
import { PatchError } from '../patch/error.ts';

export class ScimError extends Error {
  readonly status: number;
  readonly scimType: ScimType | null;

  constructor(status: number, scimType: ScimType | null, detail: string) {
    super(detail);
    this.name = 'ScimError';
    this.status = status;
    this.scimType = scimType;
  }
}

export function errorBody(error: ScimError): ScimErrorBody {
  return scimErrorBody(error.status, error.scimType, error.message);
}

const REFUSALS: Record<RefusalReason, readonly [number, ScimType | null]> = {
  notFound: [404, null],
  versionMismatch: [412, null],
  taken: [409, 'uniqueness'],
  invalidValue: [400, 'invalidValue'],
};

/** The error for the client. An unexpected one becomes a 500 that reveals nothing. */
export function toScimError(error: unknown): ScimError {
  if (error instanceof ScimError) return error;
  if (error instanceof DirectoryRefusal) {
    const [status, scimType] = REFUSALS[error.reason];
    return new ScimError(status, scimType, error.message);
  }
  if (error instanceof FilterError || error instanceof PathError) {
    return new ScimError(400, error.scimType, error.message);
  }
  if (error instanceof ScanRefused) return new ScimError(429, null, error.message);
  if (error instanceof PatchError) return new ScimError(400, error.scimType, error.message);
  if (isDatabaseOutage(error)) {
    return new ScimError(503, null, 'The database does not answer just now; try again shortly.');
  }
  return (
    fromHttpError(error) ??
    new ScimError(
      500,
      null,
      'The request failed inside the bridge; its log has the reason under the X-Correlation-Id.',
    )
  );
}

/** For a malformed URL, Express throws an error with a `status`. */
function fromHttpError(error: unknown): ScimError | null {
  const { status } = (error ?? {}) as { status?: unknown };
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  return new ScimError(status, status === 400 ? 'invalidSyntax' : null, 'The request cannot be read.');
}

/** `retryAfter`: in seconds, for 429 and 503. */
export function sendError(res: Response, error: ScimError, retryAfter: number | null = null): void {
  if (retryAfter !== null) res.setHeader('Retry-After', String(retryAfter));
  res.locals.refusal = error.message;
  sendJson(res, error.status, errorBody(error));
}

/** SCIM answers have this content type, whatever the request accepts (RFC 7644 §3.1). */
export function sendJson(res: Response, status: number, body: object): void {
  res.status(status).type(SCIM_TYPE).send(JSON.stringify(body));
}

/** Mounted after the methods of a path. */
export function notAllowed(allowed: string): RequestHandler {
  return (req, res, next) => {
    res.setHeader('Allow', allowed);
    next(new ScimError(405, null, `${req.method} is not possible here; allowed: ${allowed}.`));
  };
}
