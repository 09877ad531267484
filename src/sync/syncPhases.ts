/**
 * What one step of each phase of a sync run does: scan the store, read the memberships, count what everyone
 * would lose, and hand the differences to the queue. Where the run stands is kept by `syncRuns.ts`.
 */

import { addPeopleToCause, closeCause } from '../db/brake/brakeLedger.ts';
import { subjectsPage } from '../db/identity/subjects.ts';
import type { Db } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/tasks.ts';
import type { SyncRunRecord } from '../db/runs/syncRuns.ts';
import { statusesOfSubjects, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { type Change, isLoss } from '../model/change.ts';
import type { DriftItem } from '../settle/drift.ts';
import { feedingGroups, planMemberships } from '../settle/groups/members.ts';
import { isCountRight } from '../settle/situation.ts';
import { type SurveyedUser, surveyGroup, surveyUsers } from '../settle/survey.ts';
import { type Comparing, compareMembers, compareUsers, forgetOldDrift, isScanned } from './comparison.ts';
import { countApplied, enqueueApplied } from './preview/applyPreview.ts';
import { closeScan, scanPage } from './scan.ts';

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
export type Phase = (typeof PHASES)[number];

/** People, or groups, that one step goes through. */
const PEOPLE_PER_STEP = 200;
const GROUPS_PER_STEP = 20;

export type Step = Comparing;

/** What a step leaves behind. */
export interface Progress {
  readonly cursor: string | null;
  readonly scanned?: number;
  readonly drift?: readonly DriftItem[];
  readonly refused?: readonly unknown[];
  readonly summary?: Readonly<Record<string, number>>;
}

export function firstPhase(run: SyncRunRecord): Phase {
  if (run.cause === 'apply') return 'countApplied';
  return run.scan ? 'users' : 'countUsers';
}

/** Reporting only ends with the count; nobody is touched. */
export function nextPhase(step: Step, phase: Phase): Phase | null {
  if (phase === 'countGroups' && !step.run.repair) return null;
  if (phase === 'enqueueGroups') return null;
  // A store's deletion deprovisions its people; groups and what is in them stay.
  if (phase === 'enqueueUsers' && step.run.cause === 'deletion') return null;
  return PHASES[PHASES.indexOf(phase) + 1] ?? null;
}

export const PHASE_STEPS: Readonly<Record<Phase, (step: Step, cursor: string | null) => Promise<Progress>>> =
  {
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
  const page = await scanPage(step, kind, cursor, step.callContext);
  if (kind === 'group' && page.nextCursor === null) await closeScan(step, step.run.startedAt ?? step.now());
  return { cursor: page.nextCursor, scanned: page.count };
}

async function memberships(step: Step, cursor: string | null): Promise<Progress> {
  const { cursor: next, drift } = await compareMembers(step, cursor);
  return { cursor: next, drift };
}

async function countUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const ids = await subjectsPage(step.db, store, 'user', cursor, PEOPLE_PER_STEP);
  const { drift } = isScanned(step.run) ? await compareUsers(step, ids) : { drift: [] };
  const people = await surveyUsers(step, ids);
  const losers = people.filter(({ plan }) => plan.changes.some(isLoss)).map(({ desired }) => desired.id);
  await step.record(async (tx) => {
    await forgetOldDrift(tx, step);
    await addPeopleToCause(tx, step.run.correlationId, store.id, losers);
  });
  return {
    cursor: lastOf(ids, PEOPLE_PER_STEP),
    drift,
    summary: summarise(people.flatMap(({ plan }) => plan.changes)),
  };
}

async function countGroups(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const ids = await subjectsPage(step.db, store, 'group', cursor, GROUPS_PER_STEP);
  const changes: Change[] = [];
  for (const id of ids) changes.push(...(await plannedOfGroup(step, id)));
  const losers = changes.flatMap((change) =>
    change.op === 'revoke' ? [change.member.personId ?? change.member.remoteId] : [],
  );
  const next = lastOf(ids, GROUPS_PER_STEP);
  await step.record(async (tx) => {
    await addPeopleToCause(tx, step.run.correlationId, store.id, losers);
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
  const { desired, link, plan, isPrimaryFeeder } = await surveyGroup(step, groupId);
  if (!link || !isPrimaryFeeder || step.context.settings.groupProvisioning === 'Off') return plan.changes;
  const groupIds = await feedingGroups(step, link.remoteId);
  return [...plan.changes, ...(await planMemberships(step, desired, link.remoteId, groupIds)).changes];
}

async function enqueueUsers(step: Step, cursor: string | null): Promise<Progress> {
  const { store } = step.context;
  const ids = await subjectsPage(step.db, store, 'user', cursor, PEOPLE_PER_STEP);
  const statuses = await statusesOfSubjects(step.db, store.id, 'user', ids);
  const people = await surveyUsers(step, ids);
  // A store that is being deleted forgets everybody, and with them how long they have been gone.
  const isBeingDeleted = store.status === 'DELETING';
  await step.record(async (tx) => {
    for (const person of people) {
      const { changes, skipped } = person.plan;
      const status = statuses.get(person.desired.id);
      if (changes.length === 0 && (isBeingDeleted || isCountRight(person.link, person.desired))) {
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
    environmentId: step.context.store.environmentId,
    storeId: step.context.store.id,
    subject: { kind: 'user', id: desired.id },
    status: 'synced',
    reason: null,
    vendor: null,
    correlationId: step.run.correlationId,
    lastSyncAt: step.now(),
  });
}

async function enqueueGroups(step: Step, cursor: string | null): Promise<Progress> {
  const ids = await subjectsPage(step.db, step.context.store, 'group', cursor, PEOPLE_PER_STEP);
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
  await enqueueTask(tx, step.context.store.id, {
    environmentId: step.context.store.environmentId,
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
