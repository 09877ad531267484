/**
 * What a worker needs to know when it turns to a store, in one statement: the store, its most urgent due tasks, and
 * whether a sync is under way.
 */

import type { Kind } from '../../model/subject.ts';
import { wantedBackOf } from '../brake/giveBacks.ts';
import { fromBoolean, fromJsonOrNull } from '../columns.ts';
import { keptReading } from '../knex/kept.ts';
import { jsonList } from '../lists/values.ts';
import type { Db } from '../open.ts';
import { openRunsOf } from '../runs/syncRuns.ts';
import { type StoreRecord, toStore } from '../stores/stores.ts';
import { PRIORITY } from './enqueue.ts';
import { openLeaverOf } from './leavers.ts';
import type { DueTask, Intent, TaskFailure } from './queue.ts';

export interface TaskSelection {
  readonly limit: number;
  /** The ids of tasks to leave out. */
  readonly except: readonly string[];
  /** Only tasks of people who must lose access. */
  readonly onlyLeavers: boolean;
}

export interface DueOnStore {
  readonly store: StoreRecord;
  /** The most urgent task first. */
  readonly tasks: readonly DueTask[];
  /** The store has sync runs that are not over. */
  readonly hasRuns: boolean;
}

/** Null where there is no such store, or it is deleted. `now`: an ISO time. */
export async function dueOnStore(
  db: Db,
  storeId: string,
  now: string,
  { except, ...fixed }: TaskSelection,
): Promise<DueOnStore | null> {
  const rows = await dueRows(db, { storeId, now, except }, fixed);
  const [first] = rows;
  if (!first) return null;
  const tasks = rows.filter((row) => row.task_id !== null).map(toDueTask);
  return { store: toStore(first), tasks, hasRuns: fromBoolean(first.has_runs) };
}

const dueRows = keptReading<
  readonly (DueRow & Record<string, unknown>)[],
  Pick<TaskSelection, 'except'> & { readonly storeId: string; readonly now: string },
  Omit<TaskSelection, 'except'>
>((db, { storeId, now, except }, { limit, onlyLeavers }) => {
  const due = db('tasks')
    .where({ store_id: storeId, state: 'pending' })
    .where('run_at', '<=', now)
    .orderBy(['priority', 'run_at', 'id'])
    .limit(limit);
  if (onlyLeavers) due.where({ kind: 'user', priority: PRIORITY.leaver });
  if (except.length > 0) due.whereNotIn('id', except);
  const causes = db('task_causes').where('task_id', db.ref('due.id'));
  const members = db('task_members').where('task_id', db.ref('due.id'));
  return db('stores')
    .leftJoin(due.as('due'), 'due.store_id', 'stores.id')
    .where('stores.id', storeId)
    .whereNull('stores.deleted_at')
    .orderBy(['due.priority', 'due.run_at', 'due.id'])
    .select('stores.*', OF_TASK)
    .select(db.raw('exists ? as has_runs', [openRunsOf(db, 'stores').select(db.raw('1'))]))
    .select(db.raw('exists ? as gives_back', [wantedBackOf(db, 'due')]))
    .select(db.raw('exists ? as open_leaver', [openLeaverOf(db, 'due')]))
    .select(db.raw('? as causes', [jsonList(db, causes, 'correlation_id', 'created_at')]))
    .select(
      db.raw("case when due.kind = 'group' and due.whole_seq is null then ? end as changed_members", [
        jsonList(db, members, 'person_id', 'person_id'),
      ]),
    );
});

/** The task's columns, under names that no column of the store has. */
const OF_TASK = {
  task_id: 'due.id',
  kind: 'due.kind',
  subject_id: 'due.subject_id',
  priority: 'due.priority',
  seq: 'due.seq',
  whole_seq: 'due.whole_seq',
  intent: 'due.intent',
  attempts: 'due.attempts',
  postponed: 'due.postponed',
  failed_at: 'due.failed_at',
  groups_asked_at: 'due.groups_asked_at',
  task_error: 'due.error',
  asked_at: 'due.created_at',
} as const;

/** A row also has the store's own columns. */
interface DueRow {
  readonly id: string;
  readonly environment_id: string;
  readonly context_version: number | string;
  readonly has_runs: boolean | number;
  readonly task_id: string;
  readonly kind: Kind;
  readonly subject_id: string;
  readonly priority: number;
  readonly seq: number;
  readonly whole_seq: number | string | null;
  readonly intent: unknown;
  readonly attempts: number;
  readonly postponed: number;
  readonly failed_at: string | null;
  readonly groups_asked_at: string | null;
  readonly task_error: unknown;
  readonly asked_at: string;
  readonly gives_back: boolean | number;
  readonly open_leaver: boolean | number;
  readonly causes: unknown;
  readonly changed_members: unknown;
}

function toDueTask(row: DueRow): DueTask {
  const isHinted = row.kind === 'group' && row.whole_seq === null;
  return {
    id: row.task_id,
    environmentId: row.environment_id,
    storeId: row.id,
    subject: { kind: row.kind, id: row.subject_id },
    priority: row.priority,
    seq: row.seq,
    intent: fromJsonOrNull<Intent>(row.intent),
    attempts: row.attempts,
    postponed: row.postponed,
    failedAt: row.failed_at,
    groupsAskedAt: row.groups_asked_at,
    error: fromJsonOrNull<TaskFailure>(row.task_error),
    createdAt: row.asked_at,
    causes: fromJsonOrNull<readonly string[]>(row.causes) ?? [],
    changedMembers: isHinted ? (fromJsonOrNull<readonly string[]>(row.changed_members) ?? []) : null,
    givesBack: fromBoolean(row.gives_back),
    isOpenLeaver: fromBoolean(row.open_leaver),
    contextVersion: Number(row.context_version),
  };
}
