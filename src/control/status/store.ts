/**
 * How a store stands, in figures and in words, and how one person stands on every store. It reads what workers and
 * admins' changes have left in the database, and asks no vendor.
 */

import { countHeldPeople } from '../../db/brake/held.ts';
import { lastDeletedUsers, speakingUser, speakingUsers } from '../../db/identity/persons.ts';
import type { UserRecord } from '../../db/identity/users.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import { countLeavers, listOpenLeavers, type OpenLeaver } from '../../db/queue/leavers.ts';
import { countPendingTasks, type TaskRecord, tasksOfSubject } from '../../db/queue/tasks.ts';
import { hasOpenRun, latestRun } from '../../db/runs/syncRuns.ts';
import { countDrift } from '../../db/seen/drift.ts';
import { linksOfSubject } from '../../db/seen/links.ts';
import {
  countSyncStatuses,
  reasonsOf,
  type SyncStatus,
  type SyncStatusRecord,
  syncStatusesOfSubject,
  type VendorAnswer,
} from '../../db/seen/syncStatuses.ts';
import { rulesOfStore } from '../../db/stores/rules.ts';
import { listWorkingStores, type StoreRecord } from '../../db/stores/stores.ts';
import type { Kind, Subject } from '../../model/subject.ts';
import { peopleInScope, scopeOf } from '../../stores/scope.ts';

export interface Detail {
  readonly code: string;
  readonly message: string;
}

export type NamedLeaver = Omit<OpenLeaver, 'personId'> & {
  readonly subject: Subject & { readonly display: string };
};

export interface StoreSyncStatus {
  readonly syncState: 'INACTIVE' | 'SYNCED' | 'SYNCING' | 'PAUSED' | 'FAILED';
  /** When a run, or an attempt at a task, last succeeded. */
  readonly lastSyncAt: string | null;
  /** People that the bridge has looked at on this store. Each is in exactly one of the counts below. */
  readonly userTotal: number;
  readonly successCount: number;
  readonly unsyncedCount: number;
  readonly partiallySyncedCount: number;
  readonly failedCount: number;
  /** People of whom a loss awaits a decision: of their account, or of a membership. */
  readonly heldCount: number;
  /** Pending tasks, of people and of groups. */
  readonly pendingCount: number;
  /** People who left and whose access is not confirmed to be gone; the longest waiting first. */
  readonly openLeavers: readonly NamedLeaver[];
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
    openLeavers: await namedLeavers(db, store.id),
    details: [
      ...storeDetails(store, heldCount),
      ...seatDetails(store, pendingCount),
      ...(await leaverDetails(db, store)),
      ...(await driftDetails(db, store)),
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
  return details;
}

function seatDetails({ creationsWaitUntil }: StoreRecord, pendingCount: number): Detail[] {
  if (creationsWaitUntil === null || pendingCount === 0) return [];
  const message = `The vendor has no seats left; creations wait and are tried again at ${creationsWaitUntil}. Everything else goes on.`;
  return [{ code: 'no_seats', message }];
}

const LEAVERS_LISTED_MAX = 100;

async function namedLeavers(db: Db, storeId: string): Promise<readonly NamedLeaver[]> {
  const leavers = await listOpenLeavers(db, storeId, LEAVERS_LISTED_MAX);
  const ids = leavers.map((leaver) => leaver.personId);
  const [here, departed] = [await speakingUsers(db, ids), await lastDeletedUsers(db, ids)];
  return leavers.map(({ personId: id, ...leaver }) => {
    const display = (here.get(id) ?? departed.get(id))?.userName ?? id;
    return { subject: { kind: 'user', id, display }, ...leaver };
  });
}

async function leaverDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const { overdue, oldest } = await countLeavers(db, store.id);
  if (overdue === 0) return [];
  const who = overdue === 1 ? '1 person who left has' : `${overdue} people who left have`;
  const message = `${who} not lost access within LEAVER_DEADLINE_SECONDS, the oldest since ${oldest}; see openLeavers.`;
  return [{ code: 'leavers_overdue', message }];
}

async function driftDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const { users, groups } = await countDrift(db, store.id);
  if (users + groups === 0) return [];
  const people = users === 1 ? '1 person' : `${users} people`;
  const message = `${people} and ${groups === 1 ? '1 group' : `${groups} groups`} differ there by hand; their statuses say how. A sync with repair, or DRIFT_MODE Repair, undoes it.`;
  return [{ code: 'drift', message }];
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

/** One entry for each store that is not inactive. */
export async function personStatuses(
  db: Db,
  environmentId: string,
  personId: string,
): Promise<readonly PersonStatus[]> {
  const subject = { kind: 'user', id: personId } as const;
  const speaking = await speakingUser(db, personId);
  const stores = await listWorkingStores(db, environmentId);
  const statuses = byStore(await syncStatusesOfSubject(db, subject));
  const tasks = byStore(await tasksOfSubject(db, subject));
  const links = byStore(await linksOfSubject(db, subject));
  const shown: PersonStatus[] = [];
  for (const store of stores) {
    const link = links.get(store.id);
    const { id, name, type } = store;
    const settled = statuses.get(id);
    const task = tasks.get(id);
    // The person is deleted, and nothing is left to do on this store.
    const departed = !settled && !task && speaking === null;
    const outside = !settled && !task && speaking !== null && !(await includes(db, store, speaking));
    shown.push({
      store: { id, name, type },
      ...(outside
        ? outOfScope(store, link?.updatedAt ?? null)
        : departed
          ? {
              status: 'synced' as const,
              reason: null,
              lastSyncAt: link?.updatedAt ?? null,
              correlationId: null,
            }
          : standing(store, settled, task)),
      ...(link && link.state !== 'removed' ? { remoteId: link.remoteId, origin: link.origin } : {}),
    });
  }
  return shown;
}

async function includes(db: Db, store: StoreRecord, speaking: UserRecord): Promise<boolean> {
  const scope = scopeOf(await rulesOfStore(db, store.id), dialectOf(db));
  return (await peopleInScope(db, scope, [speaking])).has(speaking.personId);
}

function outOfScope(store: StoreRecord, lastSyncAt: string | null) {
  const reason = `is out of scope: no active rule of ${store.name} includes this person`;
  return { status: 'unsynced' as const, reason, lastSyncAt, correlationId: null };
}

function byStore<T extends { readonly storeId: string }>(records: readonly T[]): ReadonlyMap<string, T> {
  return new Map(records.map((record) => [record.storeId, record]));
}

/** `pending` while a task waits, whatever the last attempt concluded. */
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
  // While the whole store is in trouble no attempt is counted, but the failure is there to be shown.
  const failed = task.attempts > 1 ? `failed ${task.attempts} times` : 'failed';
  return `${failed}, tried again at ${task.runAt}: ${task.error.message}`;
}
