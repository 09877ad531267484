/**
 * For a vendor that has no seats left. The bridge tries one creation again with growing gaps, and other creations
 * wait for it without a call. Nothing but creations waits.
 */

import { endBackoff, retryLater } from '../db/queue/queue.ts';
import { hasCreatedSince } from '../db/seen/linkLists.ts';
import { forgetSeatRefusals, recordSeatRefusal } from '../db/stores/storeProgress.ts';
import type { Plan } from '../model/change.ts';
import { RemoteError } from '../model/errors.ts';
import { recheckGapMs } from '../stores/check.ts';
import { isoTime } from '../support/clock.ts';
import type { Attempt } from './attempt.ts';
import { SEATS_KEY } from './gate/claims.ts';
import { answerOf } from './refusal.ts';
import { applyRepairs, type Repair } from './repairs.ts';

/**
 * Turns the error of a failed creation into `noSeats` where the vendor may hide that it has none: it said so before,
 * or the same creation failed twice, with a look in between, and no other creation succeeded meanwhile.
 */
export async function withSeatsTold({ context, db, task }: Attempt, error: unknown): Promise<unknown> {
  if (!(error instanceof RemoteError) || !error.mayLackSeats) return error;
  if (context.store.seatRefusals === 0) {
    const isRepeated = task.intent?.ops.includes('create') ?? false;
    if (!isRepeated || task.failedAt === null) return error;
    if (await hasCreatedSince(db, context.store.id, task.failedAt)) return error;
  }
  const { store, action, status, code } = error;
  const message = `${error.message}; it answers so to each creation, as it does where it has no seats left`;
  return new RemoteError(message, { store, action, status, code, disposition: 'noSeats' });
}

/** The vendor refused a creation. The gaps are those between checks of a paused store. */
export async function putOffForSeats(attempt: Attempt, error: RemoteError): Promise<void> {
  const { store } = attempt.context;
  const until = isoTime(attempt.deps.clock.now() + recheckGapMs(store.seatRefusals));
  await attempt.record(async (tx) => {
    await retryLater(tx, attempt.task, until, { ...failureOf(attempt), error: answerOf(error) });
    // Of several refusals at once, the first one writes the event.
    if (!(await recordSeatRefusal(tx, store.id, store.seatRefusals, until))) return;
    const after = { creationsWaitUntil: until };
    await attempt.event(tx, { kind: 'store.noSeats', outcome: 'failure', reason: error.message, after });
  });
}

/** True where the plan has a creation that must wait: the task is put off, and the attempt is over. */
export async function waitsForSeats(
  attempt: Attempt,
  { changes }: Plan,
  repairs: readonly Repair[],
): Promise<boolean> {
  const { creationsWaitUntil: until } = attempt.context.store;
  if (until === null || !changes.some(({ op }) => op === 'create')) return false;
  if (until <= attempt.now()) {
    attempt.claim.take([SEATS_KEY]);
    return false;
  }
  const message = `${attempt.context.store.name} has no seats left; creations wait`;
  const error = { status: null, code: 'no_seats', message };
  await attempt.record(async (tx) => {
    await applyRepairs(tx, attempt, repairs);
    await retryLater(tx, attempt.task, until, { ...failureOf(attempt), error });
  });
  return true;
}

function failureOf(attempt: Attempt) {
  return { attempts: attempt.task.attempts, failedAt: attempt.now(), awaitsVendor: true };
}

/** A creation succeeded, so those that wait are due. Part of the transaction that records it. */
export async function endWaitForSeats(tx: Parameters<typeof endBackoff>[0], attempt: Attempt): Promise<void> {
  const { store } = attempt.context;
  if (store.creationsWaitUntil === null) return;
  await forgetSeatRefusals(tx, store.id);
  await endBackoff(tx, store.id, attempt.now());
}
