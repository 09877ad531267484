/** How a task ends when nothing failed: the subject's status, and what becomes of the task. */

import type { Db } from '../db/open.ts';
import { completeTask, holdTask } from '../db/queue.ts';
import {
  deleteSyncStatus,
  getSyncStatus,
  type SyncStatus,
  type SyncStatusRecord,
  upsertSyncStatus,
  type VendorAnswer,
} from '../db/syncStatuses.ts';
import type { Skip } from '../model/change.ts';
import type { TaskRun } from './run.ts';

export interface Settled {
  readonly heldReasons: readonly string[];
  readonly skipped: readonly Skip[];
  /** The vendor's refusals of single changes. */
  readonly refusals?: readonly { readonly reason: string; readonly vendor: VendorAnswer | null }[];
  /** Nothing is left of the subject on this store, and nobody will ask for it. */
  readonly forgotten?: boolean;
}

export async function settle(tx: Db, run: TaskRun, settled: Settled): Promise<void> {
  const { store } = run.view;
  const status = statusOf(settled);
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
  await tx('stores').where({ id: store.id }).update({ last_success_at: run.now() });
  if (status.status === 'held') await holdTask(tx, run.task);
  else await completeTask(tx, run.task);
}

/** What was left undone is said once, not with every task that finds it so again. */
async function explain(
  tx: Db,
  run: TaskRun,
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

function statusOf(settled: Settled): Pick<SyncStatusRecord, 'status' | 'reason' | 'vendor'> {
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
  return { status: 'synced', reason: null, vendor: null };
}

function sentence(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)];
  const more = distinct.length - REASONS_MAX;
  return distinct.slice(0, REASONS_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
