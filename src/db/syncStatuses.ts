/**
 * How each subject stands on each store, as its last settling left it. A subject with a waiting task
 * counts as `pending` whatever its row says.
 */

import type { Kind, Subject } from '../model/subject.ts';
import { fromJsonOrNull, toJson } from './columns.ts';
import type { Db } from './open.ts';

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
  /** In words for a person; null for `synced` and `pending`. */
  readonly reason: string | null;
  readonly vendor: VendorAnswer | null;
  readonly correlationId: string | null;
  /** When the subject last was as desired; null where it never was. */
  readonly lastSyncAt: string | null;
}

export async function upsertSyncStatus(db: Db, record: SyncStatusRecord): Promise<void> {
  const row = {
    environment_id: record.environmentId,
    store_id: record.storeId,
    kind: record.subject.kind,
    subject_id: record.subject.id,
    status: record.status,
    reason: record.reason,
    vendor: record.vendor === null ? null : toJson(record.vendor),
    correlation_id: record.correlationId,
    last_sync_at: record.lastSyncAt,
  };
  await db('sync_statuses').insert(row).onConflict(['store_id', 'kind', 'subject_id']).merge();
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

/** On every store. */
export async function syncStatusesOfSubject(db: Db, subject: Subject): Promise<readonly SyncStatusRecord[]> {
  const rows = await db('sync_statuses').where({ kind: subject.kind, subject_id: subject.id });
  return rows.map(toSyncStatus);
}

export async function deleteSyncStatus(db: Db, storeId: string, subject: Subject): Promise<void> {
  await db('sync_statuses').where({ store_id: storeId, kind: subject.kind, subject_id: subject.id }).delete();
}

/** Subjects of one kind by status, each counted once: with a pending task as `pending`. */
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
  const settled = await db('sync_statuses')
    .where({ store_id: storeId, kind })
    .whereNot({ status: 'pending' })
    .whereNotExists(pendingTask(db))
    .groupBy('status')
    .select('status')
    .count({ n: '*' });
  for (const row of settled as { status: SyncStatus; n: number | string }[])
    counts[row.status] = Number(row.n);
  const waiting = await db('tasks')
    .where({ store_id: storeId, kind, state: 'pending' })
    .count({ n: '*' })
    .first();
  const marked = await db('sync_statuses')
    .where({ store_id: storeId, kind, status: 'pending' })
    .whereNotExists(pendingTask(db))
    .count({ n: '*' })
    .first();
  counts.pending = Number(waiting?.n ?? 0) + Number(marked?.n ?? 0);
  return counts;
}

function pendingTask(db: Db) {
  return db('tasks')
    .where('tasks.state', 'pending')
    .where('tasks.store_id', db.ref('sync_statuses.store_id'))
    .where('tasks.kind', db.ref('sync_statuses.kind'))
    .where('tasks.subject_id', db.ref('sync_statuses.subject_id'))
    .select(db.raw('1'));
}

function toSyncStatus(row: Record<string, unknown>): SyncStatusRecord {
  return {
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    subject: { kind: row.kind as Kind, id: row.subject_id as string },
    status: row.status as SyncStatus,
    reason: row.reason as string | null,
    vendor: fromJsonOrNull(row.vendor),
    correlationId: row.correlation_id as string | null,
    lastSyncAt: row.last_sync_at as string | null,
  };
}
