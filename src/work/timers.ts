/**
 * Finds in the database what has become due by the clock: periodic syncs, delayed removals, and leavers who wait too
 * long. It queues each, or writes an event, and calls no vendor. A restart forgets none.
 */

import { appendEvent } from '../db/events.ts';
import { lastDeletedUser, speakingUser } from '../db/identity/persons.ts';
import type { Db } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import { type LeaverRecord, storesWithUnreportedLeavers, takeOverdue } from '../db/queue/leavers.ts';
import { takeDueRemovals } from '../db/queue/removals.ts';
import { taskOf } from '../db/queue/tasks.ts';
import { insertSyncRun, lastScanningRun, nextOpenRun } from '../db/runs/syncRuns.ts';
import { getSyncStatus } from '../db/seen/syncStatuses.ts';
import { everyActiveStore, lockStore, type StoreRecord } from '../db/stores/stores.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import { type CommonSettings, commonSettings } from '../model/commonSettings.ts';
import { withDefaults } from '../model/settings.ts';
import { removalCutoff } from '../settle/situation.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Metrics } from '../support/metrics.ts';

/** How many people of a store one turn queues; the next turn goes on. */
const PEOPLE_PER_TURN = 500;

/** Takes one turn over every store. Answers whether it queued work. */
export async function ringTimers(deps: PropagationDeps, metrics: Metrics): Promise<boolean> {
  const waiting = await storesWithUnreportedLeavers(deps.db);
  let work = false;
  for (const store of await everyActiveStore(deps.db)) {
    const settings = settingsOf(deps, store);
    if (waiting.has(store.id)) await sayOverdue(deps, store, settings, metrics);
    // Nobody can work on a paused store. What is due stays due.
    if (store.paused) continue;
    if (await queuePeriodicSync(deps, store, settings)) work = true;
    if (await queueRemovals(deps, store, settings)) work = true;
  }
  return work;
}

export function settingsOf({ registry }: Pick<PropagationDeps, 'registry'>, store: StoreRecord) {
  const specs = registry.get(store.type)?.settings;
  if (!specs) throw new Error(`there is no store type ${store.type}`);
  return commonSettings(withDefaults(specs, store.configuration));
}

function bySystem(): Cause {
  return { correlationId: newId(), actor: SYSTEM };
}

/** The part of the interval over which syncs of many stores are spread. */
const JITTER = 0.1;

/**
 * A sync is due an interval after the last run that scanned the store, whoever asked for that one. With
 * `DRIFT_MODE: Off` it does not scan: it compares the directory with the links alone.
 */
async function queuePeriodicSync(
  deps: PropagationDeps,
  store: StoreRecord,
  settings: CommonSettings,
): Promise<boolean> {
  if (settings.syncIntervalMinutes === 0) return false;
  const last = await lastScanningRun(deps.db, store.id);
  const since = Date.parse(last?.finishedAt ?? last?.createdAt ?? store.updatedAt);
  const intervalMs = settings.syncIntervalMinutes * 60_000;
  const dueAt = since + intervalMs * (1 + JITTER * fraction(last?.id ?? store.id));
  if (deps.clock.now() < dueAt) return false;
  return deps.db.transaction(async (tx) => {
    const current = await lockStore(tx, store.id);
    if (current?.status !== 'ACTIVE' || (await nextOpenRun(tx, store.id)) !== null) return false;
    const latest = await lastScanningRun(tx, store.id);
    if (latest?.id !== last?.id) return false;
    const run = {
      environmentId: store.environmentId,
      storeId: store.id,
      cause: 'periodic',
      correlationId: newId(),
      scan: settings.driftMode !== 'Off',
      repair: settings.driftMode !== 'Report',
    } as const;
    await insertSyncRun(tx, run, isoTime(deps.clock.now()));
    return true;
  });
}

/** From 0 to below 1: the same on every replica and after every restart, and different for every run. */
function fraction(id: string): number {
  let hash = 0x811c9dc5;
  for (const character of id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash / 2 ** 32;
}

/**
 * Queues people whose REMOVE_AFTER_DAYS are over. The plan and the brake decide whether their accounts are deleted.
 */
async function queueRemovals(
  deps: PropagationDeps,
  store: StoreRecord,
  settings: CommonSettings,
): Promise<boolean> {
  const { removeAction, removeAfterDays: days } = settings;
  if (removeAction !== 'Delete' || days === 0) return false;
  return deps.db.transaction(async (tx) => {
    if ((await lockStore(tx, store.id))?.status !== 'ACTIVE') return false;
    const at = isoTime(deps.clock.now());
    const due = { cutoff: removalCutoff(days, deps.deletions.timeFor(days, at)), days };
    const people = await takeDueRemovals(tx, store.id, due, PEOPLE_PER_TURN);
    if (people.length === 0) return false;
    const cause = bySystem();
    for (const id of people) {
      await enqueueTask(tx, store.id, {
        environmentId: store.environmentId,
        subject: { kind: 'user', id },
        priority: PRIORITY.normal,
        correlationIds: [cause.correlationId],
        at,
      });
    }
    await storeEvent(tx, at, store, cause, 'removals.due', {
      after: { people: people.length, removeAfterDays: days },
    });
    return true;
  });
}

/** Writes one event for each overdue leaver, with the reason for the delay. */
async function sayOverdue(
  deps: PropagationDeps,
  store: StoreRecord,
  settings: CommonSettings,
  metrics: Metrics,
): Promise<void> {
  const now = deps.clock.now();
  const cutoff = isoTime(now - settings.leaverDeadlineSeconds * 1_000);
  const said = await deps.db.transaction(async (tx) => {
    const current = await lockStore(tx, store.id);
    if (current?.status !== 'ACTIVE') return [];
    const overdue = await takeOverdue(tx, store.id, cutoff, isoTime(now), PEOPLE_PER_TURN);
    for (const leaver of overdue) await overdueEvent(tx, isoTime(now), current, settings, leaver);
    return overdue;
  });
  if (said.length > 0) metrics.leaversOverdue.inc({ store_id: store.id }, said.length);
  for (const { personId, since, correlationId } of said) {
    const about = { storeId: store.id, store: store.name, personId, since, correlationId };
    deps.log.warn(about, 'a leaver is overdue: the store has not confirmed that access is gone');
  }
}

async function overdueEvent(
  tx: Db,
  at: string,
  store: StoreRecord,
  { leaverDeadlineSeconds }: CommonSettings,
  leaver: LeaverRecord,
): Promise<void> {
  const user = (await speakingUser(tx, leaver.personId)) ?? (await lastDeletedUser(tx, leaver.personId));
  const display = user?.userName ?? leaver.personId;
  const why = await whyOverdue(tx, store, leaver);
  await appendEvent(tx, at, {
    environmentId: store.environmentId,
    cause: { correlationId: leaver.correlationId ?? newId(), actor: SYSTEM },
    kind: 'leaver.overdue',
    subject: { kind: 'user', id: leaver.personId, display },
    store: { id: store.id, name: store.name },
    outcome: 'failure',
    reason: `${store.name} has not confirmed within ${leaverDeadlineSeconds} seconds that ${display} lost access: ${why}`,
    after: { since: leaver.since, deadlineSeconds: leaverDeadlineSeconds },
  });
}

async function whyOverdue(tx: Db, store: StoreRecord, leaver: LeaverRecord): Promise<string> {
  const subject = { kind: 'user', id: leaver.personId } as const;
  const task = await taskOf(tx, store.id, subject);
  if (task?.state === 'held') return 'the loss waits for a decision; approve or discard it';
  if (task?.state === 'parked') return `the task is parked: ${task.error?.message ?? 'see its task'}`;
  if (store.paused) return `the store is paused: ${store.paused.message}`;
  if (leaver.disabledAt !== null) return 'the account was disabled, and still shows as usable there';
  if (!task) return (await getSyncStatus(tx, store.id, subject))?.reason ?? 'see the status of the person';
  if (task.error) return `tried ${task.attempts} times: ${task.error.message}`;
  return 'the task still waits in the queue';
}
