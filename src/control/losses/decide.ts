/**
 * Writes every decision on held losses, for a store, an environment or an incident. An approval covers exactly the
 * rows that it names, and a task carries them out only if its plan still has the identical change. A discard holds
 * until the desired state changes.
 */

import { beginWindow } from '../../db/brake/brakeLedger.ts';
import { type HeldIn, storesHolding } from '../../db/brake/heldLists.ts';
import { type Decision, decideHeld, type LossRecord, standingOfSubject } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { closingLeaver } from '../../db/queue/leavers.ts';
import { deleteHeldTask, taskOf } from '../../db/queue/tasks.ts';
import { getSyncStatus, upsertSyncStatus } from '../../db/seen/syncStatuses.ts';
import { lockStore, type StoreRecord } from '../../db/stores/stores.ts';
import { send } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { replacesIdentity } from '../../model/change.ts';
import { releaseBrakeIfClear } from '../../settle/gate/release.ts';
import { storeEvent } from '../../stores/storeEvents.ts';
import { letSpeak } from './speakers.ts';

/**
 * Locks stores. The brake takes the same lock, so that it holds nothing there until the transaction ends. They are
 * locked in the order of their ids, so that two admins who decide about several stores never wait for each other. A
 * store that is gone is missing from the answer.
 */
export async function lockStores(tx: Db, ids: readonly string[]): Promise<ReadonlyMap<string, StoreRecord>> {
  const locked = new Map<string, StoreRecord>();
  for (const id of [...new Set(ids)].sort()) {
    const store = await lockStore(tx, id);
    if (store) locked.set(id, store);
  }
  return locked;
}

/** The stores on which something is held, locked. */
export async function lockHolding(tx: Db, where: HeldIn): Promise<ReadonlyMap<string, StoreRecord>> {
  return lockStores(tx, await storesHolding(tx, where));
}

/** The question who somebody is, is not decided here: its answer is about the person and holds for all stores. */
export function isDecidedHere({ change }: LossRecord): boolean {
  return change.hold?.kind !== 'identity';
}

export interface Verdict {
  readonly state: Decision['state'];
  readonly cause: Cause;
  /** ISO time */
  readonly at: string;
}

/** Decides `rows`, which are held on stores that the transaction has locked. */
export async function decideRows(
  tx: Db,
  stores: ReadonlyMap<string, StoreRecord>,
  rows: readonly LossRecord[],
  { state, cause, at }: Verdict,
): Promise<void> {
  const ids = rows.map((row) => row.id);
  await decideHeld(tx, ids, { state, by: cause.actor.name, at });
  if (state === 'approved') await letSpeak(tx, rows);
  for (const row of firstOfEachSubject(rows))
    await (state === 'approved' ? letRun(tx, row, cause, at) : leaveUndone(tx, row, cause, at));
  for (const row of rows) {
    const store = stores.get(row.storeId);
    if (store) await decisionEvent(tx, at, store, row, state, cause);
  }
  const touched = new Set(rows.map((row) => row.storeId));
  for (const store of stores.values()) {
    if (!touched.has(store.id)) continue;
    const isClear = await releaseBrakeIfClear(tx, store, at, cause);
    if (isClear && state === 'approved') await beginWindow(tx, store.id);
  }
}

function letRun(tx: Db, row: LossRecord, cause: Cause, at: string): Promise<void> {
  const priority = replacesIdentity(row.change) ? PRIORITY.normal : PRIORITY.leaver;
  return enqueue(tx, row, priority, cause, at);
}

function enqueue(
  tx: Db,
  { environmentId, storeId, subject }: LossRecord,
  priority: number,
  { correlationId }: Cause,
  at: string,
): Promise<void> {
  return enqueueTask(tx, storeId, { environmentId, subject, priority, correlationIds: [correlationId], at });
}

async function leaveUndone(tx: Db, row: LossRecord, cause: Cause, at: string): Promise<void> {
  const { storeId, subject } = row;
  // An applied preview lets the store take it, perhaps at this very moment: then the store must give it back.
  if ((await taskOf(tx, storeId, subject))?.state === 'pending')
    await enqueue(tx, row, PRIORITY.normal, cause, at);
  const rows = await standingOfSubject(tx, storeId, subject);
  if (rows.some((other) => other.state === 'held')) return;
  await deleteHeldTask(tx, storeId, subject);
  if (subject.kind === 'user') await send(tx, [closingLeaver(storeId, subject.id)]);
  const before = await getSyncStatus(tx, storeId, subject);
  await upsertSyncStatus(tx, {
    environmentId: row.environmentId,
    storeId,
    subject,
    status: 'unsynced',
    since: at,
    reason: `discarded by ${cause.actor.name}`,
    vendor: null,
    correlationId: cause.correlationId,
    lastSyncAt: before?.lastSyncAt ?? null,
  });
}

function firstOfEachSubject(rows: readonly LossRecord[]): readonly LossRecord[] {
  const key = ({ storeId, subject }: LossRecord) => `${storeId} ${subject.kind}:${subject.id}`;
  return [...new Map(rows.map((row) => [key(row), row])).values()];
}

function decisionEvent(
  tx: Db,
  at: string,
  store: StoreRecord,
  row: LossRecord,
  state: Decision['state'],
  cause: Cause,
): Promise<void> {
  return storeEvent(tx, at, store, cause, `held.${state}`, {
    subject: row.change.subject,
    reason: row.reason,
    after: { heldId: row.id, change: row.change, since: row.since, heldBecauseOf: row.cause },
  });
}
