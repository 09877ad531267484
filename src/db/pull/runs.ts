/** Runs over pulled directories: which one is open, how far it is, and its result. */

import {
  NOTHING_PULLED,
  type PullMode,
  type PullSettings,
  type PullState,
  type PullSummary,
} from '../../model/pull/pull.ts';
import type { Configuration } from '../../model/settings.ts';
import { newId } from '../../support/ids.ts';
import type { SealedSecret } from '../../support/secret.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export type PullPhase = 'scan' | 'compare' | 'apply';

/** Settings that are not saved yet: a run shows what would come of them, or applies them. */
export interface Trial {
  readonly configuration: Configuration;
  readonly secrets: Readonly<Record<string, SealedSecret>>;
  readonly settings: PullSettings;
}

/** What the scan reported about itself. */
export interface Findings {
  readonly ended: boolean;
  /** Objects that could not be read, by kind; an id of null means that nobody knows which. */
  readonly unread: readonly { readonly what: string; readonly id: string | null; readonly reason: string }[];
  readonly skipped: readonly { readonly what: string; readonly count: number; readonly reason: string }[];
}

export interface PullRun {
  readonly id: string;
  readonly environmentId: string;
  readonly connectionId: string;
  readonly mode: PullMode;
  readonly state: PullState;
  readonly phase: PullPhase;
  readonly correlationId: string;
  /**
   * With this run an admin applied a change that may leave people out. False once that is carried out or declined.
   */
  readonly takesFiltered: boolean;
  readonly day: number | null;
  readonly trial: Trial | null;
  readonly progress: { readonly read: number; readonly total?: number };
  readonly summary: PullSummary;
  readonly findings: Findings;
  readonly position: string | null;
  readonly error: string | null;
  readonly incidentId: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export type NewRun = Pick<PullRun, 'environmentId' | 'connectionId' | 'mode' | 'correlationId'> &
  Partial<Pick<PullRun, 'takesFiltered' | 'day' | 'trial'>>;

const UNREAD: Findings = { ended: false, unread: [], skipped: [] };

export async function insertPullRun(db: Db, run: NewRun, at: string): Promise<PullRun> {
  const row = {
    id: newId(),
    environment_id: run.environmentId,
    connection_id: run.connectionId,
    mode: run.mode,
    state: 'QUEUED',
    phase: 'scan',
    correlation_id: run.correlationId,
    takes_filtered: run.takesFiltered ?? false,
    day: run.day ?? null,
    trial: run.trial ? toJson(run.trial) : null,
    progress: toJson({ read: 0 }),
    summary: toJson(NOTHING_PULLED),
    findings: toJson(UNREAD),
    created_at: at,
  };
  await db('pull_runs').insert(row);
  return toRun(row);
}

export async function savePullRun(db: Db, run: PullRun): Promise<void> {
  await db('pull_runs')
    .where({ id: run.id })
    .update({
      mode: run.mode,
      state: run.state,
      phase: run.phase,
      progress: toJson(run.progress),
      summary: toJson(run.summary),
      findings: toJson(run.findings),
      position: run.position,
      error: run.error,
      incident_id: run.incidentId,
      started_at: run.startedAt,
      finished_at: run.finishedAt,
    });
}

export async function getPullRun(db: Db, connectionId: string, id: string): Promise<PullRun | null> {
  const row = await db('pull_runs').where({ connection_id: connectionId, id }).first();
  return row ? toRun(row) : null;
}

/** The run that is under way or waits to begin; null where there is none. */
export async function openPullRun(db: Db, connectionId: string): Promise<PullRun | null> {
  const row = await db('pull_runs')
    .where({ connection_id: connectionId })
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .orderBy(['created_at', 'id'])
    .first();
  return row ? toRun(row) : null;
}

/** The run that waits for a decision; null where there is none. */
export async function heldPullRun(db: Db, connectionId: string): Promise<PullRun | null> {
  const row = await db('pull_runs').where({ connection_id: connectionId, state: 'HELD' }).first();
  return row ? toRun(row) : null;
}

/** Whether an admin applied a change that leaves people out, and it is neither carried out nor declined. */
export async function owesFiltered(db: Db, connectionId: string): Promise<boolean> {
  const row = await applied(db, connectionId).where({ takes_filtered: true }).first('id');
  return row !== undefined;
}

export async function settleFiltered(db: Db, connectionId: string): Promise<void> {
  await applied(db, connectionId).where({ takes_filtered: true }).update({ takes_filtered: false });
}

function applied(db: Db, connectionId: string) {
  return db('pull_runs').where({ connection_id: connectionId }).whereNot({ mode: 'preview' });
}

/** The newest first: it replaces what the earlier ones held. */
export async function pullRunsOfIncident(db: Db, incidentId: string): Promise<readonly PullRun[]> {
  const rows = await db('pull_runs')
    .where({ incident_id: incidentId })
    .orderBy([{ column: 'created_at', order: 'desc' }, 'id']);
  return rows.map(toRun);
}

/** Newest first. */
export async function listPullRuns(
  db: Db,
  connectionId: string,
  limit: number,
  before: { readonly createdAt: string; readonly id: string } | null,
): Promise<readonly PullRun[]> {
  const query = db('pull_runs').where({ connection_id: connectionId });
  if (before) query.whereRaw('(created_at, id) < (?, ?)', [before.createdAt, before.id]);
  const rows = await query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit);
  return rows.map(toRun);
}

/** How the last runs ended that were to change something, the newest first. */
export async function lastEndings(
  db: Db,
  connectionId: string,
  limit: number,
): Promise<readonly { readonly state: PullState; readonly at: string }[]> {
  const rows: { state: PullState; finished_at: string }[] = await db('pull_runs')
    .where({ connection_id: connectionId })
    .whereNot({ mode: 'preview' })
    .whereNotNull('finished_at')
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit)
    .select('state', 'finished_at');
  return rows.map(({ state, finished_at: at }) => ({ state, at }));
}

const DELETED_AT_ONCE = 500;

/**
 * Deletes runs that ended before these times, with their lines. It keeps the newest run of each connection, and every
 * run with losses that an admin discarded, because scans still obey that.
 */
export async function deleteOldPullRuns(
  db: Db,
  before: { readonly runs: string; readonly previews: string },
): Promise<void> {
  for (;;) {
    const rows = await db('pull_runs as r')
      .whereIn('r.state', ['DONE', 'PARTIAL', 'FAILED'])
      .where((old) => {
        old.where('r.finished_at', '<', before.runs);
        old.orWhere((preview) =>
          preview.where('r.mode', 'preview').where('r.finished_at', '<', before.previews),
        );
      })
      .whereExists(
        db('pull_runs as later')
          .where('later.connection_id', db.ref('r.connection_id'))
          .where('later.created_at', '>', db.ref('r.created_at'))
          .select(db.raw('1')),
      )
      .whereNotExists(
        db('pull_changes as c')
          .where('c.run_id', db.ref('r.id'))
          .where('c.state', 'discarded')
          .select(db.raw('1')),
      )
      .limit(DELETED_AT_ONCE)
      .select('r.id');
    if (rows.length === 0) return;
    const ids = rows.map((row: { id: string }) => row.id);
    await db('pull_changes').whereIn('run_id', ids).delete();
    await db('pull_runs').whereIn('id', ids).delete();
  }
}

function toRun(row: Record<string, unknown>): PullRun {
  const day = row.day as number | null;
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    connectionId: row.connection_id as string,
    mode: row.mode as PullMode,
    state: row.state as PullState,
    phase: row.phase as PullPhase,
    correlationId: row.correlation_id as string,
    takesFiltered: fromBoolean(row.takes_filtered),
    day: day === null ? null : Number(day),
    trial: fromJsonOrNull(row.trial),
    progress: fromJson(row.progress),
    summary: fromJson(row.summary),
    findings: fromJson(row.findings),
    position: (row.position ?? null) as string | null,
    error: (row.error ?? null) as string | null,
    incidentId: (row.incident_id ?? null) as string | null,
    createdAt: row.created_at as string,
    startedAt: (row.started_at ?? null) as string | null,
    finishedAt: (row.finished_at ?? null) as string | null,
  };
}
