/** Sync runs: each plans everybody and every link of a store, on request or because the store changed. */

import type { Knex } from 'knex';
import type { ListProgress } from '../../model/remote.ts';
import { newId } from '../../support/ids.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import type { ChangeCounts } from './changeCounts.ts';

export type SyncRunCause = 'request' | 'periodic' | 'activation' | 'settings' | 'deletion' | 'apply';
export type SyncRunState = 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED';

export interface SyncProgress {
  readonly scanned: number;
  /** Null until it is counted. */
  readonly total: number | null;
}

/** Where a run stands; between two steps it may be interrupted and taken up again. */
export interface SyncPosition {
  readonly phase: string;
  readonly cursor: string | null;
  /** How many steps failed in a row. */
  readonly failures: number;
  /** The progress of a list that is being read. */
  readonly list?: ListProgress;
  /** How many groups in a row had members that could not be read. */
  readonly unread?: number;
}

/**
 * The changes that were made, once the run is over; the run's own calls, and with them those of its tasks once it is
 * over; the drift that it found.
 */
export interface SyncSummary extends Partial<ChangeCounts> {
  readonly calls?: number;
  readonly drift?: number;
  /** For an applied preview: how many items were not done. */
  readonly refused?: number;
}

export interface SyncRunRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly cause: SyncRunCause;
  readonly correlationId: string;
  /** The run first reads the store page by page; false: it only uses the directory and the links. */
  readonly scan: boolean;
  /** False: the run only reports what differs. */
  readonly repair: boolean;
  readonly state: SyncRunState;
  readonly progress: SyncProgress;
  readonly summary: SyncSummary;
  readonly drift: readonly unknown[];
  /** For an applied preview: its id, and whether what the brake held in it is applied too. */
  readonly previewId: string | null;
  readonly includeHeld: boolean;
  /** Items of an applied preview that were not done, because the plan is not the same any more. */
  readonly refused: readonly unknown[];
  /** Everything is planned and queued; the run is done when none of its tasks is due any more. */
  readonly settling: boolean;
  /** Null until it starts. */
  readonly position: SyncPosition | null;
  /** Why it is FAILED, in words. */
  readonly error: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export type NewSyncRun = Pick<
  SyncRunRecord,
  'environmentId' | 'storeId' | 'cause' | 'correlationId' | 'scan' | 'repair'
> &
  Partial<Pick<SyncRunRecord, 'previewId' | 'includeHeld'>>;

/** `at` is an ISO time. */
export async function insertSyncRun(db: Db, run: NewSyncRun, at: string): Promise<SyncRunRecord> {
  const row = {
    id: newId(),
    environment_id: run.environmentId,
    store_id: run.storeId,
    cause: run.cause,
    correlation_id: run.correlationId,
    scan: run.scan,
    repair: run.repair,
    state: 'QUEUED',
    progress: toJson({ scanned: 0, total: null } satisfies SyncProgress),
    summary: '{}',
    drift: '[]',
    preview_id: run.previewId ?? null,
    include_held: run.includeHeld ?? false,
    refused: '[]',
    settling: false,
    position: null,
    error: null,
    created_at: at,
    started_at: null,
    finished_at: null,
  };
  await db('sync_runs').insert(row);
  return toSyncRun(row);
}

export async function getSyncRun(db: Db, storeId: string, id: string): Promise<SyncRunRecord | null> {
  const row = await db('sync_runs').where({ store_id: storeId, id }).first();
  return row ? toSyncRun(row) : null;
}

/**
 * The run that plans next: the one under way, else the oldest that waits. Runs that only wait for their tasks do not
 * count.
 */
export async function nextOpenRun(db: Db, storeId: string): Promise<SyncRunRecord | null> {
  return (await openRuns(db, storeId)).next;
}

/** Also says whether any run only waits for its tasks. */
export async function openRuns(
  db: Db,
  storeId: string,
): Promise<{ readonly next: SyncRunRecord | null; readonly isSettling: boolean }> {
  const rows = await openRows(db, storeId).orderBy('state', 'desc').orderBy('created_at').orderBy('id');
  const runs: readonly SyncRunRecord[] = rows.map(toSyncRun);
  const next = runs.find(({ settling }) => !settling) ?? null;
  return { next, isSettling: runs.some(({ settling }) => settling) };
}

/** For `exists`: the open runs of each store in `stores`. */
export function openRunsOf(db: Db, stores: string): Knex.QueryBuilder {
  return openRows(db, db.ref(`${stores}.id`));
}

function openRows(db: Db, storeId: string | Knex.Ref<string, Record<string, string>>): Knex.QueryBuilder {
  return db('sync_runs').where({ store_id: storeId }).whereIn('state', ['QUEUED', 'RUNNING']);
}

/** Saves how far a run is. A run that was called off meanwhile stays so. */
export async function saveSyncRun(
  db: Db,
  run: Pick<
    SyncRunRecord,
    | 'id'
    | 'state'
    | 'progress'
    | 'summary'
    | 'drift'
    | 'refused'
    | 'settling'
    | 'position'
    | 'error'
    | 'startedAt'
    | 'finishedAt'
  >,
): Promise<void> {
  await db('sync_runs')
    .where({ id: run.id })
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .update({
      state: run.state,
      progress: toJson(run.progress),
      summary: toJson(run.summary),
      drift: toJson(run.drift),
      refused: toJson(run.refused),
      settling: run.settling,
      position: toJson(run.position),
      error: run.error,
      started_at: run.startedAt,
      finished_at: run.finishedAt,
    });
}

/** The run that ended last; null where none ever did. */
export async function latestRun(db: Db, storeId: string): Promise<SyncRunRecord | null> {
  const row = await db('sync_runs')
    .where({ store_id: storeId })
    .whereIn('state', ['DONE', 'FAILED'])
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .first();
  return row ? toSyncRun(row) : null;
}

/**
 * Runs of which every task is settled, parked, held, or waits for something that may take the vendor days, so that
 * they can be closed: an open run keeps the next periodic one away.
 */
export async function settledRuns(db: Db, storeId: string): Promise<readonly SyncRunRecord[]> {
  const rows = await db('sync_runs')
    .where({ store_id: storeId, state: 'RUNNING', settling: true })
    .whereNotExists(
      db('task_causes')
        .join('tasks', 'tasks.id', 'task_causes.task_id')
        .where('tasks.store_id', storeId)
        .where('tasks.state', 'pending')
        .where({ 'tasks.postponed': 0, 'tasks.awaits_vendor': false })
        .where('task_causes.correlation_id', db.ref('sync_runs.correlation_id'))
        .select(db.raw('1')),
    );
  return rows.map(toSyncRun);
}

/** The last run that read the store, or is about to: one with a scan, or a periodic one. */
export async function lastScanningRun(db: Db, storeId: string): Promise<SyncRunRecord | null> {
  const row = await db('sync_runs')
    .where({ store_id: storeId })
    .where((run) => run.where({ scan: true }).orWhere({ cause: 'periodic' }))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .first();
  return row ? toSyncRun(row) : null;
}

/** Deletes runs that ended before the ISO time, except the last run of each store that read it, and later ones. */
export async function deleteOldSyncRuns(db: Db, before: string): Promise<void> {
  const rows: { store_id: string; at: string }[] = await db('sync_runs')
    .whereIn('state', ['DONE', 'FAILED'])
    .where((run) => run.where({ scan: true }).orWhere({ cause: 'periodic' }))
    .groupBy('store_id')
    .select('store_id')
    .max({ at: 'created_at' });
  for (const { store_id: storeId, at } of rows) {
    await db('sync_runs')
      .where({ store_id: storeId })
      .whereIn('state', ['DONE', 'FAILED'])
      .where('created_at', '<', at)
      .where('finished_at', '<', before)
      .delete();
  }
}

/** Whether a run waits or is under way. */
export async function hasOpenRun(db: Db, storeId: string): Promise<boolean> {
  const row = await db('sync_runs')
    .where({ store_id: storeId })
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .first('id');
  return row !== undefined;
}

/** Ends runs that no longer apply, because an admin deactivated the store or called its deletion off. */
export async function cancelOpenRuns(db: Db, storeId: string, error: string, at: string): Promise<void> {
  await db('sync_runs')
    .where({ store_id: storeId })
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .update({ state: 'FAILED', error, finished_at: at });
}

export function toSyncRun(row: Record<string, unknown>): SyncRunRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    cause: row.cause as SyncRunCause,
    correlationId: row.correlation_id as string,
    scan: fromBoolean(row.scan),
    repair: fromBoolean(row.repair),
    state: row.state as SyncRunState,
    progress: fromJson(row.progress),
    summary: fromJson(row.summary),
    drift: fromJson(row.drift),
    previewId: (row.preview_id as string | null) ?? null,
    includeHeld: fromBoolean(row.include_held),
    refused: fromJson(row.refused),
    settling: fromBoolean(row.settling),
    position: fromJsonOrNull(row.position),
    error: row.error as string | null,
    createdAt: row.created_at as string,
    startedAt: row.started_at as string | null,
    finishedAt: row.finished_at as string | null,
  };
}
