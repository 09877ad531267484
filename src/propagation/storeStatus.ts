/**
 * How a store stands, in figures and in words, and how one person stands on every store. Reads only what
 * the worker and the store's life wrote down.
 */

import { countHeldPeople } from '../db/held.ts';
import { linksOfSubject } from '../db/links.ts';
import type { Db } from '../db/open.ts';
import { listWorkingStores, type StoreRecord } from '../db/stores.ts';
import { hasOpenRun, latestRun } from '../db/syncRuns.ts';
import {
  countSyncStatuses,
  reasonsOf,
  type SyncStatus,
  type SyncStatusRecord,
  syncStatusesOfSubject,
  type VendorAnswer,
} from '../db/syncStatuses.ts';
import { countPendingTasks, type TaskRecord, tasksOfSubject } from '../db/tasks.ts';
import type { Kind } from '../model/subject.ts';

export interface Detail {
  readonly code: string;
  readonly message: string;
}

export interface StoreSyncStatus {
  readonly syncState: 'INACTIVE' | 'SYNCED' | 'SYNCING' | 'PAUSED' | 'FAILED';
  /** When a sync, or a task, last succeeded. */
  readonly lastSyncAt: string | null;
  /** People that the bridge has looked at on this store. Each is in exactly one of the counts below. */
  readonly userTotal: number;
  readonly successCount: number;
  readonly unsyncedCount: number;
  readonly partiallySyncedCount: number;
  readonly failedCount: number;
  /** People who would lose something that awaits a decision, by their own account or a membership. */
  readonly heldCount: number;
  /** Tasks that are still to be worked on, of people and of groups. */
  readonly pendingCount: number;
  readonly details: readonly Detail[];
}

export async function storeSyncStatus(db: Db, store: StoreRecord): Promise<StoreSyncStatus> {
  const users = await countSyncStatuses(db, store.id, 'user');
  const groups = await countSyncStatuses(db, store.id, 'group');
  const heldCount = await countHeldPeople(db, store.id);
  const pendingCount = await countPendingTasks(db, store.id);
  const busy = pendingCount > 0 || (await hasOpenRun(db, store.id));
  const failedRun = store.status === 'ACTIVE' ? await failedRunOf(db, store.id) : [];
  const failed = users.failed + groups.failed > 0 || failedRun.length > 0;
  return {
    syncState: syncState(store, busy, failed),
    lastSyncAt:
      [store.lastSyncAt, store.lastSuccessAt]
        .filter((at) => at !== null)
        .sort()
        .at(-1) ?? null,
    userTotal: Object.values(users).reduce((sum, n) => sum + n, 0),
    successCount: users.synced,
    unsyncedCount: users.unsynced,
    partiallySyncedCount: users.partiallySynced,
    failedCount: users.failed,
    heldCount,
    pendingCount,
    details: [
      ...storeDetails(store, heldCount),
      ...failedRun,
      ...(await reasonDetails(db, store.id, 'user')),
      ...(await reasonDetails(db, store.id, 'group')),
    ],
  };
}

function syncState(store: StoreRecord, busy: boolean, failed: boolean): StoreSyncStatus['syncState'] {
  if (store.status === 'INACTIVE') return 'INACTIVE';
  if (store.paused) return 'PAUSED';
  if (busy || store.status === 'DELETING') return 'SYNCING';
  return failed ? 'FAILED' : 'SYNCED';
}

function storeDetails(store: StoreRecord, heldCount: number): Detail[] {
  const details: Detail[] = [];
  if (store.paused) {
    const again = store.retryAt === null ? 'Resume it to go on.' : `It is tried again at ${store.retryAt}.`;
    details.push({
      code: store.paused.code,
      message: `The store is paused: ${store.paused.message} ${again}`,
    });
  }
  if (store.status === 'DELETING') {
    const message = 'The store is being deleted; a PUT with status ACTIVE or INACTIVE calls it off.';
    details.push({ code: 'deleting', message });
  }
  if (store.brakeTrippedAt !== null) {
    const message = `The brake tripped at ${store.brakeTrippedAt}: every loss is held until somebody approves or discards it. New people go on.`;
    details.push({ code: 'brake_tripped', message });
  }
  if (heldCount > 0) {
    const message = `${heldCount === 1 ? '1 person' : `${heldCount} people`} would lose something; see held, then approve or discard.`;
    details.push({ code: 'held', message });
  }
  if (store.creationsWaitUntil !== null) {
    const message = `The vendor had no seats left; creations wait until ${store.creationsWaitUntil}.`;
    details.push({ code: 'no_seats', message });
  }
  return details;
}

async function failedRunOf(db: Db, storeId: string): Promise<Detail[]> {
  const run = await latestRun(db, storeId);
  if (run?.state !== 'FAILED') return [];
  return [{ code: 'sync_failed', message: `The last sync failed: ${run.error ?? 'no reason was recorded'}` }];
}

const REASONS_MAX = 10;

const PLURAL: Readonly<Record<Kind, string>> = { user: 'people', group: 'groups' };

/** The most frequent reasons; each subject's own is in its status. */
async function reasonDetails(db: Db, storeId: string, kind: Kind): Promise<Detail[]> {
  const reasons = await reasonsOf(db, storeId, kind, REASONS_MAX);
  return reasons.map(({ status, reason, count }) => {
    const who = count === 1 ? `1 ${kind === 'user' ? 'person' : 'group'}` : `${count} ${PLURAL[kind]}`;
    return { code: status, message: `${who} ${status}: ${reason}` };
  });
}

/** How one person stands on one store. */
export interface PersonStatus {
  readonly store: { readonly id: string; readonly name: string; readonly type: string };
  readonly status: SyncStatus;
  readonly reason: string | null;
  readonly vendor?: VendorAnswer;
  readonly remoteId?: string;
  readonly origin?: string;
  readonly lastSyncAt: string | null;
  readonly correlationId: string | null;
}

/** One entry for each store that is worked on; an inactive one does nothing, so it says nothing. */
export async function personStatuses(
  db: Db,
  environmentId: string,
  personId: string,
): Promise<readonly PersonStatus[]> {
  const subject = { kind: 'user', id: personId } as const;
  const stores = await listWorkingStores(db, environmentId);
  const statuses = byStore(await syncStatusesOfSubject(db, subject));
  const tasks = byStore(await tasksOfSubject(db, subject));
  const links = byStore(await linksOfSubject(db, subject));
  return stores.map((store) => {
    const link = links.get(store.id);
    const { id, name, type } = store;
    return {
      store: { id, name, type },
      ...standing(store, statuses.get(id), tasks.get(id)),
      ...(link && link.state !== 'removed' ? { remoteId: link.remoteId, origin: link.origin } : {}),
    };
  });
}

function byStore<T extends { readonly storeId: string }>(records: readonly T[]): ReadonlyMap<string, T> {
  return new Map(records.map((record) => [record.storeId, record]));
}

/** `pending` while a task waits, whatever the last settling said. */
function standing(store: StoreRecord, settled: SyncStatusRecord | undefined, task: TaskRecord | undefined) {
  const { lastSyncAt = null, correlationId = null } = settled ?? {};
  if (task?.state === 'pending') {
    const vendor = task.error ? { vendor: task.error } : {};
    return {
      status: 'pending' as const,
      reason: whyPending(store, task),
      ...vendor,
      lastSyncAt,
      correlationId,
    };
  }
  if (!settled) {
    const reason = `${store.name} has not looked at this person yet`;
    return { status: 'pending' as const, reason, lastSyncAt, correlationId };
  }
  const vendor = settled.vendor ? { vendor: settled.vendor } : {};
  return { status: settled.status, reason: settled.reason, ...vendor, lastSyncAt, correlationId };
}

function whyPending(store: StoreRecord, task: TaskRecord): string | null {
  if (store.paused) return `${store.name} is paused: ${store.paused.message}`;
  if (!task.error) return null;
  // What fails while the whole store is in trouble is no attempt of the task's, and a failure all the same.
  const failed = task.attempts > 1 ? `failed ${task.attempts} times` : 'failed';
  return `${failed}, tried again at ${task.runAt}: ${task.error.message}`;
}
