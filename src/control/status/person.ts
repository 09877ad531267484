/** How one person stands on every store, in words. It reads what is known, and asks no vendor. */

import { speakingUser } from '../../db/identity/persons.ts';
import type { UserRecord } from '../../db/identity/users.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import { type TaskRecord, tasksOfSubject } from '../../db/queue/tasks.ts';
import { linksOfSubject } from '../../db/seen/linkLists.ts';
import type { LinkOrigin, LinkRecord, LinkState } from '../../db/seen/links.ts';
import {
  type SyncStatus,
  type SyncStatusRecord,
  syncStatusesOfSubject,
  type VendorAnswer,
} from '../../db/seen/syncStatuses.ts';
import { rulesOfStore } from '../../db/stores/rules.ts';
import { listWorkingStores, type StoreRecord } from '../../db/stores/stores.ts';
import { peopleInScope, scopeOf } from '../../stores/scope.ts';

/** `removed`: an account was linked, and is gone. `locked`: at the vendor, where the bridge cannot enable it. */
type AccountState = 'none' | 'locked' | LinkState;

/** How one person stands on one store. */
export interface PersonStatus {
  readonly store: { readonly id: string; readonly name: string; readonly type: string };
  readonly status: SyncStatus;
  readonly accountState: AccountState;
  readonly reason: string | null;
  readonly vendor?: VendorAnswer;
  readonly remoteId?: string;
  readonly remoteName?: string;
  readonly origin?: LinkOrigin;
  readonly privileged?: true;
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
      accountState: accountState(link),
      ...(link && link.state !== 'removed'
        ? {
            ...{ remoteId: link.remoteId, remoteName: link.remoteName, origin: link.origin },
            ...(link.privileged ? { privileged: true as const } : {}),
          }
        : {}),
    });
  }
  return shown;
}

function accountState(link: LinkRecord | undefined): AccountState {
  if (!link) return 'none';
  return link.disabledBy === 'locked' || link.disabledBy === 'unapproved' ? 'locked' : link.state;
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
  if (task?.state === 'pending' && !(task.failing && settled)) {
    const vendor = task.error ? { vendor: task.error } : {};
    return {
      status: 'pending' as const,
      reason: whyPending(store, task) ?? (settled?.status === 'pending' ? settled.reason : null),
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
