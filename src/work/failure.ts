/**
 * What becomes of a task that failed, by the disposition of its error alone: again later, parked with the
 * vendor's words, or the whole store waits.
 */

import { type DueTask, parkTask, retryLater } from '../db/queue/queue.ts';
import { upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { RemoteError } from '../model/errors.ts';
import type { Attempt } from '../settle/attempt.ts';
import { answerOf } from '../settle/refusal.ts';
import { waitForSeats } from '../settle/seats.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

/** What the store's runner does next. */
export type StoreReaction =
  | { readonly kind: 'goOn' }
  /** The store did not answer well: leave it in peace for a while. */
  | { readonly kind: 'trouble' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The credential is bad: the store is to be paused. */
  | { readonly kind: 'pause'; readonly error: RemoteError };

/** What an error means for the store, where no task is to blame. */
export function reactionTo(error: RemoteError): StoreReaction {
  if (error.disposition === 'unauthorized') return { kind: 'pause', error };
  if (error.disposition === 'rateLimited') return { kind: 'wait', ms: error.retryAfterMs ?? 1_000 };
  return { kind: 'trouble' };
}

/** `streak`: failures of this store in a row, of whatever task. */
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
      await waitForSeats(attempt, error);
      return { kind: 'goOn' };
    default:
      await park(attempt, error);
      return { kind: 'goOn' };
  }
}

/** Nothing was to be changed yet; changes that fail have events of their own. */
function tellOfReads(attempt: Attempt, error: RemoteError): Promise<void> {
  const { subject } = attempt.task;
  const after = { disposition: error.disposition };
  return attempt.record((tx) =>
    attempt.event(tx, { kind: 'task.failed', outcome: 'failure', subject, reason: error.message, after }),
  );
}

/** A fault of ours: the task is tried again like any other, and parked if it goes on. */
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

/** A store's silence alone keeps nobody waiting for long once it is over, a leaver least of all. */
export function retryDelayMs(attempts: number, streak: number): number {
  return Math.max(backoffMs(attempts), Math.min(backoffMs(streak), SILENCE_WAIT_MAX_MS));
}

/** A failure says something about the task only where the store served another subject meanwhile. */
function othersSucceeded(lastSuccessAt: string | null, task: DueTask): boolean {
  return lastSuccessAt !== null && lastSuccessAt > (task.failedAt ?? task.createdAt);
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 20_000;
const SILENCE_WAIT_MAX_MS = 5_000;

/** Exponential with full jitter, but never at once. */
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
