/**
 * The queue: one row for each subject that may differ on a store. A row carries no data, only its key, a counter that
 * every write raises, and the correlation ids that caused it.
 */

import type { Kind, Subject } from '../../model/subject.ts';
import { fromBoolean, fromJsonOrNull } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';

export const TASK_STATES = ['pending', 'parked', 'held'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A task as admins see it; a worker's view is in `queue.ts`. */
export interface TaskRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  readonly state: TaskState;
  readonly priority: number;
  /** ISO times */
  readonly runAt: string;
  readonly attempts: number;
  /** Its subject's status is `failed`, although the task is tried again. */
  readonly failing: boolean;
  readonly failedAt: string | null;
  /** The last failure, in the vendor's words. */
  readonly error: {
    readonly message: string;
    readonly status: number | null;
    readonly code: string | null;
  } | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface TaskFilter {
  readonly storeId?: string | null;
  readonly state?: TaskState | null;
}

/** Oldest first; `limit` rows after the given one. */
export async function listTasks(
  db: Db,
  environmentId: string,
  filter: TaskFilter,
  limit: number,
  after: After | null,
): Promise<readonly TaskRecord[]> {
  const query = tasksOf(db, environmentId, filter).orderBy(['created_at', 'id']).limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toTask);
}

/** The rows that `listTasks` pages through, for counting. */
export function tasksOf(db: Db, environmentId: string, filter: TaskFilter) {
  const query = db('tasks').where({ environment_id: environmentId });
  if (filter.storeId) query.where({ store_id: filter.storeId });
  if (filter.state) query.where({ state: filter.state });
  return query;
}

export async function getTask(db: Db, environmentId: string, id: string): Promise<TaskRecord | null> {
  const row = await db('tasks').where({ environment_id: environmentId, id }).first();
  return row ? toTask(row) : null;
}

/** As `getTask`; until the transaction ends, nobody else writes the row. */
export async function lockTask(tx: Db, environmentId: string, id: string): Promise<TaskRecord | null> {
  const row = await forUpdate(tx, tx('tasks').where({ environment_id: environmentId, id })).first();
  return row ? toTask(row) : null;
}

export async function taskOf(db: Db, storeId: string, subject: Subject): Promise<TaskRecord | null> {
  const row = await db('tasks')
    .where({ store_id: storeId, kind: subject.kind, subject_id: subject.id })
    .first();
  return row ? toTask(row) : null;
}

/** The subject's task on each store that has one. */
export async function tasksOfSubject(db: Db, subject: Subject): Promise<readonly TaskRecord[]> {
  const rows = await db('tasks').where({ kind: subject.kind, subject_id: subject.id });
  return rows.map(toTask);
}

/**
 * Makes the task due at once, with 0 attempts. Its intent stays, because a call may have reached the vendor.
 */
export async function retryTask(db: Db, id: string, at: string): Promise<void> {
  await db('tasks')
    .where({ id })
    .update({
      state: 'pending',
      run_at: at,
      attempts: 0,
      postponed: 0,
      failing: false,
      updated_at: at,
      seq: db.raw('seq + 1'),
      whole_seq: db.raw('seq + 1'),
    });
}

/** Raises the priority, because others wait for the task. */
export async function raisePriority(db: Db, id: string, priority: number): Promise<void> {
  await db('tasks').where({ id }).where('priority', '>', priority).update({ priority });
}

export async function deleteTask(db: Db, id: string): Promise<void> {
  await db('tasks').where({ id }).delete();
}

/** Deletes a task that only waited for a decision, once that is made. */
export async function deleteHeldTask(db: Db, storeId: string, subject: Subject): Promise<void> {
  await db('tasks')
    .where({ store_id: storeId, kind: subject.kind, subject_id: subject.id, state: 'held' })
    .delete();
}

/** Whether any task of the store waits, is parked, or is held. */
export async function hasTasks(db: Db, storeId: string): Promise<boolean> {
  return (await db('tasks').where({ store_id: storeId }).first('id')) !== undefined;
}

/** As `hasTasks`, without parked tasks, which no worker takes until somebody asks for them. */
export async function hasOpenTasks(db: Db, storeId: string): Promise<boolean> {
  const open = db('tasks').where({ store_id: storeId }).whereIn('state', ['pending', 'held']);
  return (await open.first('id')) !== undefined;
}

/** Without tasks whose subjects count as failed. */
export async function countPendingTasks(db: Db, storeId: string): Promise<number> {
  const pending = { store_id: storeId, state: 'pending', failing: false };
  const row = await db('tasks').where(pending).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

export interface PendingFailure extends NonNullable<TaskRecord['error']> {
  readonly failedAt: string;
  readonly runAt: string;
  /** The vendor has answered, and something has to happen there first. */
  readonly awaitsVendor: boolean;
}

/** The last failure among the tasks that are tried again; null where none failed. */
export async function lastPendingFailure(db: Db, storeId: string): Promise<PendingFailure | null> {
  const row = await db('tasks')
    .where({ store_id: storeId, state: 'pending', failing: false })
    .whereNotNull('error')
    .whereNotNull('failed_at')
    .orderBy('failed_at', 'desc')
    .first();
  if (!row) return null;
  const { failedAt, runAt, error } = toTask(row);
  if (!error || !failedAt) return null;
  return { ...error, failedAt, runAt, awaitsVendor: fromBoolean(row.awaits_vendor) };
}

function toTask(row: Record<string, unknown>): TaskRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    subject: { kind: row.kind as Kind, id: row.subject_id as string },
    state: row.state as TaskState,
    priority: row.priority as number,
    runAt: row.run_at as string,
    attempts: (row.attempts as number) + (row.postponed as number),
    failing: fromBoolean(row.failing),
    failedAt: row.failed_at as string | null,
    error: fromJsonOrNull(row.error),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
