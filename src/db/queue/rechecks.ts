/**
 * Rechecks. A call whose answer did not come, or whose attempt ended, may take effect after the next attempt has
 * looked and written. So the bridge looks at the subject again when that call must have ended.
 */

import type { Kind, Subject } from '../../model/subject.ts';
import { fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import { enqueueTask, PRIORITY } from './enqueue.ts';
import { getLeaver } from './leavers.ts';
import { type Intent, setIntent } from './queue.ts';

export interface Recheck {
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  readonly intent: Intent;
  /** ISO time */
  readonly at: string;
  readonly correlationId: string | null;
}

export async function scheduleRecheck(db: Db, look: Recheck): Promise<void> {
  const key = { store_id: look.storeId, kind: look.subject.kind, subject_id: look.subject.id };
  const known = await db('second_looks').where(key).first('intent');
  const intent = toJson(joined(fromJsonOrNull<Intent>(known?.intent), look.intent));
  await db('second_looks')
    .insert({
      ...key,
      environment_id: look.environmentId,
      at: look.at,
      intent,
      correlation_id: look.correlationId,
    })
    .onConflict(['store_id', 'kind', 'subject_id'])
    .merge(['at', 'intent', 'correlation_id']);
}

/** The intent of a subject that is settled anew, with nothing to be found. */
const NOTHING_MEANT: Intent = { ops: [], attributes: {} };

/** Schedules the next try of a loss that the vendor refused; a recheck that waits already comes first. */
export async function scheduleRetry(db: Db, look: Omit<Recheck, 'intent'>): Promise<void> {
  await db('second_looks')
    .insert({
      environment_id: look.environmentId,
      store_id: look.storeId,
      kind: look.subject.kind,
      subject_id: look.subject.id,
      at: look.at,
      intent: toJson(NOTHING_MEANT),
      correlation_id: look.correlationId,
    })
    .onConflict(['store_id', 'kind', 'subject_id'])
    .ignore();
}

/** Schedules a recheck for each task in which the former holder of the lease may have left a call. */
export async function recheckCalls(db: Db, storeId: string, at: string): Promise<void> {
  const rows = await db('tasks').where({ store_id: storeId }).whereNotNull('intent');
  for (const row of rows) {
    const cause = await db('task_causes').where({ task_id: row.id }).orderBy('created_at', 'desc').first();
    await scheduleRecheck(db, {
      environmentId: row.environment_id,
      storeId,
      subject: { kind: row.kind as Kind, id: row.subject_id },
      intent: fromJson(row.intent),
      at,
      correlationId: cause?.correlation_id ?? null,
    });
  }
}

/** When a call about the subject that may still take effect must have ended; an ISO time. */
export async function recheckAt(db: Db, storeId: string, { kind, id }: Subject): Promise<string | null> {
  const row = await db('second_looks').where({ store_id: storeId, kind, subject_id: id }).first('at');
  return row?.at ?? null;
}

/** Creations of unknown outcome that wait for their recheck. */
export async function intendedCreations(db: Db, storeId: string, kind: Kind): Promise<readonly Intent[]> {
  const rows = await db('second_looks').where({ store_id: storeId, kind }).select('intent');
  return rows
    .map((row: { intent: string }) => fromJson<Intent>(row.intent))
    .filter((intent: Intent) => intent.ops.includes('create'));
}

/**
 * Queues due rechecks, but not of subjects with an attempt under way, whose intent it would overwrite. Only the
 * holder of the lease may call it. Answers whether it queued any.
 */
export async function enqueueDueRechecks(
  db: Db,
  storeId: string,
  now: string,
  isUnderWay: (subject: Subject) => boolean,
): Promise<boolean> {
  let hasSome = false;
  const due = await db('second_looks').where({ store_id: storeId }).where('at', '<=', now);
  for (const row of due) {
    const subject = { kind: row.kind as Kind, id: row.subject_id as string };
    if (isUnderWay(subject)) continue;
    const key = { store_id: storeId, kind: subject.kind, subject_id: subject.id };
    const isPut = await db.transaction(async (tx) => {
      // A task with its own intent looks anyway, and must first learn the outcome of its own call.
      if (await tx('tasks').where(key).whereNotNull('intent').first('id')) return false;
      await enqueueTask(tx, storeId, {
        environmentId: row.environment_id,
        subject,
        priority: (await isLeaver(tx, storeId, subject)) ? PRIORITY.leaver : PRIORITY.normal,
        correlationIds: row.correlation_id === null ? [] : [row.correlation_id],
        at: now,
      });
      const task = await tx('tasks').where(key).first('id');
      const intent = fromJson<Intent>(row.intent);
      if (intent.ops.length > 0 || intent.lost) await setIntent(tx, task.id, { ...intent, again: true });
      await tx('second_looks').where(key).delete();
      return true;
    });
    hasSome ||= isPut;
  }
  return hasSome;
}

async function isLeaver(tx: Db, storeId: string, { kind, id }: Subject): Promise<boolean> {
  return kind === 'user' && (await getLeaver(tx, storeId, id)) !== null;
}

/**
 * Joins two intents. Of two values for one attribute, the recheck looks for the later one. An intent for members
 * replaces the earlier one, because a recheck reads all members anyway.
 */
function joined(earlier: Intent | null, later: Intent): Intent {
  if (earlier === null || later.members) return later;
  return {
    ...earlier,
    ...later,
    ops: [...new Set([...earlier.ops, ...later.ops])],
    attributes: { ...earlier.attributes, ...later.attributes },
  };
}
