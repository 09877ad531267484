/** What admins can do with single tasks. */

import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { enqueueForAllStores, PRIORITY } from '../db/queue/enqueue.ts';
import { closingLeaver } from '../db/queue/leavers.ts';
import { deleteTask, lockTask, retryTask, type TaskRecord, tasksOfSubject } from '../db/queue/tasks.ts';
import { getSyncStatus, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { endSeatsWaitAt } from '../db/stores/storeProgress.ts';
import { getStore, listWorkingStores, type StoreRecord } from '../db/stores/stores.ts';
import { send, transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import type { Subject } from '../model/subject.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';

/** Makes the task due at once, as if it had never failed. */
export async function retryNow(
  deps: PropagationDeps,
  environmentId: string,
  taskId: string,
  cause: Cause,
): Promise<TaskRecord> {
  const task = await transact(deps.db, async (tx) => {
    const { task, store } = await taskAndStore(tx, environmentId, taskId);
    const at = isoTime(deps.clock.now());
    await retryTask(tx, taskId, at);
    await endSeatsWaitAt(tx, store.id, at);
    await storeEvent(tx, at, store, cause, 'task.retried', { subject: task.subject, before: outcome(task) });
    return { ...task, state: 'pending' as const, runAt: at, attempts: 0, updatedAt: at };
  });
  deps.wake.signal();
  return task;
}

/** Deletes the task. The subject stays as it is on the store until it changes or a sync queues it again. */
export async function discardTask(
  deps: PropagationDeps,
  environmentId: string,
  taskId: string,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const { task, store } = await taskAndStore(tx, environmentId, taskId);
    if (task.state === 'held') {
      throw new RequestError(
        409,
        `This task waits for a decision on what the brake holds; approve or discard that at the store ${store.name}.`,
      );
    }
    const at = isoTime(deps.clock.now());
    const before = await getSyncStatus(tx, store.id, task.subject);
    await deleteTask(tx, taskId);
    if (task.subject.kind === 'user') await send(tx, [closingLeaver(store.id, task.subject.id)]);
    await upsertSyncStatus(tx, {
      since: at,
      environmentId,
      storeId: store.id,
      subject: task.subject,
      status: 'unsynced',
      reason: `the task was discarded by ${cause.actor.name}`,
      vendor: before?.vendor ?? null,
      correlationId: cause.correlationId,
      lastSyncAt: before?.lastSyncAt ?? null,
    });
    await storeEvent(tx, at, store, cause, 'task.discarded', {
      subject: task.subject,
      before: outcome(task),
    });
  });
}

function outcome({ state, attempts, error }: TaskRecord) {
  return { state, attempts, error };
}

async function taskAndStore(
  tx: Db,
  environmentId: string,
  taskId: string,
): Promise<{ readonly task: TaskRecord; readonly store: StoreRecord }> {
  const task = await lockTask(tx, environmentId, taskId);
  const store = task && (await getStore(tx, task.storeId));
  if (!task || !store) throw new RequestError(404, `There is no task ${taskId} here.`);
  return { task, store };
}

/** Queues one person for every store that is not inactive. */
export async function syncPerson(
  deps: PropagationDeps,
  environmentId: string,
  subject: Subject & { readonly display: string },
  cause: Cause,
  priority: number = PRIORITY.normal,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const at = isoTime(deps.clock.now());
    await enqueueForAllStores(tx, {
      environmentId,
      subject: { kind: subject.kind, id: subject.id },
      priority,
      correlationIds: [cause.correlationId],
      at,
    });
    await appendEvent(tx, at, {
      environmentId,
      cause,
      kind: 'user.syncRequested',
      subject,
      outcome: 'success',
    });
  });
  deps.wake.signal();
}

/** A request waits this long for one person. */
const SETTLED_WITHIN_MS = 30_000;

/**
 * Does the same and waits. True when every store has concluded; false where one has not after 30 seconds, or waits
 * because an admin paused it. Throws 503 `no_worker` without queueing anything.
 */
export async function settlePerson(
  deps: PropagationDeps,
  environmentId: string,
  subject: Subject & { readonly display: string },
  cause: Cause,
): Promise<boolean> {
  await deps.inquiries.requireWorker();
  await syncPerson(deps, environmentId, subject, cause, PRIORITY.awaited);
  const look = async () => {
    const tasks = await tasksOfSubject(deps.db, subject);
    const pending = new Set(tasks.filter(({ state }) => state === 'pending').map(({ storeId }) => storeId));
    if (pending.size === 0) return { isSettled: true };
    const stores = await listWorkingStores(deps.db, environmentId);
    const isComing = stores.some(({ id, paused }) => pending.has(id) && paused === null);
    return isComing ? null : { isSettled: false };
  };
  const seen = await deps.inquiries.waitFor(look, SETTLED_WITHIN_MS);
  return seen?.isSettled ?? false;
}
