/**
 * What one step of each phase of a sync run does: scan the store, plan everybody and count what they would lose, and
 * queue the differences. `syncRuns.ts` keeps where the run stands.
 */

import { addPeopleToCause, closeCause } from '../db/brake/brakeLedger.ts';
import { subjectsPage } from '../db/identity/subjects.ts';
import type { Db } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import type { SyncRunRecord } from '../db/runs/syncRuns.ts';
import { takeUnshownWaits } from '../db/seen/keys.ts';
import { rememberAdopters } from '../db/seen/observations.ts';
import { reasonsOfPeople, statusesOfSubjects, upsertSyncStatuses } from '../db/seen/syncStatuses.ts';
import { type Change, endsAccess, isLoss } from '../model/change.ts';
import type { ListProgress } from '../model/remote.ts';
import type { DriftItem } from '../plan/drift.ts';
import { byRecords, type PlannedPerson, type Sight } from '../settle/people/look.ts';
import { byScan } from '../settle/people/scanned.ts';
import { recordSparing } from '../settle/repairs.ts';
import { isCountRight } from '../settle/situation.ts';
import { type GroupPlanning, lastOf, planGroupsPage, planPeoplePage } from '../settle/storePlan.ts';
import { countApplied, enqueueApplied } from './preview/applyPreview.ts';
import { forgetOldDrift, recordGroupDrift, recordPersonDrift, type Step, scanOf } from './recordDrift.ts';
import { closeScan, scanPage } from './scan.ts';
import { withScannedNames } from './scannedNames.ts';

const PHASES = [
  'scanUsers',
  'scanGroups',
  'planUsers',
  'planGroups',
  'enqueueUsers',
  'enqueueGroups',
  'countApplied',
  'enqueueApplied',
] as const;
export type Phase = (typeof PHASES)[number];

/** How many groups one step queues. */
const GROUPS_PER_STEP = 200;

/** What a step found, and where the next one starts. */
export interface Progress {
  readonly cursor: string | null;
  /** The progress of a list that has more pages. */
  readonly list?: ListProgress;
  /** How many groups in a row had members that could not be read. */
  readonly unread?: number;
  readonly scanned?: number;
  readonly drift?: readonly DriftItem[];
  readonly refused?: readonly unknown[];
}

export function firstPhase(run: SyncRunRecord): Phase {
  if (run.cause === 'apply') return 'countApplied';
  return run.scan ? 'scanUsers' : AFTER_SCAN;
}

/** Where a run goes on after its scan failed. */
export const AFTER_SCAN: Phase = 'planUsers';

/** A run that only reports ends with the plan and touches nobody. */
export function nextPhase(step: Step, phase: Phase): Phase | null {
  if (phase === 'planGroups' && !step.run.repair) return null;
  if (phase === 'enqueueGroups') return null;
  // A store that is being deleted takes access from its people only. Its groups stay, with their members.
  if (phase === 'enqueueUsers' && step.run.cause === 'deletion') return null;
  return PHASES[PHASES.indexOf(phase) + 1] ?? null;
}

export const PHASE_STEPS: Readonly<Record<Phase, (step: Step, cursor: string | null) => Promise<Progress>>> =
  {
    scanUsers: (step, cursor) => scan(step, 'user', cursor),
    scanGroups: (step, cursor) => scan(step, 'group', cursor),
    planUsers,
    planGroups,
    enqueueUsers,
    enqueueGroups,
    countApplied,
    enqueueApplied,
  };

async function scan(step: Step, kind: 'user' | 'group', cursor: string | null): Promise<Progress> {
  const { id: scanId, position, startedAt } = step.run;
  const page = await scanPage(step, kind, { scanId, cursor, list: position?.list }, step.callContext);
  if (kind === 'group' && page.nextCursor === null) {
    const began = startedAt ?? step.now();
    await closeScan(step, scanId, began);
    await wakeUnshown(step, began);
  }
  return { cursor: page.nextCursor, scanned: page.count, list: page.list };
}

/**
 * Lets those ask again whose key was refused and who may have it now. A run that repairs queues them with everybody
 * else.
 */
async function wakeUnshown(step: Step, began: string): Promise<void> {
  const { run, context } = step;
  if (!run.repair && run.cause !== 'periodic') return;
  await step.record(async (tx) => {
    for (const kind of ['user', 'group'] as const)
      for (const id of await takeUnshownWaits(tx, context.store.id, kind, began))
        if (!run.repair) await enqueue(tx, step, kind, id, PRIORITY.sync);
  });
}

function sightOf(step: Step): Sight {
  const scan = scanOf(step);
  return scan ? byScan(step, scan) : byRecords(step);
}

function namesOf(step: Step): GroupPlanning['named'] {
  const scan = scanOf(step);
  return scan && ((groups) => withScannedNames(step, scan, groups));
}

async function planUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const scan = scanOf(step);
  const { people, next } = await planPeoplePage(step, sightOf(step), cursor);
  const drift: DriftItem[] = [];
  await step.record(async (tx) => {
    for (const { facts } of scan ? people : []) {
      drift.push(...(await recordPersonDrift(tx, step, scan as NonNullable<typeof scan>, facts)));
    }
    for (const { facts } of people)
      for (const repair of facts.repairs) await recordSparing(tx, store.id, repair, step.now());
    await rememberAdopters(tx, store.id, adopters(people));
    await forgetOldDrift(tx, step);
    await addPeopleToCause(tx, step.run.correlationId, store.id, losersAmong(people));
  });
  return { cursor: next, drift };
}

function losersAmong(people: readonly PlannedPerson[]): readonly string[] {
  return people.filter(({ plan }) => plan.changes.some(isLoss)).map(({ facts }) => facts.desired.id);
}

/** The people who would adopt an account, by account. */
export function adopters(people: readonly PlannedPerson[]): ReadonlyMap<string, string> {
  const adopting = people.flatMap(({ facts, plan }) =>
    plan.changes.flatMap((change) =>
      change.op === 'adopt' ? [[change.remoteId, facts.desired.id] as const] : [],
    ),
  );
  return new Map(adopting);
}

async function planGroups(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const unseen = step.run.repair ? 'forget' : 'keep';
  const { failures = 0, unread: before = 0 } = step.run.position ?? {};
  const standing = { failures, unread: before };
  const members = scanOf(step) ? ({ reading: step, unseen, standing } as const) : null;
  const how = { people: sightOf(step), members, named: namesOf(step), withComing: false };
  const { groups, next, unread } = await planGroupsPage(step, how, cursor);
  const drift: DriftItem[] = [];
  const changes = groups.flatMap(({ plan, members: planned }) => [
    ...plan.changes,
    ...(planned?.changes ?? []),
  ]);
  await step.record(async (tx) => {
    for (const group of groups) drift.push(...(await recordGroupDrift(tx, step, group)));
    await addPeopleToCause(tx, step.run.correlationId, store.id, membersLosing(changes));
    if (next === null)
      await closeCause(tx, {
        correlationId: step.run.correlationId,
        storeId: store.id,
        description: `sync ${step.run.cause}`,
        at: step.now(),
      });
  });
  return { cursor: next, drift, unread };
}

export function membersLosing(changes: readonly Change[]): readonly string[] {
  return changes.flatMap((change) =>
    change.op === 'revoke' ? [change.member.personId ?? change.member.remoteId] : [],
  );
}

async function enqueueUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const { people, next } = await planPeoplePage(step, byRecords(step), cursor);
  const ids = people.map(({ facts }) => facts.desired.id);
  const statuses = await statusesOfSubjects(step.db, store.id, 'user', ids);
  const reasons = await reasonsOfPeople(step.db, store.id, ids);
  // A store that is being deleted forgets everybody, including how long they have been gone.
  const isBeingDeleted = store.status === 'DELETING';
  await step.record(async (tx) => {
    const synced: string[] = [];
    for (const { facts, plan } of people) {
      const { changes, skipped } = plan;
      const { desired, record } = facts;
      const status = statuses.get(desired.id);
      if (changes.length === 0 && (isBeingDeleted || isCountRight(record, desired))) {
        if (skipped.length === 0 && !isUnsettled(status)) {
          if (desired.lifecycle !== 'gone') synced.push(desired.id);
          continue;
        }
        const [first] = skipped;
        if (first && status === first.status && reasons.get(desired.id)?.includes(first.reason)) continue;
      }
      await enqueue(tx, step, 'user', desired.id, changes.some(endsAccess) ? PRIORITY.leaver : PRIORITY.sync);
    }
    await markSynced(tx, step, synced);
  });
  return { cursor: next };
}

function isUnsettled(status: string | undefined): boolean {
  return status !== undefined && status !== 'synced';
}

function markSynced(tx: Db, step: Step, personIds: readonly string[]): Promise<void> {
  const { id: storeId, environmentId } = step.context.store;
  const { correlationId } = step.run;
  const at = step.now();
  return upsertSyncStatuses(
    tx,
    personIds.map((id) => ({
      ...{ environmentId, storeId, subject: { kind: 'user', id } as const },
      ...({ status: 'synced', reason: null, vendor: null } as const),
      ...{ correlationId, since: at, lastSyncAt: at },
    })),
  );
}

async function enqueueGroups(step: Step, cursor: string | null): Promise<Progress> {
  const ids = await subjectsPage(step.db, step.context.store, 'group', cursor, GROUPS_PER_STEP);
  await step.record(async (tx) => {
    for (const id of ids) await enqueue(tx, step, 'group', id, PRIORITY.sync);
  });
  return { cursor: lastOf(ids, GROUPS_PER_STEP) };
}

async function enqueue(
  tx: Db,
  step: Step,
  kind: 'user' | 'group',
  id: string,
  priority: number,
): Promise<void> {
  await enqueueTask(tx, step.context.store.id, {
    environmentId: step.context.store.environmentId,
    subject: { kind, id },
    priority,
    correlationIds: [step.run.correlationId],
    at: step.now(),
  });
}
