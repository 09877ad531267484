/** How a task ends when nothing failed: the subject's status, and what becomes of the task. */

import type { Db } from '../db/open.ts';
import { completeTask, holdTask, recheckTask } from '../db/queue/queue.ts';
import {
  deleteSyncStatus,
  getSyncStatus,
  type SyncStatus,
  type SyncStatusRecord,
  upsertSyncStatus,
  type VendorAnswer,
} from '../db/seen/syncStatuses.ts';
import type { Skip } from '../model/change.ts';
import type { Attempt } from './attempt.ts';
import { standingDrift } from './driftStatus.ts';
import { type Leaving, settleLeaver } from './leavers.ts';

export interface Settled {
  readonly heldReasons: readonly string[];
  readonly skipped: readonly Skip[];
  /** The vendor's refusals of single changes. */
  readonly refusals?: readonly { readonly reason: string; readonly vendor: VendorAnswer | null }[];
  /** Nothing is left of the subject on this store, and nobody will ask for it. */
  readonly forgotten?: boolean;
  /** Of a person; groups leave nothing behind. */
  readonly leaving?: Leaving;
}

/** What is said of the subject, before and after. */
export interface StatusChange {
  readonly before: Pick<SyncStatusRecord, 'status' | 'reason'> | null;
  readonly after: Pick<SyncStatusRecord, 'status' | 'reason'>;
}

export async function settle(tx: Db, run: Attempt, settled: Settled): Promise<StatusChange> {
  const { store } = run.view;
  const status = await statusOf(tx, run, settled);
  const before = await getSyncStatus(tx, store.id, run.task.subject);
  if (settled.forgotten && status.status === 'synced') {
    await deleteSyncStatus(tx, store.id, run.task.subject);
  } else {
    await upsertSyncStatus(tx, {
      environmentId: store.environmentId,
      storeId: store.id,
      subject: run.task.subject,
      ...status,
      correlationId: run.task.causes.at(-1) ?? before?.correlationId ?? null,
      lastSyncAt: run.now(),
    });
  }
  await explain(tx, run, settled, before, status.reason);
  if (run.asked) await tx('stores').where({ id: store.id }).update({ last_success_at: run.now() });
  const undone = settled.heldReasons.length + (settled.refusals ?? []).length > 0;
  const lookAgainAt = settled.leaving ? await settleLeaver(tx, run, settled.leaving, undone) : null;
  if (status.status === 'held') await holdTask(tx, run.task);
  else if (lookAgainAt !== null) await recheckTask(tx, run.task, lookAgainAt);
  else await completeTask(tx, run.task);
  return { before, after: status };
}

/** What was left undone is said once, not with every task that finds it so again. */
async function explain(
  tx: Db,
  run: Attempt,
  settled: Settled,
  before: SyncStatusRecord | null,
  reason: string | null,
): Promise<void> {
  if (before?.reason === reason) return;
  for (const skip of settled.skipped.slice(0, EVENTS_MAX)) {
    await run.event(tx, {
      kind: `change.${skip.op}`,
      outcome: 'skipped',
      subject: skip.subject,
      reason: skip.reason,
    });
  }
}

const EVENTS_MAX = 20;
const REASONS_MAX = 3;

async function statusOf(
  tx: Db,
  run: Attempt,
  settled: Settled,
): Promise<Pick<SyncStatusRecord, 'status' | 'reason' | 'vendor'>> {
  const { heldReasons, skipped, refusals = [] } = settled;
  const vendor = refusals.find((refusal) => refusal.vendor)?.vendor ?? null;
  const because = (status: SyncStatus, reasons: readonly string[]) => ({
    status,
    reason: sentence(reasons),
    vendor,
  });
  if (heldReasons.length > 0) {
    const count = heldReasons.length === 1 ? 'a loss waits' : `${heldReasons.length} losses wait`;
    return because('held', [`${count} for a decision: ${heldReasons[0]}`]);
  }
  const unsynced = skipped.filter((skip) => skip.status === 'unsynced').map((skip) => skip.reason);
  if (unsynced.length > 0) return because('unsynced', unsynced);
  const partly = [...skipped.map((skip) => skip.reason), ...refusals.map((refusal) => refusal.reason)];
  if (partly.length > 0) return because('partiallySynced', partly);
  const drift = await standingDrift(tx, run.view, run.task.subject);
  return drift === null
    ? { status: 'synced', reason: null, vendor: null }
    : because('partiallySynced', [drift]);
}

function sentence(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)];
  const more = distinct.length - REASONS_MAX;
  return distinct.slice(0, REASONS_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
