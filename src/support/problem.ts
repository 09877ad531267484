/** The one shape of an error of the admin API: RFC 9457 `application/problem+json`. Holds no secret. */

import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import type { Mistake } from '../model/errors.ts';

export interface Problem {
  readonly status: number;
  /** What happened, to whom, and what to do. */
  readonly detail: string;
  readonly errors?: readonly Mistake[];
}

/** Enough for a person to mend; a body of nothing but mistakes would otherwise be answered a hundredfold. */
export const ERRORS_MAX = 1_000;

/** `type` stays `about:blank`, so `title` is the status's own phrase (RFC 9457 §4.2.1). */
export function sendProblem(res: Response, problem: Problem): void {
  res
    .status(problem.status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: STATUS_CODES[problem.status] ?? 'Error',
        status: problem.status,
        detail: problem.detail,
        errors: problem.errors?.slice(0, ERRORS_MAX) ?? [],
        correlationId: res.locals.correlationId,
      }),
    );
}
