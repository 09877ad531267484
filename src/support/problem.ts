/** The one shape of an error of the admin API: RFC 9457 `application/problem+json`. Holds no secret. */

import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import type { Mistake } from '../model/errors.ts';

export interface Problem {
  readonly status: number;
  /** What happened, to whom, and what to do. */
  readonly detail: string;
  readonly errors?: readonly Mistake[];
  /** For programs, where the status alone does not tell what is the matter. */
  readonly code?: string | undefined;
  /** Further members (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * More than an admin can mend at once; without a limit a body full of mistakes would get an answer many times
 * its size.
 */
export const ERRORS_MAX = 1_000;

export const PROBLEM_TYPE = 'application/problem+json';

/** `type` stays `about:blank`, so `title` is the status's own phrase (RFC 9457 §4.2.1). */
export function problemBody(
  { status, detail, errors = [], code, members }: Problem,
  correlationId: string,
): object {
  return {
    ...members,
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(code === undefined ? {} : { code }),
    errors: errors.slice(0, ERRORS_MAX),
    correlationId,
  };
}

export function sendProblem(res: Response, problem: Problem): void {
  res
    .status(problem.status)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemBody(problem, res.locals.correlationId)));
}
