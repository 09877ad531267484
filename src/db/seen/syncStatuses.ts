/**
 * The status of each subject on each store, as its last attempt left it. A subject with a waiting task counts as
 * `pending` whatever its row says, unless it has failed for so long that it counts as `failed`.
 */

import type { Kind, Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { type Write, writeTogether, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

export const SYNC_STATUSES = ['synced', 'pending', 'unsynced', 'partiallySynced', 'held', 'failed'] as const;
export type SyncStatus = (typeof SYNC_STATUSES)[number];

/** The vendor's answer behind a status. */
export interface VendorAnswer {
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string;
}

export interface SyncStatusRecord {
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  readonly status: SyncStatus;
  /** In words for people; null for `synced`. For `pending`, it says whom the subject waits for. */
  readonly reason: string | null;
  readonly vendor: VendorAnswer | null;
  readonly correlationId: string | null;
  /** Since when it has this status; null where no record says it. */
  readonly since: string | null;
  /** When the subject was last as desired; null where it never was. */
  readonly lastSyncAt: string | null;
}

/** `since`: the time of the write; where the status stays the same, its time stays too. */
export async function upsertSyncStatus(db: Db, record: SyncStatusRecord): Promise<void> {
  await upsertSyncStatuses(db, [record]);
}

const ROWS_PER_INSERT_MAX = 100;

/** The same for many subjects. */
export async function upsertSyncStatuses(db: Db, records: readonly SyncStatusRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += ROWS_PER_INSERT_MAX)
    await writeTogether(db, [savingStatuses(records.slice(from, from + ROWS_PER_INSERT_MAX))]);
}

/** The same for a few subjects, together with other writes. */
export function savingStatuses(records: readonly SyncStatusRecord[]): Write {
  return writing(saveRows, { rows: records.map(toRow) });
}

function saveRows(db: Db, { rows }: { readonly rows: readonly object[] }) {
  const same =
    "sync_statuses.status = excluded.status and coalesce(sync_statuses.reason, '') = coalesce(excluded.reason, '')";
  const since = db.raw(
    `case when ${same} then coalesce(sync_statuses.since, excluded.since) else excluded.since end`,
  );
  const said = ['environment_id', 'status', 'reason', 'vendor', 'correlation_id', 'last_sync_at'];
  const anew = Object.fromEntries(said.map((column) => [column, db.raw('excluded.??', [column])]));
  return db('sync_statuses')
    .insert(rows)
    .onConflict(['store_id', 'kind', 'subject_id'])
    .merge({ ...anew, since });
}

function toRow(record: SyncStatusRecord) {
  return {
    environment_id: record.environmentId,
    store_id: record.storeId,
    kind: record.subject.kind,
    subject_id: record.subject.id,
    status: record.status,
    reason: record.reason,
    vendor: record.vendor === null ? null : toJson(record.vendor),
    correlation_id: record.correlationId,
    since: record.since,
    last_sync_at: record.lastSyncAt,
  };
}

export async function getSyncStatus(
  db: Db,
  storeId: string,
  subject: Subject,
): Promise<SyncStatusRecord | null> {
  const row = await db('sync_statuses')
    .where({ store_id: storeId, kind: subject.kind, subject_id: subject.id })
    .first();
  return row ? toSyncStatus(row) : null;
}

/** The reasons of these people's statuses on a store, without people who have none. */
export async function reasonsOfPeople(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows: { subject_id: string; reason: string }[] = await db('sync_statuses')
    .where({ store_id: storeId, kind: 'user' })
    .whereIn('subject_id', personIds)
    .whereNotNull('reason')
    .select('subject_id', 'reason');
  return new Map(rows.map(({ subject_id: id, reason }) => [id, reason]));
}

/** The subject's statuses on every store. */
export async function syncStatusesOfSubject(db: Db, subject: Subject): Promise<readonly SyncStatusRecord[]> {
  const rows = await db('sync_statuses').where({ kind: subject.kind, subject_id: subject.id });
  return rows.map(toSyncStatus);
}

/** The statuses of many subjects, by subject id, without subjects that were never settled. */
export async function statusesOfSubjects(
  db: Db,
  storeId: string,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<ReadonlyMap<string, SyncStatus>> {
  const found = new Map<string, SyncStatus>();
  for (const some of chunks(subjectIds)) {
    const rows = await db('sync_statuses')
      .where({ store_id: storeId, kind })
      .whereIn('subject_id', some)
      .select('subject_id', 'status');
    for (const row of rows) found.set(row.subject_id, row.status);
  }
  return found;
}

export interface RecordedStatus {
  readonly status: SyncStatus;
  readonly since: string | null;
}

/** The same for people, with the time; with a waiting task, `pending` since that was queued. */
export async function standingOfPeople(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, RecordedStatus>> {
  const found = new Map<string, RecordedStatus>();
  for (const some of chunks(personIds)) {
    const ofStore = { store_id: storeId, kind: 'user' };
    const rows = await db('sync_statuses').where(ofStore).whereIn('subject_id', some);
    for (const row of rows) found.set(row.subject_id, { status: row.status, since: row.since ?? null });
    const waiting = { ...ofStore, state: 'pending', failing: false };
    const tasks = await db('tasks').where(waiting).whereIn('subject_id', some);
    for (const row of tasks) found.set(row.subject_id, { status: 'pending', since: row.created_at });
  }
  return found;
}

export async function deleteSyncStatus(db: Db, storeId: string, subject: Subject): Promise<void> {
  await db('sync_statuses').where({ store_id: storeId, kind: subject.kind, subject_id: subject.id }).delete();
}

/** The number of subjects of one kind by status, each counted once: with a pending task as `pending`. */
export async function countSyncStatuses(
  db: Db,
  storeId: string,
  kind: Kind,
): Promise<Readonly<Record<SyncStatus, number>>> {
  const counts: Record<SyncStatus, number> = {
    synced: 0,
    pending: 0,
    unsynced: 0,
    partiallySynced: 0,
    held: 0,
    failed: 0,
  };
  // Reads only the index: a store has as many statuses as people, and admins ask for the counts again and again.
  const counted = await db('sync_statuses')
    .where({ store_id: storeId, kind })
    .groupBy('status')
    .select('status')
    .count({ n: '*' });
  for (const row of counted as StatusCount[]) counts[row.status] = Number(row.n);
  const tasks = db('tasks').where({
    'tasks.store_id': storeId,
    'tasks.kind': kind,
    'tasks.state': 'pending',
    'tasks.failing': false,
  });
  const waiting = await tasks
    .leftJoin('sync_statuses', function () {
      this.on('sync_statuses.store_id', 'tasks.store_id');
      this.on('sync_statuses.kind', 'tasks.kind');
      this.on('sync_statuses.subject_id', 'tasks.subject_id');
    })
    .groupBy('sync_statuses.status')
    .select('sync_statuses.status')
    .count({ n: '*' });
  for (const { status, n } of waiting as (Omit<StatusCount, 'status'> & { status: SyncStatus | null })[]) {
    if (status !== null) counts[status] -= Number(n);
    counts.pending += Number(n);
  }
  return counts;
}

interface StatusCount {
  readonly status: SyncStatus;
  readonly n: number | string;
}

/** The most frequent reasons why subjects are not in sync, without subjects that have a waiting task. */
export async function reasonsOf(
  db: Db,
  storeId: string,
  kind: Kind,
  limit: number,
): Promise<readonly { readonly status: SyncStatus; readonly reason: string; readonly count: number }[]> {
  const rows = await db('sync_statuses')
    .where({ store_id: storeId, kind })
    .whereIn('status', ['unsynced', 'partiallySynced', 'failed'])
    .whereNotNull('reason')
    .whereNotExists(pendingTask(db))
    .groupBy('status', 'reason')
    .select('status', 'reason')
    .count({ n: '*' })
    .orderBy([{ column: 'n', order: 'desc' }, 'status', 'reason'])
    .limit(limit);
  return (rows as { status: SyncStatus; reason: string; n: number | string }[]).map((row) => {
    return { status: row.status, reason: row.reason, count: Number(row.n) };
  });
}

/** The vendor's refusals for these subjects, by `kind id`, without subjects that have none. */
export async function vendorRefusals(
  db: Db,
  storeId: string,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(subjects.map(({ id }) => id))];
  const found = new Map<string, string>();
  for (const some of chunks(ids)) {
    const rows = await db('sync_statuses')
      .where({ store_id: storeId })
      .whereIn('subject_id', some)
      .whereNotNull('vendor')
      .whereNotNull('reason')
      .select('kind', 'subject_id', 'reason');
    for (const row of rows) found.set(`${row.kind} ${row.subject_id}`, row.reason);
  }
  return found;
}

/**
 * The subjects for whom a vendor refused something with one of these HTTP statuses, as long as their status still
 * says so.
 */
export async function subjectsRefusedWith(
  db: Db,
  storeId: string,
  httpStatuses: readonly number[],
): Promise<readonly Subject[]> {
  const rows = await db('sync_statuses')
    .where({ store_id: storeId })
    .whereIn('status', ['partiallySynced', 'failed'])
    .whereNotNull('vendor')
    .select('kind', 'subject_id', 'vendor');
  return rows.flatMap((row: { kind: Kind; subject_id: string; vendor: unknown }) => {
    const { status } = fromJson<VendorAnswer>(row.vendor);
    if (status === null || !httpStatuses.includes(status)) return [];
    return [{ kind: row.kind, id: row.subject_id }];
  });
}

function pendingTask(db: Db) {
  return db('tasks')
    .where('tasks.state', 'pending')
    .where('tasks.failing', false)
    .where('tasks.store_id', db.ref('sync_statuses.store_id'))
    .where('tasks.kind', db.ref('sync_statuses.kind'))
    .where('tasks.subject_id', db.ref('sync_statuses.subject_id'))
    .select(db.raw('1'));
}

export function toSyncStatus(row: Record<string, unknown>): SyncStatusRecord {
  return {
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    subject: { kind: row.kind as Kind, id: row.subject_id as string },
    status: row.status as SyncStatus,
    reason: row.reason as string | null,
    vendor: fromJsonOrNull(row.vendor),
    correlationId: row.correlation_id as string | null,
    since: (row.since ?? null) as string | null,
    lastSyncAt: row.last_sync_at as string | null,
  };
}
