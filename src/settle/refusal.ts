/**
 * A vendor's lasting "you may not touch this": said in the status and the audit log. It is not tried again, unless
 * something is to be taken there.
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

/** Records the refusal of a protected account, or of a group's new name, and answers it; every other error is thrown on. */
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
  if (!isRename) await attempt.settleDoubt(error, change.op === 'create' || endsAccess(change));
  attempt.wasRefused = true;
  return { reason: error.message, vendor: answerOf(error) };
}

const OWED_GAP_MIN_MS = 5_000;
const OWED_GAP_MAX_MS = 60 * 60_000;

/**
 * What the vendor refused to take from the subject is still owed since then: it is asked again after as long as it was
 * asked for already, within the hour. Part of the transaction that concludes the attempt.
 */
export function retryOwed(tx: Db, { task, deps }: Attempt, since: string): Promise<void> {
  const { environmentId, storeId, subject, causes } = task;
  const now = deps.clock.now();
  const gapMs = Math.min(OWED_GAP_MAX_MS, Math.max(OWED_GAP_MIN_MS, now - Date.parse(since)));
  const look = { environmentId, storeId, subject, at: isoTime(now + gapMs) };
  return scheduleRetry(tx, { ...look, correlationId: causes.at(-1) ?? null });
}

/** A group that keeps its name does not keep its members from what is to become of them. */
function isRefusedRename({ op, subject }: Change, { disposition }: RemoteError): boolean {
  return disposition === 'rejected' && op === 'update' && subject.kind === 'group';
}

/** The vendor answered that it did nothing. Whatever is found there, somebody else did. */
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
  // Nothing was sent, so that nothing happened.
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
