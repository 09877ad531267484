/** The form of every error of the admin API: RFC 9457 `application/problem+json`. It holds no secret. */

import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import type { Mistake } from '../model/errors.ts';

export interface Problem {
  readonly status: number;
  /** What happened, to what, and what the caller can do. */
  readonly detail: string;
  readonly errors?: readonly Mistake[];
  /** For programs, where the status alone does not tell the problem. */
  readonly code?: string | undefined;
  /** Further members (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * More than an admin can fix at once. Without a limit, a body full of mistakes would get an answer many times its
 * size.
 */
export const ERRORS_MAX = 1_000;

export const PROBLEM_TYPE = 'application/problem+json';

/** `type` stays `about:blank`, so `title` is the phrase of the status (RFC 9457 §4.2.1). */
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
