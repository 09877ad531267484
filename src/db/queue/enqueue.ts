/**
 * Queues subjects for stores, in the transaction that wrote them. Many writes to one subject fold into one task for each
 * store.
 */

import type { Subject } from '../../model/subject.ts';
import { newId } from '../../support/ids.ts';
import { kept } from '../knex/kept.ts';
import { type Write, writeTogether, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { send } from '../transaction.ts';
import { addChangedMembers, isHint } from './changedMembers.ts';
import { openingLeavers } from './leavers.ts';

/** Leavers come first, then subjects that others wait for; what a sync found comes last. */
export const PRIORITY = { leaver: 0, awaited: 2, normal: 5, sync: 9 } as const;

export interface Enqueue {
  readonly environmentId: string;
  readonly subject: Subject;
  readonly priority: number;
  readonly correlationIds: readonly string[];
  /** ISO time */
  readonly at: string;
  /** For a group: the people whose memberships may have changed, and nothing else; absent where anything may have. */
  readonly people?: readonly string[] | null;
}

/** The status of a store whose tasks are worked on, or will be once it is resumed. */
export const WORKING = ['ACTIVE', 'DELETING'] as const;

/** The stores of an environment whose tasks are worked on, or will be once they are resumed. */
export function workingStores(db: Db, environmentId: string) {
  return db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .whereIn('status', WORKING);
}

/**
 * One task for each working store of the environment; false where there is none. Part of the transaction that wrote the
 * subject.
 */
export async function enqueueForAllStores(db: Db, task: Enqueue): Promise<boolean> {
  const { environmentId } = task;
  const storeIds = inOrder((await workingIds(db, { environmentId })).map(({ id }) => id));
  await enqueueTasks(db, storeIds, task);
  return storeIds.length > 0;
}

const workingIds = kept<readonly { readonly id: string }[], Pick<Enqueue, 'environmentId'>>(
  (db, { environmentId }) => workingStores(db, environmentId).select('id'),
);

/** Two who queue the same subject take its stores in the same order, so that neither waits for the other. */
export function inOrder(storeIds: readonly string[]): readonly string[] {
  return [...storeIds].sort();
}

/** How many correlation ids one task remembers; events have the others. */
const CAUSES_MAX = 50;

/** As `enqueueTasks`, for one store. */
export function enqueueTask(db: Db, storeId: string, task: Enqueue): Promise<void> {
  return enqueueTasks(db, [storeId], task);
}

/**
 * Queues the subject on these stores: many writes to it fold into one task for each store, which is due at once. A
 * person whose task has a leaver's priority becomes an open leaver. It takes the same number of statements for any
 * number of stores.
 */
export async function enqueueTasks(db: Db, storeIds: readonly string[], task: Enqueue): Promise<void> {
  if (storeIds.length === 0) return;
  const people = task.people ?? null;
  const hinted = isHint(people);
  const rows = storeIds.map((storeId) => freshTask(storeId, task));
  const queueing = writing(queue, { rows, hinted, at: task.at });
  if (hinted) await addChangedMembers(db, await seqsOf(db, queueing), people);
  else await send(db, [queueing]);
  const { environmentId, at: since, subject } = task;
  const correlationId = task.correlationIds.at(-1) ?? null;
  const leaver = { personId: subject.id, environmentId, correlationId, since };
  if (task.priority === PRIORITY.leaver && subject.kind === 'user')
    await send(db, [openingLeavers(storeIds, leaver)]);
  const added = [...new Set(task.correlationIds)].slice(0, CAUSES_MAX);
  if (added.length > 0) await send(db, [writing(addCauses, { storeIds, subject, added, at: task.at })]);
}

interface Queued {
  readonly rows: readonly object[];
  /** Whether each task is hinted at what changed, so that not all of its subject must be looked at. */
  readonly hinted: boolean;
  readonly at: string;
}

function queue(db: Db, { rows, hinted, at }: Queued) {
  return db('tasks')
    .insert(rows)
    .onConflict(['store_id', 'kind', 'subject_id'])
    .merge({
      state: 'pending',
      // A parked task starts at 0 attempts; one that waits after failures keeps its count.
      attempts: db.raw("case when tasks.state = 'parked' then 0 else tasks.attempts end"),
      postponed: db.raw("case when tasks.state = 'parked' then 0 else tasks.postponed end"),
      seq: db.raw('tasks.seq + 1'),
      whole_seq: db.raw(hinted ? 'tasks.whole_seq' : 'tasks.seq + 1'),
      priority: db.raw(
        'case when tasks.priority < excluded.priority then tasks.priority else excluded.priority end',
      ),
      run_at: db.raw('case when tasks.run_at < excluded.run_at then tasks.run_at else excluded.run_at end'),
      updated_at: at,
    })
    .returning(['id', 'seq']);
}

async function seqsOf(
  db: Db,
  queueing: Write,
): Promise<readonly { readonly id: string; readonly seq: number }[]> {
  const rows = await writeTogether<readonly { id: string; seq: number | string }[]>(db, [queueing]);
  return (rows ?? []).map(({ id, seq }) => ({ id, seq: Number(seq) }));
}

function freshTask(storeId: string, { environmentId, subject, priority, at, people = null }: Enqueue) {
  return {
    id: newId(),
    environment_id: environmentId,
    store_id: storeId,
    kind: subject.kind,
    subject_id: subject.id,
    state: 'pending',
    priority,
    seq: 1,
    whole_seq: isHint(people) ? null : 1,
    run_at: at,
    attempts: 0,
    created_at: at,
    updated_at: at,
  };
}

interface AddedCauses {
  readonly storeIds: readonly string[];
  readonly subject: Subject;
  readonly added: readonly string[];
  readonly at: string;
}

/** Adds causes to each task, as long as it has room. The caller has written the tasks, so nobody else adds any. */
function addCauses(db: Db, { storeIds, subject, added, at }: AddedCauses) {
  const causes = added.map((_, n) => `select cast(? as varchar(64)) as correlation_id, ${n} as place`);
  const known = () => db('task_causes as known').where('known.task_id', db.ref('tasks.id'));
  const wanted = db('tasks')
    .joinRaw(`cross join (${causes.join(' union all ')}) as added`, [...added])
    .where({ 'tasks.kind': subject.kind, 'tasks.subject_id': subject.id })
    .whereIn('tasks.store_id', storeIds)
    .whereRaw(`? + added.place < ${CAUSES_MAX}`, [known().count('*')])
    .whereNotExists(known().where('known.correlation_id', db.ref('added.correlation_id')).select('task_id'))
    .select('tasks.id', 'added.correlation_id', db.raw('?', [at]));
  return db.into(db.raw('task_causes (task_id, correlation_id, created_at)')).insert(wanted);
}
