/** How a task ends when nothing failed: the subject's status, and whether the task waits, is rechecked or is over. */

import type { Db } from '../db/open.ts';
import { completeTask, holdTask, recheckTask } from '../db/queue/queue.ts';
import { replaceKeyWaits } from '../db/seen/keys.ts';
import { getLink } from '../db/seen/links.ts';
import type { Standing } from '../db/seen/standing.ts';
import {
  deleteSyncStatus,
  type SyncStatus,
  type SyncStatusRecord,
  type VendorAnswer,
} from '../db/seen/syncStatuses.ts';
import { recordingSuccess } from '../db/stores/storeProgress.ts';
import { send } from '../db/transaction.ts';
import type { Skip } from '../model/change.ts';
import { isoTime } from '../support/clock.ts';
import type { Attempt } from './attempt.ts';
import { reasonOf } from './driftStatus.ts';
import type { OwnWait } from './keys/order.ts';
import { type Leaving, settleLeaver } from './leavers.ts';
import { retryOwed } from './refusal.ts';

export interface Outcome {
  readonly heldReasons: readonly string[];
  readonly skipped: readonly Skip[];
  /** The vendor's refusals of single changes. */
  readonly refusals?: readonly { readonly reason: string; readonly vendor: VendorAnswer | null }[];
  /** Why the subject waits for another one to give up a key. */
  readonly waiting?: readonly string[];
  /** After how long the subject looks again by itself whether it still has to wait. */
  readonly waitMs?: number;
  /** It waits for the vendor, and nobody knows for how long. */
  readonly awaitsVendor?: boolean;
  /** The waits for keys that others have: as they are remembered, and as they are from now on. */
  readonly keyWaits?: { readonly known: readonly OwnWait[]; readonly now: readonly OwnWait[] };
  /** ISO time: since when the vendor refuses a loss that is still owed; null where it refuses none. */
  readonly owedSince?: string | null;
  /** Nothing is left of the subject on this store, so the bridge forgets its status. */
  readonly forgotten?: boolean;
  /** For a person only. */
  readonly leaving?: Leaving;
}

/** The subject's status before and after. */
export interface StatusChange {
  readonly before: Pick<SyncStatusRecord, 'status' | 'reason'> | null;
  readonly after: Pick<SyncStatusRecord, 'status' | 'reason'>;
}

/** `standing`: the status as this transaction found it. */
export async function conclude(
  tx: Db,
  attempt: Attempt,
  outcome: Outcome,
  { said: before, link }: Standing,
): Promise<StatusChange> {
  const { store } = attempt.context;
  // A write may have ended the drift, and never starts any.
  const drift = link?.hasDrift ? ((await getLink(tx, store.id, attempt.task.subject))?.drift ?? null) : null;
  const status = statusOf(outcome, reasonOf(drift));
  let said: SyncStatusRecord | null = null;
  if (outcome.forgotten && status.status === 'synced') {
    await deleteSyncStatus(tx, store.id, attempt.task.subject);
  } else {
    said = {
      since: attempt.now(),
      environmentId: store.environmentId,
      storeId: store.id,
      subject: attempt.task.subject,
      ...status,
      correlationId: attempt.task.causes.at(-1) ?? before?.correlationId ?? null,
      lastSyncAt: attempt.now(),
    };
  }
  await explain(tx, attempt, outcome, before, status.reason);
  if (outcome.keyWaits) await rememberKeyWaits(tx, attempt, outcome.keyWaits);
  if (attempt.asked && attempt.deps.notesSuccess())
    await send(tx, [recordingSuccess(store.id, attempt.now())]);
  const undone = { isHeld: outcome.heldReasons.length > 0, isRefused: (outcome.refusals ?? []).length > 0 };
  const recheckAt = outcome.leaving ? await settleLeaver(tx, attempt, outcome.leaving, undone) : null;
  if (outcome.owedSince) await retryOwed(tx, attempt, outcome.owedSince);
  const waits = (outcome.waiting ?? []).length > 0;
  const dueAt = [
    recheckAt,
    waits ? isoTime(attempt.deps.clock.now() + (outcome.waitMs ?? WAIT_MAX_MS)) : null,
  ]
    .filter((at) => at !== null)
    .sort()[0];
  const ending = { said, events: attempt.takeEvents() };
  // A held task makes no other task wait.
  if (status.status === 'held' && !waits) await holdTask(tx, attempt.task, ending);
  else if (dueAt !== undefined) {
    const { awaitsVendor = false } = outcome;
    await recheckTask(tx, attempt.task, { runAt: dueAt, awaitsVendor }, ending);
  } else await completeTask(tx, attempt.task, ending);
  return { before, after: status };
}

/** The subject that gives up a key wakes those that wait. Should that fail, they look again after this time. */
const WAIT_MAX_MS = 30_000;

function rememberKeyWaits(
  tx: Db,
  attempt: Attempt,
  { known, now }: { readonly known: readonly OwnWait[]; readonly now: readonly OwnWait[] },
): Promise<void> {
  if (known.length + now.length === 0) return Promise.resolve();
  return replaceKeyWaits(tx, attempt.context.store.id, attempt.task.subject, now);
}

/** Writes an event for what was left undone: once, not with every task that finds it again. */
async function explain(
  tx: Db,
  attempt: Attempt,
  outcome: Outcome,
  before: SyncStatusRecord | null,
  reason: string | null,
): Promise<void> {
  if (before?.reason === reason) return;
  for (const skip of outcome.skipped.slice(0, EVENTS_MAX)) {
    await attempt.event(tx, {
      kind: `change.${skip.op}`,
      outcome: 'skipped',
      subject: skip.subject,
      reason: skip.reason,
    });
  }
}

const EVENTS_MAX = 20;
const REASONS_MAX = 3;

/** `drift`: why a settled subject is not in sync all the same. */
function statusOf(
  outcome: Outcome,
  drift: string | null,
): Pick<SyncStatusRecord, 'status' | 'reason' | 'vendor'> {
  const { heldReasons, skipped, refusals = [], waiting = [] } = outcome;
  const vendor = refusals.find((refusal) => refusal.vendor)?.vendor ?? null;
  const because = (status: SyncStatus, reasons: readonly string[]) => ({
    status,
    reason: sentence(reasons),
    vendor,
  });
  if (heldReasons.length > 0) {
    const distinct = [...new Set(heldReasons)];
    const count = heldReasons.length === 1 ? 'waits' : `${heldReasons.length} changes wait`;
    return because('held', [`${count} for a decision: ${distinct[0]}`, ...distinct.slice(1)]);
  }
  if (waiting.length > 0) return because('pending', waiting);
  const unsynced = skipped.filter((skip) => skip.status === 'unsynced').map((skip) => skip.reason);
  if (unsynced.length > 0) return because('unsynced', unsynced);
  const partly = [...skipped.map((skip) => skip.reason), ...refusals.map((refusal) => refusal.reason)];
  if (partly.length > 0) return because('partiallySynced', partly);
  return drift === null
    ? { status: 'synced', reason: null, vendor: null }
    : because('partiallySynced', [drift]);
}

function sentence(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)];
  const more = distinct.length - REASONS_MAX;
  return distinct.slice(0, REASONS_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
