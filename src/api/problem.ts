/**
 * Errors of the admin API. A refusal says what to do. Anything unexpected is a 500 that shows only a correlation id,
 * under which the log has the details.
 */

import type { ErrorRequestHandler, RequestHandler } from 'express';
import { challengeScope } from '../auth/bearer.ts';
import { isDatabaseOutage } from '../db/outage.ts';
import { ScanRefused } from '../directory/query/scans.ts';
import { RequestError } from '../model/errors.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { sendProblem } from '../support/problem.ts';
import { createOverload, OUTAGE_SECONDS } from '../support/retryAfter.ts';

/** For statuses that HTTP itself demands and no use case throws. */
export class HttpError extends Error {
  readonly status: 405 | 413 | 415;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: HttpError['status'], message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

/** Mounted last: answers requests that no route took. */
export const unknownRoute: RequestHandler = (req) => {
  throw new RequestError(404, `There is nothing at ${req.baseUrl}${req.path}.`);
};

export function problemHandler(log: Log, clock: Clock): ErrorRequestHandler {
  const overload = createOverload(clock);
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof RequestError) {
      if (error.status === 403) challengeScope(res, 'admin', []);
      if (error.status === 401) res.set('WWW-Authenticate', 'Bearer realm="admin", error="invalid_token"');
      const { status, message: detail, errors, code, retryAfterSeconds, members } = error;
      if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
      return sendProblem(res, { status, detail, errors, code, members });
    }
    if (error instanceof HttpError) {
      res.set(error.headers);
      return sendProblem(res, { status: error.status, detail: error.message });
    }
    if (error instanceof ScanRefused) {
      res.set('Retry-After', String(overload(res.locals.admin.cause.actor.id)));
      return sendProblem(res, { status: 429, detail: error.message });
    }
    const refused = refusedByExpress(error);
    if (refused) return sendProblem(res, refused);
    const correlationId: unknown = res.locals.correlationId;
    log.error({ err: error, correlationId }, 'an admin request failed unexpectedly');
    if (isDatabaseOutage(error)) {
      res.setHeader('Retry-After', String(OUTAGE_SECONDS));
      return sendProblem(res, { status: 503, detail: 'The database does not answer just now; try again.' });
    }
    sendProblem(res, {
      status: 500,
      detail: `Something went wrong in the bridge; its log says what under the correlation id ${correlationId}.`,
    });
  };
}

/** Express and its body parser mark the errors of a bad request with a 4xx status. */
function refusedByExpress(error: unknown): { status: number; detail: string } | null {
  const { status, type, limit } = (error ?? {}) as { status?: unknown; type?: unknown; limit?: unknown };
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  if (type === 'entity.parse.failed') return { status, detail: 'The body is not a JSON object.' };
  if (type === 'entity.too.large')
    return { status, detail: `The body is larger than the limit of ${limit} bytes.` };
  return { status, detail: 'The request could not be read.' };
}
