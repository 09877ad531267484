/**
 * A sync run, one step at a time, so that a leaver never waits behind a long one: scan the store, read the
 * memberships, count what everyone would lose, and only then hand the differences to the queue.
 */

import type { CallContext } from '../connectors/connector.ts';
import { addLoser, closeCause } from '../db/brakeLedger.ts';
import { appendEvent } from '../db/events.ts';
import { holdsLease, type Lease } from '../db/leases.ts';
import type { Db } from '../db/open.ts';
import { countSubjects, subjectsPage } from '../db/subjects.ts';
import {
  nextOpenRun,
  type SyncPosition,
  type SyncRunRecord,
  saveSyncRun,
  settledRuns,
} from '../db/syncRuns.ts';
import { statusesOfSubjects, upsertSyncStatus } from '../db/syncStatuses.ts';
import { enqueueTask, PRIORITY } from '../db/tasks.ts';
import { SYSTEM } from '../model/cause.ts';
import { type Change, isLoss } from '../model/change.ts';
import type { RemoteError } from '../model/errors.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { countApplied, enqueueApplied, REFUSED_LISTED_MAX, takeRefused } from './applyPreview.ts';
import { type Comparing, compareMembers, compareUsers, forgetOldDrift, isScanned } from './comparison.ts';
import type { StoreView } from './desired.ts';
import type { DriftItem } from './drift.ts';
import { feedingGroups, planMemberships } from './members.ts';
import { LeaseLost } from './run.ts';
import { closeScan, scanPage } from './scan.ts';
import { isCountRight } from './situation.ts';
import { type SurveyedUser, surveyGroup, surveyUsers } from './survey.ts';

const PHASES = [
  'users',
  'groups',
  'members',
  'countUsers',
  'countGroups',
  'enqueueUsers',
  'enqueueGroups',
  'countApplied',
  'enqueueApplied',
] as const;
type Phase = (typeof PHASES)[number];

/** People, or groups, that one step goes through. */
const PEOPLE_PER_STEP = 200;
const GROUPS_PER_STEP = 20;
/** Drift that a run lists; beyond it only the count grows. */
const DRIFT_LISTED_MAX = 1_000;
/** A step that fails this often in a row ends the scan. */
const STEP_FAILURES_MAX = 8;

type Step = Comparing;

/** What a step leaves behind. */
interface Progress {
  readonly cursor: string | null;
  readonly scanned?: number;
  readonly drift?: readonly DriftItem[];
  readonly refused?: readonly unknown[];
  readonly summary?: Readonly<Record<string, number>>;
}

/** One step of the store's oldest open run; false where there is none. */
export async function syncStep(
  deps: { readonly db: Db; readonly clock: Clock; giveWay(): Promise<boolean> },
  view: StoreView,
  lease: Lease,
  context: CallContext,
): Promise<boolean> {
  const run = await nextOpenRun(deps.db, view.store.id);
  if (!run) return false;
  let calls = 0;
  const record: CallContext['record'] = (call) => {
    calls += 1;
    context.record(call);
  };
  const begins = await begun(deps, run);
  const step = { ...stepOf(deps, view, lease, { ...context, record }, begins), giveWay: deps.giveWay };
  const phase = step.run.position?.phase as Phase;
  const progress = await PHASE_STEPS[phase](step, step.run.position?.cursor ?? null);
  const summary = calls === 0 ? progress.summary : { ...progress.summary, calls };
  await step.record((tx) => advance(tx, step, phase, { ...progress, ...(summary ? { summary } : {}) }));
  return true;
}

function stepOf(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  view: StoreView,
  lease: Lease,
  context: CallContext,
  run: SyncRunRecord,
): Step {
  return {
    db,
    view,
    run,
    context,
    now: () => isoTime(clock.now()),
    giveWay: () => Promise.resolve(false),
    record: (work) =>
      db.transaction(async (tx) => {
        if (!(await holdsLease(tx, lease))) throw new LeaseLost(lease.storeId);
        return work(tx);
      }),
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

function firstPhase(run: SyncRunRecord): Phase {
  if (run.cause === 'apply') return 'countApplied';
  return run.scan ? 'users' : 'countUsers';
}

const PHASE_STEPS: Readonly<Record<Phase, (step: Step, cursor: string | null) => Promise<Progress>>> = {
  users: (step, cursor) => scan(step, 'user', cursor),
  groups: (step, cursor) => scan(step, 'group', cursor),
  members: memberships,
  countUsers,
  countGroups,
  enqueueUsers,
  enqueueGroups,
  countApplied,
  enqueueApplied,
};

async function scan(step: Step, kind: 'user' | 'group', cursor: string | null): Promise<Progress> {
  const page = await scanPage(step, kind, cursor, step.context);
  if (kind === 'group' && page.nextCursor === null) await closeScan(step, step.run.startedAt ?? step.now());
  return { cursor: page.nextCursor, scanned: page.count };
}

async function memberships(step: Step, cursor: string | null): Promise<Progress> {
  const { cursor: next, drift } = await compareMembers(step, cursor);
  return { cursor: next, drift };
}

async function countUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.view;
  const ids = await subjectsPage(step.db, store, 'user', cursor, PEOPLE_PER_STEP);
  const { drift } = isScanned(step.run) ? await compareUsers(step, ids) : { drift: [] };
  const people = await surveyUsers(step, ids);
  const losers = people.filter(({ plan }) => plan.changes.some(isLoss)).map(({ desired }) => desired.id);
  await step.record(async (tx) => {
    await forgetOldDrift(tx, step);
    await addLoser(tx, step.run.correlationId, store.id, losers);
  });
  return {
    cursor: lastOf(ids, PEOPLE_PER_STEP),
    drift,
    summary: summarise(people.flatMap(({ plan }) => plan.changes)),
  };
}

async function countGroups(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.view;
  const ids = await subjectsPage(step.db, store, 'group', cursor, GROUPS_PER_STEP);
  const changes: Change[] = [];
  for (const id of ids) changes.push(...(await plannedOfGroup(step, id)));
  const losers = changes.flatMap((change) =>
    change.op === 'revoke' ? [change.member.personId ?? change.member.remoteId] : [],
  );
  const next = lastOf(ids, GROUPS_PER_STEP);
  await step.record(async (tx) => {
    await addLoser(tx, step.run.correlationId, store.id, losers);
    if (next === null)
      await closeCause(tx, {
        correlationId: step.run.correlationId,
        storeId: store.id,
        description: `sync ${step.run.cause}`,
        at: step.now(),
      });
  });
  return { cursor: next, summary: summarise(changes) };
}

async function plannedOfGroup(step: Step, groupId: string): Promise<readonly Change[]> {
  const { desired, link, plan, speaks } = await surveyGroup(step, groupId);
  if (!link || !speaks || step.view.settings.groupProvisioning === 'Off') return plan.changes;
  const groupIds = await feedingGroups(step, link.remoteId);
  return [...plan.changes, ...(await planMemberships(step, desired, link.remoteId, groupIds)).changes];
}

async function enqueueUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.view;
  const ids = await subjectsPage(step.db, store, 'user', cursor, PEOPLE_PER_STEP);
  const statuses = await statusesOfSubjects(step.db, store.id, 'user', ids);
  const people = await surveyUsers(step, ids);
  await step.record(async (tx) => {
    for (const person of people) {
      const { changes, skipped } = person.plan;
      const status = statuses.get(person.desired.id);
      if (changes.length === 0 && isCountRight(person.link, person.desired)) {
        if (skipped.length === 0 && !isUnsettled(status)) {
          await markSynced(tx, step, person);
          continue;
        }
        if (skipped.length > 0 && status === skipped[0]?.status) continue;
      }
      await enqueue(
        tx,
        step,
        'user',
        person.desired.id,
        changes.some(isLoss) ? PRIORITY.leaver : PRIORITY.sync,
      );
    }
  });
  return { cursor: lastOf(ids, PEOPLE_PER_STEP) };
}

function isUnsettled(status: string | undefined): boolean {
  return status !== undefined && status !== 'synced';
}

async function markSynced(tx: Db, step: Step, { desired }: SurveyedUser): Promise<void> {
  if (desired.lifecycle === 'gone') return;
  await upsertSyncStatus(tx, {
    environmentId: step.view.store.environmentId,
    storeId: step.view.store.id,
    subject: { kind: 'user', id: desired.id },
    status: 'synced',
    reason: null,
    vendor: null,
    correlationId: step.run.correlationId,
    lastSyncAt: step.now(),
  });
}

async function enqueueGroups(step: Step, cursor: string | null): Promise<Progress> {
  const ids = await subjectsPage(step.db, step.view.store, 'group', cursor, PEOPLE_PER_STEP);
  await step.record(async (tx) => {
    for (const id of ids) await enqueue(tx, step, 'group', id, PRIORITY.sync);
  });
  return { cursor: lastOf(ids, PEOPLE_PER_STEP) };
}

async function enqueue(
  tx: Db,
  step: Step,
  kind: 'user' | 'group',
  id: string,
  priority: number,
): Promise<void> {
  await enqueueTask(tx, step.view.store.id, {
    environmentId: step.view.store.environmentId,
    subject: { kind, id },
    priority,
    correlationIds: [step.run.correlationId],
    at: step.now(),
  });
}

function lastOf(ids: readonly string[], limit: number): string | null {
  return ids.length < limit ? null : (ids.at(-1) ?? null);
}

function summarise(changes: readonly Change[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of changes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

async function advance(tx: Db, step: Step, phase: Phase, progress: Progress): Promise<void> {
  const { run } = step;
  const drift = [...run.drift, ...(progress.drift ?? [])];
  const summary = added(run.summary, { ...progress.summary, drift: progress.drift?.length ?? 0 });
  const next = progress.cursor === null ? nextPhase(step, phase) : phase;
  const scanned = run.progress.scanned + (progress.scanned ?? 0);
  const moved = {
    ...run,
    summary,
    drift: drift.slice(0, DRIFT_LISTED_MAX),
    refused: [...run.refused, ...(progress.refused ?? [])].slice(0, REFUSED_LISTED_MAX),
    // A store may hold more than the directory, of which `total` is the count.
    progress: { scanned, total: Math.max(run.progress.total ?? 0, scanned) },
  };
  if (next !== null) {
    return saveSyncRun(tx, { ...moved, position: { phase: next, cursor: progress.cursor, failures: 0 } });
  }
  await saveSyncRun(tx, { ...moved, position: null, settling: true });
}

/** Closes the runs whose every task is settled, parked or held. */
export async function closeSettledRuns(
  deps: { readonly db: Db; readonly clock: Clock },
  view: StoreView,
  lease: Lease,
): Promise<void> {
  for (const run of await settledRuns(deps.db, view.store.id)) {
    const step = stepOf(deps, view, lease, NO_CALLS, run);
    await step.record(async (tx) => {
      const left = await takeRefused(tx, run);
      const refused = [...run.refused, ...left.items].slice(0, REFUSED_LISTED_MAX);
      const summary = left.count > 0 ? added(run.summary, { refused: left.count }) : run.summary;
      await saveSyncRun(tx, { ...run, state: 'DONE', refused, summary, finishedAt: step.now() });
      await finished(tx, step, summary);
    });
  }
}

const NO_CALLS: CallContext = { signal: AbortSignal.abort(), record: () => {} };

/** Reporting only ends with the count; nobody is touched. */
function nextPhase(step: Step, phase: Phase): Phase | null {
  if (phase === 'countGroups' && !step.run.repair) return null;
  if (phase === 'enqueueGroups') return null;
  // A store's deletion deprovisions its people; groups and what is in them stay.
  if (phase === 'enqueueUsers' && step.run.cause === 'deletion') return null;
  return PHASES[PHASES.indexOf(phase) + 1] ?? null;
}

function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

async function finished(tx: Db, step: Step, summary: Readonly<Record<string, number>>): Promise<void> {
  const { store } = step.view;
  await tx('stores').where({ id: store.id }).update({ last_sync_at: step.now() });
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
 * A step failed at the vendor. It is tried again from where it was, unless the vendor refused it for good; a
 * run that somebody asked for, or the clock, fails in the end; any other goes on without the scan, and then every plan looks
 * for itself.
 */
export async function settleSyncFailure(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  view: StoreView,
  error: RemoteError,
): Promise<void> {
  const run = await nextOpenRun(db, view.store.id);
  if (!run?.position) return;
  const failures = run.position.failures + 1;
  if (error.disposition === 'rateLimited' || error.disposition === 'unauthorized') return;
  const lasting = error.disposition === 'rejected' || error.disposition === 'forbidden';
  if (!lasting && failures < STEP_FAILURES_MAX)
    return saveSyncRun(db, { ...run, position: { ...run.position, failures } });
  if (run.cause !== 'request' && run.cause !== 'periodic') {
    return saveSyncRun(db, {
      ...run,
      error: error.message,
      position: { phase: 'countUsers', cursor: null, failures: 0 },
    });
  }
  const at = isoTime(clock.now());
  await db.transaction(async (tx) => {
    await saveSyncRun(tx, { ...run, state: 'FAILED', error: error.message, finishedAt: at });
    const { id, name, environmentId } = view.store;
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
