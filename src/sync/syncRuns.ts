/**
 * Keeps where a sync run stands. A run goes one step at a time, so that a leaver never waits behind a long one.
 * `phases.ts` says what a step does.
 */

import type { CallContext } from '../connectors/connector.ts';
import { appendEvent } from '../db/events.ts';
import { countSubjects } from '../db/identity/subjects.ts';
import type { Db } from '../db/open.ts';
import { type Lease, recordUnder } from '../db/queue/leases.ts';
import { type ChangeCounts, NO_CHANGES } from '../db/runs/changeCounts.ts';
import { doneChanges } from '../db/runs/doneChanges.ts';
import {
  nextOpenRun,
  type SyncPosition,
  type SyncRunRecord,
  type SyncSummary,
  saveSyncRun,
  settledRuns,
} from '../db/runs/syncRuns.ts';
import { recordScan, recordSync } from '../db/stores/storeProgress.ts';
import { SYSTEM } from '../model/cause.ts';
import type { RemoteError } from '../model/errors.ts';
import { isDoubted } from '../settle/doubtedList.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { AFTER_SCAN, firstPhase, nextPhase, PHASE_STEPS, type Phase, type Progress } from './phases.ts';
import { REFUSED_LISTED_MAX, takeRefused } from './preview/applyPreview.ts';
import type { Step } from './recordDrift.ts';

/** How much drift a run lists; beyond that, only the count grows. */
const DRIFT_LISTED_MAX = 1_000;
/** A step that fails this often in a row ends the scan. */
const STEP_FAILURES_MAX = 8;

interface StepDeps extends Pick<Step, 'giveWay' | 'proveRights'> {
  readonly db: Db;
  readonly clock: Clock;
}

/** One step of the store's oldest open run; false where there is none. */
export async function syncStep(
  deps: StepDeps,
  context: StoreContext,
  lease: Lease,
  callContext: CallContext,
): Promise<boolean> {
  const run = await nextOpenRun(deps.db, context.store.id);
  if (!run) return false;
  let calls = 0;
  const record: CallContext['record'] = (call) => {
    calls += 1;
    callContext.record(call);
  };
  const begins = await begun(deps, run);
  const { giveWay, proveRights } = deps;
  const step = {
    ...stepOf(deps, context, lease, { ...callContext, record }, begins),
    giveWay,
    proveRights,
  };
  const phase = step.run.position?.phase as Phase;
  const progress = await PHASE_STEPS[phase](step, step.run.position?.cursor ?? null);
  await step.record((tx) => advance(tx, step, phase, progress, calls));
  return true;
}

function stepOf(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  context: StoreContext,
  lease: Lease,
  callContext: CallContext,
  run: SyncRunRecord,
): Step {
  return {
    db,
    context,
    run,
    callContext,
    now: () => isoTime(clock.now()),
    giveWay: () => Promise.resolve(false),
    proveRights: () => Promise.resolve(),
    record: (work) => recordUnder(db, lease, work),
  };
}

async function begun({ db, clock }: { db: Db; clock: Clock }, run: SyncRunRecord): Promise<SyncRunRecord> {
  if (run.state === 'RUNNING') return run;
  const position: SyncPosition = { phase: firstPhase(run), cursor: null, failures: 0 };
  const total = await countSubjects(db, run.environmentId);
  const started = {
    ...run,
    state: 'RUNNING',
    position,
    startedAt: isoTime(clock.now()),
    progress: { scanned: 0, total },
  } as const;
  await saveSyncRun(db, started);
  return started;
}

async function advance(tx: Db, step: Step, phase: Phase, progress: Progress, calls: number): Promise<void> {
  const { run } = step;
  const drift = [...run.drift, ...(progress.drift ?? [])];
  const refused = progress.refused ?? [];
  const summary = withMore(run.summary, {
    calls,
    drift: progress.drift?.length ?? 0,
    refused: refused.length,
  });
  const next = progress.cursor === null ? nextPhase(step, phase) : phase;
  const scanned = run.progress.scanned + (progress.scanned ?? 0);
  const moved = {
    ...run,
    summary,
    drift: drift.slice(0, DRIFT_LISTED_MAX),
    refused: [...run.refused, ...refused].slice(0, REFUSED_LISTED_MAX),
    // A store may hold more than the directory, whose size `total` is.
    progress: { scanned, total: Math.max(run.progress.total ?? 0, scanned) },
  };
  if (next !== null) {
    const { cursor, list, unread = 0 } = progress;
    const goesOn = { ...(cursor !== null && list ? { list } : {}), ...(unread > 0 ? { unread } : {}) };
    return saveSyncRun(tx, { ...moved, position: { phase: next, cursor, failures: 0, ...goesOn } });
  }
  await saveSyncRun(tx, { ...moved, position: null, settling: true });
}

/** Closes the runs of which no task is due soon. */
export async function closeSettledRuns(
  deps: { readonly db: Db; readonly clock: Clock },
  context: StoreContext,
  lease: Lease,
): Promise<void> {
  for (const run of await settledRuns(deps.db, context.store.id)) {
    const step = stepOf(deps, context, lease, NO_CALLS, run);
    await step.record(async (tx) => {
      const left = await takeRefused(tx, run);
      const refused = [...run.refused, ...left.items].slice(0, REFUSED_LISTED_MAX);
      const summary = await summaryOf(tx, {
        ...run,
        summary: withMore(run.summary, { refused: left.count }),
      });
      await saveSyncRun(tx, { ...run, state: 'DONE', refused, summary, finishedAt: step.now() });
      await finished(tx, step, summary);
    });
  }
}

const NO_CALLS: CallContext = { signal: AbortSignal.abort(), record: () => {} };

function withMore(
  summary: SyncSummary,
  more: { readonly calls?: number; readonly drift?: number; readonly refused: number },
): SyncSummary {
  const refused = (summary.refused ?? 0) + more.refused;
  return {
    ...summary,
    calls: (summary.calls ?? 0) + (more.calls ?? 0),
    drift: (summary.drift ?? 0) + (more.drift ?? 0),
    ...(refused > 0 ? { refused } : {}),
  };
}

/** What the run has done by now. */
export async function summaryOf(db: Db, run: SyncRunRecord): Promise<ChangeCounts & SyncSummary> {
  if (run.state === 'DONE') return { ...NO_CHANGES, ...run.summary };
  const done = await doneChanges(db, run.storeId, run.correlationId, run.startedAt ?? run.createdAt);
  return { ...run.summary, ...done.changes, calls: (run.summary.calls ?? 0) + done.calls };
}

async function finished(tx: Db, step: Step, summary: SyncSummary): Promise<void> {
  const { store } = step.context;
  await recordSync(tx, store.id, step.now());
  await appendEvent(tx, step.now(), {
    environmentId: store.environmentId,
    cause: { correlationId: step.run.correlationId, actor: SYSTEM },
    kind: 'sync.done',
    store: { id: store.id, name: store.name },
    outcome: 'success',
    after: { syncId: step.run.id, cause: step.run.cause, summary },
  });
}

/**
 * A step failed at the vendor. The worker tries it again from where it was, unless the vendor refused it for good. In
 * the end, a run that an admin or the clock started fails. Any other goes on without the scan, and each of its plans
 * looks for itself.
 */
export async function settleSyncFailure(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  context: StoreContext,
  error: RemoteError,
): Promise<void> {
  const run = await nextOpenRun(db, context.store.id);
  if (!run?.position) return;
  const failures = run.position.failures + 1;
  if (error.disposition === 'rateLimited' || error.disposition === 'unauthorized') return;
  const lasting = error.disposition === 'rejected' || error.disposition === 'forbidden' || isDoubted(error);
  // An earlier scan is no better: from now on the bridge looks for each person's account before it creates one.
  if (isDoubted(error)) await recordScan(db, context.store.id, null);
  if (!lasting && failures < STEP_FAILURES_MAX)
    return saveSyncRun(db, { ...run, position: { ...run.position, failures } });
  if (run.cause !== 'request' && run.cause !== 'periodic') {
    return saveSyncRun(db, {
      ...run,
      error: error.message,
      position: { phase: AFTER_SCAN, cursor: null, failures: 0 },
    });
  }
  const at = isoTime(clock.now());
  await db.transaction(async (tx) => {
    await saveSyncRun(tx, { ...run, state: 'FAILED', error: error.message, finishedAt: at });
    const { id, name, environmentId } = context.store;
    await appendEvent(tx, at, {
      environmentId,
      cause: { correlationId: run.correlationId, actor: SYSTEM },
      kind: 'sync.failed',
      store: { id, name },
      outcome: 'failure',
      reason: error.message,
      after: { syncId: run.id, cause: run.cause },
    });
  });
}
