/**
 * The queue: one row for each subject that may differ on a store. A row carries no data but its key, a
 * counter that every write raises, and the correlation ids that caused it.
 */

import type { Subject } from '../model/subject.ts';
import { newId } from '../support/ids.ts';
import type { Db } from './open.ts';

/** Leavers go before everything else; what a sync found comes last. */
export const PRIORITY = { leaver: 0, normal: 5, sync: 9 } as const;

export interface Enqueue {
  readonly environmentId: string;
  readonly subject: Subject;
  readonly priority: number;
  readonly correlationIds: readonly string[];
  /** ISO time */
  readonly at: string;
}

/** The stores of an environment whose tasks are worked on, or will be once they are resumed. */
async function workingStores(db: Db, environmentId: string): Promise<readonly string[]> {
  const rows = await db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .whereIn('status', ['ACTIVE', 'DELETING'])
    .select('id');
  return rows.map((row: { id: string }) => row.id);
}

/** One task for each working store of the environment. Part of the transaction that wrote the subject. */
export async function enqueueForAllStores(db: Db, task: Enqueue): Promise<void> {
  for (const storeId of await workingStores(db, task.environmentId)) await enqueueTask(db, storeId, task);
}

/** Most correlation ids that one task remembers; further causes of a folded task are in the events. */
const CAUSES_MAX = 50;

/** Upserts: many writes to one subject fold into one task, which becomes due at once. */
export async function enqueueTask(db: Db, storeId: string, task: Enqueue): Promise<void> {
  const fresh = {
    id: newId(),
    environment_id: task.environmentId,
    store_id: storeId,
    kind: task.subject.kind,
    subject_id: task.subject.id,
    state: 'pending',
    priority: task.priority,
    seq: 1,
    run_at: task.at,
    attempts: 0,
    created_at: task.at,
    updated_at: task.at,
  };
  const [row] = await db('tasks')
    .insert(fresh)
    .onConflict(['store_id', 'kind', 'subject_id'])
    .merge({
      state: 'pending',
      seq: db.raw('tasks.seq + 1'),
      priority: db.raw(
        'case when tasks.priority < excluded.priority then tasks.priority else excluded.priority end',
      ),
      run_at: db.raw('case when tasks.run_at < excluded.run_at then tasks.run_at else excluded.run_at end'),
      updated_at: task.at,
    })
    .returning('id');
  const known = await db('task_causes').where({ task_id: row.id }).count({ n: '*' }).first();
  const room = CAUSES_MAX - Number(known?.n ?? 0);
  for (const correlationId of task.correlationIds.slice(0, Math.max(0, room))) {
    await db('task_causes')
      .insert({ task_id: row.id, correlation_id: correlationId, created_at: task.at })
      .onConflict(['task_id', 'correlation_id'])
      .ignore();
  }
}

export interface CauseSize {
  readonly correlationId: string;
  /** '' where it means every store. */
  readonly storeId: string;
  readonly description: string;
  /** People who could lose something by it: who became inactive, was deleted, or left a group. */
  readonly people: number;
  readonly at: string;
}

/** Adds up what one request could take from people, so that the brake can judge it whole. */
export async function addToCause(db: Db, cause: CauseSize): Promise<void> {
  await db('causes')
    .insert({
      correlation_id: cause.correlationId,
      store_id: cause.storeId,
      description: cause.description,
      subjects: 1,
      people: cause.people,
      created_at: cause.at,
    })
    .onConflict(['correlation_id', 'store_id'])
    .merge({ subjects: db.raw('causes.subjects + 1'), people: db.raw('causes.people + excluded.people') });
}
