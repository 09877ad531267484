/**
 * A vendor's lasting "you may not touch this". The status and the audit log name it. The bridge does not try it
 * again, unless it is a loss.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import { scheduleRetry } from '../db/queue/rechecks.ts';
import type { VendorAnswer } from '../db/seen/syncStatuses.ts';
import { type Change, endsAccess } from '../model/change.ts';
import { RemoteError } from '../model/errors.ts';
import { isoTime } from '../support/clock.ts';
import type { Attempt } from './attempt.ts';

export interface Refusal {
  readonly reason: string;
  readonly vendor: VendorAnswer | null;
}

/** Records and answers the refusal of a protected account, or of a group's new name; throws every other error. */
export async function forbiddenAsSkip(
  attempt: Attempt,
  change: Change,
  calls: readonly VendorCall[],
  error: unknown,
): Promise<Refusal> {
  if (!(error instanceof RemoteError)) throw error;
  await recordFailure(attempt, change, calls, error);
  const isRename = isRefusedRename(change, error);
  if (error.disposition !== 'forbidden' && !isRename) throw error;
  await attempt.withdrawIntent();
  if (!isRename) await attempt.ruleOutCredential(error, change.op === 'create' || endsAccess(change));
  attempt.wasRefused = true;
  return { reason: error.message, vendor: answerOf(error) };
}

const OWED_GAP_MIN_MS = 5_000;
const OWED_GAP_MAX_MS = 60 * 60_000;

/**
 * Schedules the next try of a loss that the vendor has refused since then. The gap is as long as the bridge has tried
 * already, and an hour at most. Part of the transaction that concludes the attempt.
 */
export function retryOwed(tx: Db, { task, deps }: Attempt, since: string): Promise<void> {
  const { environmentId, storeId, subject, causes } = task;
  const now = deps.clock.now();
  const gapMs = Math.min(OWED_GAP_MAX_MS, Math.max(OWED_GAP_MIN_MS, now - Date.parse(since)));
  const look = { environmentId, storeId, subject, at: isoTime(now + gapMs) };
  return scheduleRetry(tx, { ...look, correlationId: causes.at(-1) ?? null });
}

/** A refused new name does not stop the changes of the group's members. */
function isRefusedRename({ op, subject }: Change, { disposition }: RemoteError): boolean {
  return disposition === 'rejected' && op === 'update' && subject.kind === 'group';
}

/** The vendor answered that it did nothing, so what is found there is somebody else's doing. */
export function saysNothingDone(error: unknown): error is RemoteError {
  return error instanceof RemoteError && NOTHING_DONE.includes(error.disposition);
}

const NOTHING_DONE: readonly RemoteError['disposition'][] = ['unauthorized', 'waits', 'missing'];

export function answerOf(error: RemoteError): VendorAnswer {
  return { status: error.status ?? null, code: error.code ?? null, message: error.message };
}

async function recordFailure(
  attempt: Attempt,
  change: Change,
  calls: readonly VendorCall[],
  error: RemoteError,
): Promise<void> {
  // Nothing was sent.
  if (error.disposition === 'rateLimited' && calls.length === 0) return;
  await attempt.record((tx) =>
    attempt.changeEvent(tx, change, {
      outcome: 'failure',
      calls,
      reason: error.message,
      after: { disposition: error.disposition },
    }),
  );
}
