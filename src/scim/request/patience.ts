/**
 * Limits how long a request may take. A request of few operations gets its result or a refusal within 1.5 s, because
 * identity providers' own templates wait no longer. A refused request did nothing.
 */

import { type Db, dialectOf } from '../../db/open.ts';
import { answeredWithin, type Deadline, Late } from '../../directory/deadline.ts';
import { type Clock, ENOUGH } from '../../support/clock.ts';
import { ScimError } from '../answer/errors.ts';
import { field, isObject } from '../patch/operation.ts';

/** A request with more operations, or a larger body, has no limit. */
const OPERATIONS_MAX = 10;
const BODY_BYTES_MAX = 64 * 1024;

export const ANSWER_WITHIN_MS = 1_250;
/** For reading what an answer shows besides the written resource. */
const AFTER_COMMIT_MS = 150;

/** The time limits of a call. */
export interface Timed {
  /** When the call must be answered, by the clock; null: there is no limit. */
  readonly answerBy: number | null;
  /** The deadline of the operation under way. */
  readonly deadline?: Deadline;
}

export type Patience = ReturnType<typeof createPatience>;

export function createPatience(db: Db, clock: Clock, answerWithinMs: number) {
  const late = refusalOf(dialectOf(db) === 'sqlite');
  return {
    /** The limit of a call that comes now. */
    answerBy(body: unknown, bodyBytes: number): Timed['answerBy'] {
      const isShort = bodyBytes <= BODY_BYTES_MAX && operationsIn(body) <= OPERATIONS_MAX;
      return isShort ? clock.now() + answerWithinMs : null;
    },

    /** Throws ScimError 429 and 503 where the time is over; nothing was done then. */
    async inTime<C extends Timed, T>(call: C, work: (call: C) => Promise<T>): Promise<T> {
      if (call.answerBy === null) return work(call);
      try {
        const leftMs = Math.max(0, call.answerBy - clock.now());
        return await answeredWithin(clock, leftMs, (deadline) => work({ ...call, deadline }));
      } catch (error) {
        throw error instanceof Late ? late(error) : error;
      }
    },

    /** Undefined where `work` takes longer than the call may wait. */
    async afterCommit<T>(call: Timed, work: Promise<T>): Promise<T | undefined> {
      if (call.answerBy === null) return work;
      const leftMs = Math.max(0, call.answerBy - clock.now()) + AFTER_COMMIT_MS;
      const done = new AbortController();
      const over = clock.sleep(leftMs, done.signal).then(
        () => undefined,
        () => undefined,
      );
      return Promise.race([work, over]).finally(() => done.abort(ENOUGH));
    },
  };
}

function operationsIn(body: unknown): number {
  const operations = isObject(body) ? field(body, 'Operations') : undefined;
  return Array.isArray(operations) ? operations.length : 1;
}

/**
 * A request that waits for SQLite's one connection waits for other requests, and where the database has answered a
 * part, the rest was too much: both are overload, which identity providers retry by themselves. Otherwise the
 * database does not answer.
 */
function refusalOf(waitsForOthers: boolean): (error: Late) => ScimError {
  return ({ waited, heard }) =>
    heard || (waited && waitsForOthers)
      ? new ScimError(
          429,
          null,
          `Other requests take all of the ${ANSWER_WITHIN_MS} ms in which this one is to be answered; send it again shortly.`,
        )
      : new ScimError(503, null, 'The database does not answer just now; try again shortly.');
}
