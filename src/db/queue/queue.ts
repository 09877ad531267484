/** The worker's side of the queue: what happens to a task after an attempt. */

import type { Subject } from '../../model/subject.ts';
import { fromJsonOrNull, toJson } from '../columns.ts';
import { savingEvents } from '../events.ts';
import { type Insert, updatingRow, writeTogether, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { type SyncStatusRecord, savingStatuses } from '../seen/syncStatuses.ts';
import { send } from '../transaction.ts';
import { forgetChangedMembers } from './changedMembers.ts';

/**
 * What an attempt was about to do when it called the vendor. A later attempt that finds an intent knows that the
 * outcome of that call is unknown.
 */
export interface Intent {
  /** `adopt` stands for a creation that the vendor refused because somebody has the identifier. */
  readonly ops: readonly string[];
  /** The values that a create or update meant to send, by attribute. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The identifier under which a creation would be found; the person may have another one by now. */
  readonly identifier?: string;
  /** Why the account was to be disabled; the directory may want something else by now. */
  readonly disabledBy?: 'inactive' | 'gone';
  /** The remote ids of the accounts in the last call for memberships. */
  readonly members?: readonly string[];
  /** The account of a person who was to lose access is gone: the next attempt looks who has its identifier now. */
  readonly lost?: boolean;
  /** An attempt has looked for the outcome before: the next reports only what has arrived since. */
  readonly again?: boolean;
}

export interface DueTask {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  readonly priority: number;
  readonly seq: number;
  readonly intent: Intent | null;
  readonly attempts: number;
  /** How often in a row it was put off with growing gaps. */
  readonly postponed: number;
  readonly failedAt: string | null;
  /** When the account's groups were asked to remove memberships that nobody wants, before the account is enabled. */
  readonly groupsAskedAt: string | null;
  /** The last failure. */
  readonly error: TaskFailure | null;
  /** When the task was first queued. */
  readonly createdAt: string;
  /** The requests that caused it, oldest first. */
  readonly causes: readonly string[];
  /** For a group: the people whose memberships changed; null where the attempt must look at all of it. */
  readonly changedMembers: readonly string[] | null;
  /**
   * An admin wants something back that the store took from the subject. Whoever asks for that queues the task anew.
   */
  readonly givesBack: boolean;
  /** The person is an open leaver on the store. Whoever makes them one queues the task anew. */
  readonly isOpenLeaver: boolean;
  /** The version of the store's settings, rules and mappings when the task was claimed. */
  readonly contextVersion: number;
}

/** At most `limit` people with a task on the store, held ones too, that this cause queued. */
export async function peopleOfCause(
  db: Db,
  storeId: string,
  correlationId: string,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db('task_causes as c')
    .join('tasks as t', 't.id', 'c.task_id')
    .where({ 'c.correlation_id': correlationId, 't.store_id': storeId, 't.kind': 'user' })
    .orderBy('t.subject_id')
    .limit(limit)
    .select('t.subject_id');
  return rows.map((row: { subject_id: string }) => row.subject_id);
}

export async function setIntent(db: Db, taskId: string, intent: Intent | null): Promise<void> {
  await send(db, [updatingRow('tasks', taskId, { intent: intent && toJson(intent) })]);
}

/** Tells the next attempt that the linked account is gone, so that it looks for another account of the person. */
export async function noteLostAccount(db: Db, storeId: string, subject: Subject): Promise<void> {
  const key = { store_id: storeId, kind: subject.kind, subject_id: subject.id };
  const task = await db('tasks').where(key).first('id', 'intent');
  const intent = fromJsonOrNull<Intent>(task.intent) ?? { ops: [], attributes: {} };
  await setIntent(db, task.id, { ...intent, lost: true });
}

/** Forgets earlier failures. */
const UNFAILED = {
  attempts: 0,
  postponed: 0,
  failing: false,
  failed_at: null,
  error: null,
  awaits_vendor: false,
};

export async function markGroupsAsked(db: Db, taskId: string, at: string): Promise<void> {
  await db('tasks').where({ id: taskId }).update({ groups_asked_at: at });
}

/** Gives the task this priority. */
export async function hurryTask(db: Db, taskId: string, priority: number): Promise<void> {
  await db('tasks').where({ id: taskId }).update({ priority });
}

/** What goes together with the end of the task. */
export interface Ending {
  /** The subject's status; null where nothing is said of it. */
  readonly said: SyncStatusRecord | null;
  readonly events: readonly Insert[];
}

const NOTHING_SAID: Ending = { said: null, events: [] };

/** The subject is settled: deletes the task, or lets it run again where a write came meanwhile. */
export async function completeTask(db: Db, task: DueTask, ending = NOTHING_SAID): Promise<void> {
  await endTask(db, task, ending, null);
}

/** The subject is settled, except for losses that wait for an admin's decision. */
export async function holdTask(db: Db, task: DueTask, ending: Ending): Promise<void> {
  await endTask(db, task, ending, { state: 'held', intent: null, ...UNFAILED });
}

/** Ends the task as it was claimed. `left`: what becomes of it; null where it is over. */
async function endTask(db: Db, task: DueTask, { said, events }: Ending, left: object | null): Promise<void> {
  const ended = await writeTogether<number>(db, [
    ...(said ? [savingStatuses([said])] : []),
    ...(events.length > 0 ? [savingEvents(events)] : []),
    writing(end, { id: task.id, seq: task.seq, left }),
  ]);
  if (ended === 0) await startAfresh(db, task);
}

interface End {
  readonly id: string;
  readonly seq: number;
  readonly left: object | null;
}

/** Where a write came meanwhile, it ends none. */
function end(db: Db, { id, seq, left }: End) {
  const task = db('tasks').where({ id, seq });
  return left === null ? task.delete() : task.update(left);
}

/**
 * A write came meanwhile, so earlier failures and holds no longer count. With `unknownOutcome` the intent stays,
 * because a call may have reached the vendor.
 */
async function startAfresh(db: Db, task: DueTask, unknownOutcome = false): Promise<void> {
  await db('tasks')
    .where({ id: task.id })
    .update({ ...(unknownOutcome ? {} : { intent: null }), ...UNFAILED, groups_asked_at: null });
  await forgetChangedMembers(db, task.id, task.seq);
  for (const correlationId of task.causes) {
    await db('task_causes').where({ task_id: task.id, correlation_id: correlationId }).delete();
  }
}

export interface TaskFailure {
  readonly message: string;
  readonly status: number | null;
  readonly code: string | null;
}

/** Absent counts stay as they are. */
export interface Postponement {
  /** Null where nothing failed and the task only waits for its turn. */
  readonly failedAt: string | null;
  readonly error: TaskFailure;
  /** The vendor has answered, and something has to happen there first. */
  readonly awaitsVendor?: boolean;
  readonly attempts?: number;
  readonly postponed?: number;
  /** The subject's status is `failed`, although the task is tried again. */
  readonly failing?: boolean;
}

/** Tries again at `runAt`; a write that comes meanwhile makes it due at once. */
export async function retryLater(
  db: Db,
  task: DueTask,
  runAt: string,
  { failedAt, error, awaitsVendor = false, ...counts }: Postponement,
): Promise<void> {
  await db('tasks')
    .where({ id: task.id })
    .update({
      run_at: db.raw('case when seq = ? then ? else run_at end', [task.seq, runAt]),
      ...counts,
      failed_at: failedAt,
      awaits_vendor: awaitsVendor,
      error: toJson(error),
    });
}

export interface Recheck {
  /** ISO time; a write that comes before makes the task due at once. */
  readonly runAt: string;
  /** Something has to happen at the vendor first. */
  readonly awaitsVendor: boolean;
}

/** The subject is settled, except for a recheck. */
export async function recheckTask(
  db: Db,
  task: DueTask,
  { runAt, awaitsVendor }: Recheck,
  ending: Ending,
): Promise<void> {
  const waiting = { run_at: runAt, intent: null, ...UNFAILED, awaits_vendor: awaitsVendor };
  await endTask(db, task, ending, waiting);
}

/**
 * Lets the task wait for an admin, or for the next write to the subject. `unknownOutcome`: a call may have reached
 * the vendor, so the next attempt looks before it writes.
 */
export async function parkTask(
  db: Db,
  task: DueTask,
  failure: { readonly failedAt: string; readonly error: TaskFailure; readonly unknownOutcome: boolean },
): Promise<void> {
  const parked = await db('tasks')
    .where({ id: task.id, seq: task.seq })
    .update({
      state: 'parked',
      failed_at: failure.failedAt,
      error: toJson(failure.error),
      ...(failure.unknownOutcome ? {} : { intent: null }),
    });
  if (parked === 0) await startAfresh(db, task, failure.unknownOutcome);
}

/** The store answers again, so tasks that wait because of failures are due at once. */
export async function endBackoff(db: Db, storeId: string, now: string): Promise<void> {
  await db('tasks')
    .where({ store_id: storeId, state: 'pending' })
    .where('run_at', '>', now)
    .whereNotNull('failed_at')
    .update({ run_at: now });
}
