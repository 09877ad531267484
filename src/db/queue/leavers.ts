/**
 * Leavers: people who left, until a store has confirmed that their access is gone. A row says since when. It decides
 * nothing, and is deleted in the transaction that settles the person.
 */

import type { Knex } from 'knex';
import { fromJsonOrNull } from '../columns.ts';
import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

export interface LeaverRecord {
  readonly storeId: string;
  readonly personId: string;
  readonly environmentId: string;
  /** The request that made the person leave. */
  readonly correlationId: string | null;
  /** ISO times: when that request was answered, and when the deadline was found exceeded. */
  readonly since: string;
  readonly overdueAt: string | null;
  /** With `VERIFY`: when the store took the change, which the bridge reads back from then on. */
  readonly disabledAt: string | null;
  readonly checks: number;
}

type NewLeaver = Pick<LeaverRecord, 'personId' | 'environmentId' | 'correlationId' | 'since'>;

/** Opens a leaver on each store. One that is open already keeps its `since`. */
export function openingLeavers(storeIds: readonly string[], leaver: NewLeaver): Write {
  const row = {
    person_id: leaver.personId,
    environment_id: leaver.environmentId,
    correlation_id: leaver.correlationId,
    since: leaver.since,
    overdue_at: null,
    disabled_at: null,
    checks: 0,
  };
  return writing(open, { rows: storeIds.map((storeId) => ({ store_id: storeId, ...row })) });
}

function open(db: Db, { rows }: { readonly rows: readonly object[] }) {
  return db('leavers').insert(rows).onConflict(['store_id', 'person_id']).ignore();
}

export async function getLeaver(db: Db, storeId: string, personId: string): Promise<LeaverRecord | null> {
  const row = await db('leavers').where({ store_id: storeId, person_id: personId }).first();
  return row ? toLeaver(row) : null;
}

/** For `exists`: the open leaver that each task in `tasks` is about. */
export function openLeaverOf(db: Db, tasks: string): Knex.QueryBuilder {
  return db('leavers')
    .where({ store_id: db.ref(`${tasks}.store_id`), person_id: db.ref(`${tasks}.subject_id`) })
    .select(db.raw('1'));
}

/** The store confirmed that the access is gone, or an admin decided that nothing is to be done. */
export function closingLeaver(storeId: string, personId: string): Write {
  return writing(close, { storeId, personId });
}

function close(db: Db, { storeId, personId }: Pick<LeaverRecord, 'storeId' | 'personId'>) {
  return db('leavers').where({ store_id: storeId, person_id: personId }).delete();
}

/** Closes the leaver on every store: the person is back. */
export function closingLeaverEverywhere(personId: string): Write {
  return writing(closeEverywhere, { personId });
}

function closeEverywhere(db: Db, { personId }: { readonly personId: string }) {
  return db('leavers').where({ person_id: personId }).delete();
}

/** Saves that the store took the disabling, or that the bridge read it back once more. */
export async function saveCheck(
  db: Db,
  leaver: Pick<LeaverRecord, 'storeId' | 'personId' | 'disabledAt' | 'checks'>,
): Promise<void> {
  await db('leavers')
    .where({ store_id: leaver.storeId, person_id: leaver.personId })
    .update({ disabled_at: leaver.disabledAt, checks: leaver.checks });
}

/**
 * Marks the leavers of a store who have waited since `cutoff` or longer as overdue, and answers those who were not
 * marked before.
 */
export async function takeOverdue(
  tx: Db,
  storeId: string,
  cutoff: string,
  at: string,
  limit: number,
): Promise<readonly LeaverRecord[]> {
  const rows = await tx('leavers')
    .where({ store_id: storeId })
    .whereNull('overdue_at')
    .where('since', '<=', cutoff)
    .orderBy('since')
    .limit(limit);
  const people = rows.map((row: { person_id: string }) => row.person_id);
  await tx('leavers').where({ store_id: storeId }).whereIn('person_id', people).update({ overdue_at: at });
  return rows.map(toLeaver);
}

/** Stores with a leaver who is not marked as overdue yet. */
export async function storesWithUnreportedLeavers(db: Db): Promise<ReadonlySet<string>> {
  const rows: { store_id: string }[] = await db('leavers').whereNull('overdue_at').distinct('store_id');
  return new Set(rows.map((row) => row.store_id));
}

/** A leaver as an admin sees it. */
export interface OpenLeaver {
  readonly personId: string;
  /** The request that made the person leave. */
  readonly correlationId: string | null;
  readonly since: string;
  readonly overdueAt: string | null;
  readonly verifying: boolean;
  /** The state of the person's task; null where the store refused and the bridge does not try again. */
  readonly task: 'pending' | 'parked' | 'held' | null;
  /** The task's last failure, in words. */
  readonly failure: string | null;
}

/** Those who have waited longest first. */
export async function listOpenLeavers(
  db: Db,
  storeId: string,
  limit: number,
): Promise<readonly OpenLeaver[]> {
  const rows = await db('leavers')
    .leftJoin('tasks', (join) => {
      join
        .on('tasks.store_id', 'leavers.store_id')
        .andOn('tasks.subject_id', 'leavers.person_id')
        .andOn('tasks.kind', db.raw('?', ['user']));
    })
    .where('leavers.store_id', storeId)
    .orderBy(['leavers.since', 'leavers.person_id'])
    .limit(limit)
    .select('leavers.*', { task_state: 'tasks.state', task_error: 'tasks.error' });
  return rows.map((row: Record<string, unknown>) => {
    const { personId, correlationId, since, overdueAt, disabledAt } = toLeaver(row);
    const task = (row.task_state ?? null) as OpenLeaver['task'];
    const failure = fromJsonOrNull<{ message: string }>(row.task_error)?.message ?? null;
    return { personId, correlationId, since, overdueAt, verifying: disabledAt !== null, task, failure };
  });
}

export interface LeaverCount {
  readonly open: number;
  readonly overdue: number;
  /** ISO time; null where no leaver is open. */
  readonly oldest: string | null;
}

export async function countLeavers(db: Db, storeId: string): Promise<LeaverCount> {
  const row = await db('leavers')
    .where({ store_id: storeId })
    .count({ open: '*' })
    .count({ overdue: 'overdue_at' })
    .min({ oldest: 'since' })
    .first();
  return {
    open: Number(row?.open ?? 0),
    overdue: Number(row?.overdue ?? 0),
    oldest: (row?.oldest as string | null | undefined) ?? null,
  };
}

function toLeaver(row: Record<string, unknown>): LeaverRecord {
  return {
    storeId: row.store_id as string,
    personId: row.person_id as string,
    environmentId: row.environment_id as string,
    correlationId: row.correlation_id as string | null,
    since: row.since as string,
    overdueAt: row.overdue_at as string | null,
    disabledAt: row.disabled_at as string | null,
    checks: Number(row.checks),
  };
}
