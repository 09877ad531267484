/**
 * Decides what becomes of a task that failed, by the disposition of its error alone: the worker tries it again
 * later, parks it with the vendor's words, or leaves the whole store alone for a while.
 */

import { type DueTask, parkTask, retryLater } from '../db/queue/queue.ts';
import { upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { RemoteError } from '../model/errors.ts';
import type { Attempt } from '../settle/attempt.ts';
import { answerOf } from '../settle/refusal.ts';
import { putOffForSeats } from '../settle/seats.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

/** What the worker does about the store. */
export type StoreReaction =
  | { readonly kind: 'goOn' }
  /** The vendor did not answer, or not well: after some failures in a row the worker waits. */
  | { readonly kind: 'trouble' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The vendor refuses the credential: the bridge pauses the store. */
  | { readonly kind: 'pause'; readonly error: RemoteError };

/** What an error of a run means for the store: no task is to blame. */
export function reactionTo(error: RemoteError): StoreReaction {
  if (error.disposition === 'unauthorized') return { kind: 'pause', error };
  if (error.disposition === 'rateLimited') return { kind: 'wait', ms: error.retryAfterMs ?? 1_000 };
  return { kind: 'trouble' };
}

/** `streak`: how many attempts at tasks of this store failed in a row, whatever the task. */
export async function settleFailure(
  attempt: Attempt,
  error: unknown,
  streak: number,
): Promise<StoreReaction> {
  if (!(error instanceof RemoteError)) {
    await tryAgain(attempt, asInternal(attempt, error), streak, true);
    return { kind: 'goOn' };
  }
  if (attempt.untold) await tellOfReads(attempt, error);
  switch (error.disposition) {
    case 'unauthorized':
      return { kind: 'pause', error };
    case 'rateLimited':
      return { kind: 'wait', ms: error.retryAfterMs ?? 1_000 };
    case 'transient':
    case 'unknownOutcome':
      await tryAgain(attempt, error, streak, false);
      return { kind: 'trouble' };
    case 'noSeats':
      await putOffForSeats(attempt, error);
      return { kind: 'goOn' };
    default:
      await park(attempt, error);
      return { kind: 'goOn' };
  }
}

/** The attempt failed before its first change, so that no event of a change tells of its calls. */
function tellOfReads(attempt: Attempt, error: RemoteError): Promise<void> {
  const { subject } = attempt.task;
  const after = { disposition: error.disposition };
  return attempt.record((tx) =>
    attempt.event(tx, { kind: 'task.failed', outcome: 'failure', subject, reason: error.message, after }),
  );
}

/** The bridge itself is at fault: it tries the task again like any other, and parks it in the end. */
function asInternal(attempt: Attempt, cause: unknown): RemoteError {
  return new RemoteError('the bridge failed on this task; its log says why', {
    store: attempt.context.store.type,
    action: `settle ${attempt.task.subject.kind} ${attempt.task.subject.id}`,
    disposition: 'transient',
    code: 'internal',
    cause,
  });
}

async function tryAgain(
  attempt: Attempt,
  error: RemoteError,
  streak: number,
  always: boolean,
): Promise<void> {
  const { task, context, deps } = attempt;
  const attempts = task.attempts + (always || othersSucceeded(context.store.lastSuccessAt, task) ? 1 : 0);
  if (attempts >= context.settings.maxAttempts) return park(attempt, error);
  const runAt = isoTime(deps.clock.now() + retryDelayMs(attempts, streak));
  await attempt.record((tx) =>
    retryLater(tx, task, runAt, { attempts, failedAt: attempt.now(), error: answerOf(error) }),
  );
}

/** Where only the vendor was silent, nobody should wait for long once it speaks again, a leaver least of all. */
export function retryDelayMs(attempts: number, streak: number): number {
  return Math.max(backoffMs(attempts), Math.min(backoffMs(streak), SILENCE_WAIT_MAX_MS));
}

/** A failure is the task's own only where the store served another subject in the meantime. */
function othersSucceeded(lastSuccessAt: string | null, task: DueTask): boolean {
  return lastSuccessAt !== null && lastSuccessAt > (task.failedAt ?? task.createdAt);
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 20_000;
const SILENCE_WAIT_MAX_MS = 5_000;

/** Milliseconds, doubled with each failure and drawn at random below that, but never 0. */
export function backoffMs(failures: number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(BACKOFF_FIRST_MS / 2 + random() * ceiling);
}

async function park(attempt: Attempt, error: RemoteError): Promise<void> {
  const { store } = attempt.context;
  await attempt.record(async (tx) => {
    await parkTask(tx, attempt.task, {
      failedAt: attempt.now(),
      error: answerOf(error),
      unknownOutcome: error.disposition === 'transient' || error.disposition === 'unknownOutcome',
    });
    await upsertSyncStatus(tx, {
      environmentId: store.environmentId,
      storeId: store.id,
      subject: attempt.task.subject,
      status: 'failed',
      reason: error.message,
      vendor: answerOf(error),
      correlationId: attempt.task.causes.at(-1) ?? null,
      lastSyncAt: attempt.now(),
    });
    await attempt.event(tx, {
      kind: 'task.parked',
      outcome: 'failure',
      subject: attempt.task.subject,
      reason: error.message,
    });
  });
}
