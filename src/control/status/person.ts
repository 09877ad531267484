/** Describes a person's state on every store, from the database alone; it asks no vendor. */

import { heldOfPerson } from '../../db/brake/heldLists.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import { type SpeakingUser, speakingUser } from '../../db/identity/persons.ts';
import type { UserRecord } from '../../db/identity/users.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import { type LastWord, lastWordOn } from '../../db/people/lastWord.ts';
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
import { stateByHand } from '../../settle/driftStatus.ts';
import { peopleInScope, scopeOf } from '../../stores/scope.ts';
import { whyAsItShouldBe } from './reasons.ts';

/** `removed`: an account was linked and is gone. `locked`: the vendor locked it, and the bridge cannot enable it. */
export type AccountState = 'none' | 'locked' | LinkState;

/** A person's state on one store. */
export interface PersonStatus {
  readonly store: { readonly id: string; readonly name: string; readonly type: string };
  readonly status: SyncStatus;
  readonly accountState: AccountState;
  /** Since when the state holds; null where nobody recorded it. */
  readonly since: string | null;
  /** Also set where all is as it should be: then it says why. */
  readonly reason: string | null;
  readonly held: readonly LossRecord[];
  readonly vendor?: VendorAnswer;
  readonly remoteId?: string;
  readonly remoteName?: string;
  readonly origin?: LinkOrigin;
  readonly privileged?: true;
  readonly lastSyncAt: string | null;
  readonly correlationId: string | null;
}

/** What the database has about a person on every store, before it is put into words. */
export interface PersonRecords {
  readonly personId: string;
  readonly speaking: SpeakingUser | null;
  readonly word: LastWord | null;
  readonly statuses: ReadonlyMap<string, SyncStatusRecord>;
  readonly tasks: ReadonlyMap<string, TaskRecord>;
  readonly links: ReadonlyMap<string, LinkRecord>;
  readonly held: ReadonlyMap<string, readonly LossRecord[]>;
}

export async function recordsOfPerson(db: Db, personId: string): Promise<PersonRecords> {
  const subject = { kind: 'user', id: personId } as const;
  return {
    personId,
    speaking: await speakingUser(db, personId),
    word: await lastWordOn(db, personId),
    statuses: byStore(await syncStatusesOfSubject(db, subject)),
    tasks: byStore(await tasksOfSubject(db, subject)),
    links: byStore(await linksOfSubject(db, subject)),
    held: Map.groupBy(await heldOfPerson(db, personId), (row) => row.storeId),
  };
}

/** One entry for each store that is not inactive. */
export async function personStatuses(
  db: Db,
  environmentId: string,
  personId: string,
): Promise<readonly PersonStatus[]> {
  const records = await recordsOfPerson(db, personId);
  const shown: PersonStatus[] = [];
  for (const store of await listWorkingStores(db, environmentId))
    shown.push(await personStatusOn(db, store, records));
  return shown;
}

export async function personStatusOn(
  db: Db,
  store: StoreRecord,
  records: PersonRecords,
): Promise<PersonStatus> {
  const { id, name, type } = store;
  const { speaking, word } = records;
  const [settled, task, link] = [records.statuses.get(id), records.tasks.get(id), records.links.get(id)];
  // The person is deleted, and the store has nothing left to do.
  const departed = !settled && !task && speaking === null;
  const outside = !settled && !task && speaking !== null && !(await includes(db, store, speaking));
  return {
    store: { id, name, type },
    ...(await said(db, { store, settled, task, link, speaking, departed, outside, word })),
    accountState: accountState(link),
    held: records.held.get(id) ?? [],
    ...(link && link.state !== 'removed'
      ? {
          ...{ remoteId: link.remoteId, remoteName: link.remoteName, origin: link.origin },
          ...(link.privileged ? { privileged: true as const } : {}),
        }
      : {}),
  };
}

interface Known {
  readonly store: StoreRecord;
  readonly settled: SyncStatusRecord | undefined;
  readonly task: TaskRecord | undefined;
  readonly link: LinkRecord | undefined;
  readonly speaking: UserRecord | null;
  readonly departed: boolean;
  readonly outside: boolean;
  readonly word: LastWord | null;
}

async function said(db: Db, known: Known) {
  const { store, settled, task, link, departed, outside } = known;
  const since = link?.updatedAt ?? null;
  if (outside) return { ...outOfScope(store, since), since };
  const shown = departed
    ? { status: 'synced' as const, reason: null, lastSyncAt: since, correlationId: null, since }
    : standing(store, settled, task);
  if (shown.status !== 'synced' || shown.reason !== null) return shown;
  const { speaking, word } = known;
  return { ...shown, reason: await whyAsItShouldBe(db, store, link ?? null, speaking, word) };
}

/** As the account was last seen, whatever the bridge made of it. */
export function accountState(link: LinkRecord | undefined): AccountState {
  if (!link) return 'none';
  const byHand = stateByHand(link.drift);
  if (byHand !== null) return byHand;
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

/** `pending` while a task waits, whatever the last attempt wrote. */
function standing(store: StoreRecord, settled: SyncStatusRecord | undefined, task: TaskRecord | undefined) {
  const { lastSyncAt = null, correlationId = null } = settled ?? {};
  const isPending = task?.state === 'pending' && !(task.failing && settled);
  const since = isPending ? task.createdAt : (settled?.since ?? null);
  if (isPending) {
    const vendor = task.error ? { vendor: task.error } : {};
    return {
      status: 'pending' as const,
      reason: whyPending(store, task) ?? (settled?.status === 'pending' ? settled.reason : null),
      ...vendor,
      since,
      lastSyncAt,
      correlationId,
    };
  }
  if (!settled) {
    const reason = `${store.name} has not looked at this person yet`;
    return { status: 'pending' as const, reason, since, lastSyncAt, correlationId };
  }
  const vendor = settled.vendor ? { vendor: settled.vendor } : {};
  return { status: settled.status, reason: settled.reason, ...vendor, since, lastSyncAt, correlationId };
}

function whyPending(store: StoreRecord, task: TaskRecord): string | null {
  if (store.paused) return `${store.name} is paused: ${store.paused.message}`;
  if (!task.error) return null;
  // While the whole store fails, attempts of the task are not counted, but the failure is worth showing.
  const failed = task.attempts > 1 ? `failed ${task.attempts} times` : 'failed';
  return `${failed}, and is tried again at ${task.runAt}: ${task.error.message}`;
}
