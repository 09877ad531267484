/**
 * Decides what happens to a failed task, by the disposition of its error alone: the worker tries it again later,
 * parks it with the vendor's words, or leaves the whole store alone for a while.
 */

import { type DueTask, parkTask, retryLater } from '../db/queue/queue.ts';
import { upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { RemoteError } from '../model/errors.ts';
import type { Attempt } from '../settle/attempt.ts';
import { openUnsaidLeaver } from '../settle/leavers.ts';
import { answerOf, saysNothingDone } from '../settle/refusal.ts';
import { putOffForSeats } from '../settle/seats.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

/** What the worker does about the store. */
export type StoreReaction =
  | { readonly kind: 'goOn' }
  /** The vendor did not answer, or not as it should: after some failures in a row the worker waits. */
  | { readonly kind: 'trouble'; readonly error: RemoteError }
  /** The vendor limits the rate of these calls: the task waits, and others go on. */
  | { readonly kind: 'limited'; readonly ms: number }
  /** The vendor refuses the credential: the bridge pauses the store. */
  | { readonly kind: 'pause'; readonly error: RemoteError };

const GO_ON: StoreReaction = { kind: 'goOn' };

/** What an attempt's error means for the store. */
export function reactionTo(error: unknown): StoreReaction {
  if (!(error instanceof RemoteError)) return GO_ON;
  switch (error.disposition) {
    case 'unauthorized':
      return { kind: 'pause', error };
    case 'rateLimited':
      return { kind: 'limited', ms: limitedMs(error) };
    case 'transient':
    case 'unknownOutcome':
      return { kind: 'trouble', error };
    default:
      return GO_ON;
  }
}

/** What a run's error means for the store; no task is to blame. */
export function reactionToRun(error: RemoteError): StoreReaction {
  const reaction = reactionTo(error);
  return reaction.kind === 'goOn' ? { kind: 'trouble', error } : reaction;
}

/** How the store is doing, this failure included. */
export interface StoreStanding {
  /** How many attempts failed in a row, at whatever tasks. */
  readonly streak: number;
  /** So many subjects failed that the store is at fault. */
  readonly isInTrouble: boolean;
  /**
   * ISO time: when another subject was last served, before this attempt began; null where this worker knows of none.
   */
  readonly servedAt: string | null;
}

export async function settleFailure(
  attempt: Attempt,
  error: unknown,
  standing: StoreStanding,
): Promise<void> {
  if (!(error instanceof RemoteError)) return tryAgain(attempt, asInternal(attempt, error), standing, true);
  await openUnsaidLeaver(attempt);
  if (error.disposition === 'rateLimited') return putOff(attempt, error);
  if (saysNothingDone(error)) await attempt.withdrawIntent();
  if (attempt.untold) await tellOfReads(attempt, error);
  switch (error.disposition) {
    case 'unauthorized':
      return;
    case 'transient':
    case 'unknownOutcome':
      if (!error.unrecognised) return tryAgain(attempt, error, standing, false);
      return standing.isInTrouble ? waitForStore(attempt, error) : postpone(attempt, error, true);
    case 'waits':
      return error.retryAfterMs === undefined
        ? postpone(attempt, error, false)
        : later(attempt, error, {}, error.retryAfterMs);
    case 'missing':
      return postpone(attempt, error, true);
    case 'noSeats':
      return putOffForSeats(attempt, error);
    default:
      return giveUp(attempt, error);
  }
}

function limitedMs({ retryAfterMs = 1_000 }: RemoteError): number {
  return retryAfterMs;
}

/** The vendor turned the request away unread, or the bridge never sent it: no failure, and nothing to look for. */
async function putOff(attempt: Attempt, error: RemoteError): Promise<void> {
  const { task, deps } = attempt;
  const until = isoTime(deps.clock.now() + limitedMs(error));
  await attempt.record(async (tx) => {
    await attempt.callOff(tx);
    await retryLater(tx, task, until, { failedAt: task.failedAt, error: answerOf(error) });
  });
}

/** The attempt failed before its first change, so no event of a change lists its calls. */
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
  { streak, servedAt }: StoreStanding,
  always: boolean,
): Promise<void> {
  const { task, context } = attempt;
  const attempts =
    task.attempts + (always || othersSucceeded(task, [context.store.lastSuccessAt, servedAt]) ? 1 : 0);
  if (attempts >= context.settings.maxAttempts) return giveUp(attempt, error);
  await later(attempt, error, { attempts }, retryDelayMs(attempts, streak));
}

async function later(
  attempt: Attempt,
  error: RemoteError,
  counts: { readonly attempts?: number; readonly postponed?: number; readonly failing?: boolean },
  gapMs: number,
  warning: string | null = null,
): Promise<void> {
  const runAt = isoTime(attempt.deps.clock.now() + gapMs);
  const awaitsVendor = error.disposition === 'waits';
  const failure = { failedAt: attempt.now(), error: answerOf(error), awaitsVendor, ...counts };
  await attempt.record(async (tx) => {
    await retryLater(tx, attempt.task, runAt, failure);
    if (counts.failing) await sayFailed(tx, attempt, error);
    if (warning !== null) attempt.warn(warning, { reason: error.message });
  });
}

/** The vendor answers nobody. The task that is due first asks again when the store's own wait is over. */
function waitForStore(attempt: Attempt, error: RemoteError): Promise<void> {
  return later(attempt, error, {}, POSTPONE_FIRST_MS);
}

const POSTPONE_FIRST_MS = 1_000;
const POSTPONE_MAX_MS = 60 * 60_000;
const POSTPONE_JITTER = 0.1;

/** Milliseconds, doubled each time, up to an hour. */
export function postponeGapMs(postponed: number): number {
  const gapMs = Math.min(POSTPONE_MAX_MS, POSTPONE_FIRST_MS * 2 ** Math.min(postponed, 20));
  return Math.round(gapMs * (1 + POSTPONE_JITTER * (random() - 0.5)));
}

/**
 * Puts the task off; it is never given up. `fails`: after MAX_ATTEMPTS the status says `failed`. The gaps grow as
 * before, so that a leaver does not wait an hour where MAX_ATTEMPTS is small.
 */
async function postpone(attempt: Attempt, error: RemoteError, fails: boolean): Promise<void> {
  const { task, context } = attempt;
  const postponed = task.postponed + 1;
  const failing = fails && postponed >= context.settings.maxAttempts;
  await later(attempt, error, { postponed, failing }, postponeGapMs(task.postponed));
}

/** Where only the vendor was silent, nobody waits long once it answers again, least of all a leaver. */
export function retryDelayMs(attempts: number, streak: number): number {
  return Math.max(backoffMs(attempts), Math.min(backoffMs(streak), SILENCE_WAIT_MAX_MS));
}

/** Whether the failure is the task's own: the store served another subject in the meantime. */
function othersSucceeded({ failedAt, createdAt }: DueTask, served: readonly (string | null)[]): boolean {
  return served.some((at) => at !== null && at > (failedAt ?? createdAt));
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 20_000;
const SILENCE_WAIT_MAX_MS = 5_000;

/** Milliseconds: the limit doubles with each failure, and the wait is drawn at random below it, never 0. */
export function backoffMs(failures: number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(BACKOFF_FIRST_MS / 2 + random() * ceiling);
}

/**
 * Gives the task up, unless it is to take access from somebody: that is tried again with growing gaps, whatever the
 * vendor says.
 */
async function giveUp(attempt: Attempt, error: RemoteError): Promise<void> {
  if (!(await openUnsaidLeaver(attempt))) return park(attempt, error);
  const { postponed } = attempt.task;
  const warning = postponed === 0 ? 'a leaver is refused, and has access still' : null;
  await later(attempt, error, { postponed: postponed + 1, failing: true }, postponeGapMs(postponed), warning);
}

async function park(attempt: Attempt, error: RemoteError): Promise<void> {
  await attempt.record(async (tx) => {
    await parkTask(tx, attempt.task, {
      failedAt: attempt.now(),
      error: answerOf(error),
      unknownOutcome: error.disposition === 'transient' || error.disposition === 'unknownOutcome',
    });
    await sayFailed(tx, attempt, error);
    await attempt.event(tx, {
      kind: 'task.parked',
      outcome: 'failure',
      subject: attempt.task.subject,
      reason: error.message,
    });
  });
}

function sayFailed(tx: Parameters<typeof upsertSyncStatus>[0], attempt: Attempt, error: RemoteError) {
  const { store } = attempt.context;
  return upsertSyncStatus(tx, {
    since: attempt.now(),
    environmentId: store.environmentId,
    storeId: store.id,
    subject: attempt.task.subject,
    status: 'failed',
    reason: error.message,
    vendor: answerOf(error),
    correlationId: attempt.task.causes.at(-1) ?? null,
    lastSyncAt: attempt.now(),
  });
}
