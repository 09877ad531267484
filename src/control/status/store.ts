/**
 * Describes the state of a store in numbers and words, from what workers and admins left in the database; it asks no
 * vendor.
 */

import { countHeldPeople, holdsLoss } from '../../db/brake/heldLists.ts';
import { readClockNote } from '../../db/clockNote.ts';
import type { Db } from '../../db/open.ts';
import { countQuestions } from '../../db/people/questions.ts';
import { countLeavers } from '../../db/queue/leavers.ts';
import { countPendingTasks, lastPendingFailure } from '../../db/queue/tasks.ts';
import { hasOpenRun, latestRun } from '../../db/runs/syncRuns.ts';
import { countDrift } from '../../db/seen/drift.ts';
import { groupsNotShown } from '../../db/seen/linkLists.ts';
import { countSyncStatuses, reasonsOf } from '../../db/seen/syncStatuses.ts';
import { rulesOfStore } from '../../db/stores/rules.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import type { Kind } from '../../model/subject.ts';
import { ended } from '../../support/text/ended.ts';
import { ruleProblems } from '../ruleChecks.ts';
import { openLeavers, type ShownLeaver } from './leavers.ts';

export interface Detail {
  readonly code: string;
  readonly message: string;
}

export interface StoreSyncStatus {
  readonly syncState: 'INACTIVE' | 'PAUSED' | 'BRAKED' | 'SYNCING' | 'FAILED' | 'SYNCED';
  /** When a run, or an attempt at a task, last succeeded. */
  readonly lastSyncAt: string | null;
  /** People whom the bridge has looked at on this store. Each is in exactly one of the counts below. */
  readonly userTotal: number;
  readonly successCount: number;
  readonly unsyncedCount: number;
  readonly partiallySyncedCount: number;
  readonly failedCount: number;
  /** People who have a held loss: of their account, or of a membership. */
  readonly heldCount: number;
  /** Pending tasks, of people and of groups. */
  readonly pendingCount: number;
  /** People who left and may still have access; those who have waited longest come first. */
  readonly openLeavers: readonly ShownLeaver[];
  readonly details: readonly Detail[];
}

export async function storeSyncStatus(db: Db, store: StoreRecord): Promise<StoreSyncStatus> {
  const users = await countSyncStatuses(db, store.id, 'user');
  const groups = await countSyncStatuses(db, store.id, 'group');
  const heldCount = await countHeldPeople(db, store.id);
  const pendingCount = await countPendingTasks(db, store.id);
  const busy = pendingCount > 0 || (await hasOpenRun(db, store.id));
  const failedRun = store.status === 'ACTIVE' ? await failedRunOf(db, store.id) : [];
  const braked = store.brakeTrippedAt !== null || (await holdsLoss(db, store.id));
  const failed = users.failed + groups.failed > 0 || failedRun.length > 0;
  return {
    syncState: syncState(store, { braked, busy, failed }),
    lastSyncAt:
      [store.lastSyncAt, store.lastSuccessAt]
        .filter((at) => at !== null)
        .sort()
        .at(-1) ?? null,
    userTotal: Object.values(users).reduce((sum, n) => sum + n, 0),
    successCount: users.synced,
    unsyncedCount: users.unsynced,
    partiallySyncedCount: users.partiallySynced,
    failedCount: users.failed,
    heldCount,
    pendingCount,
    openLeavers: await openLeavers(db, store),
    details: [
      ...storeDetails(store, heldCount),
      ...(await questionDetails(db, store)),
      ...seatDetails(store, pendingCount),
      ...unrecognisedDetails(store, pendingCount),
      ...(await silenceDetails(db, store, pendingCount)),
      ...(await leaverDetails(db, store)),
      ...(await ruleDetails(db, store)),
      ...(await postponedDetails(db, store)),
      ...(await driftDetails(db, store)),
      ...(await hiddenGroupDetails(db, store)),
      ...failedRun,
      ...(await reasonDetails(db, store.id, 'user')),
      ...(await reasonDetails(db, store.id, 'group')),
    ],
  };
}

/** The first state that applies. */
function syncState(
  store: StoreRecord,
  { braked, busy, failed }: { readonly braked: boolean; readonly busy: boolean; readonly failed: boolean },
): StoreSyncStatus['syncState'] {
  if (store.status === 'INACTIVE') return 'INACTIVE';
  if (store.paused) return 'PAUSED';
  if (braked) return 'BRAKED';
  if (busy || store.status === 'DELETING') return 'SYNCING';
  return failed ? 'FAILED' : 'SYNCED';
}

function storeDetails(store: StoreRecord, heldCount: number): Detail[] {
  const details: Detail[] = [];
  if (store.paused) {
    const again = store.retryAt === null ? 'Resume it to go on.' : `It is tried again at ${store.retryAt}.`;
    details.push({
      code: store.paused.code,
      message: `The store is paused: ${ended(store.paused.message)} ${again}`,
    });
  }
  if (store.status === 'DELETING') {
    const message = 'The store is being deleted; a PUT with status ACTIVE or INACTIVE calls it off.';
    details.push({ code: 'deleting', message });
  }
  if (store.brakeTrippedAt !== null) {
    const message = `The brake tripped at ${store.brakeTrippedAt}: every loss is held until somebody approves or discards it. New people go on.`;
    details.push({ code: 'brake_tripped', message });
  }
  if (heldCount > 0) {
    const message = `${heldCount === 1 ? '1 person' : `${heldCount} people`} would lose something; see held, then approve or discard.`;
    details.push({ code: 'held', message });
  }
  return details;
}

async function questionDetails(db: Db, { id }: StoreRecord): Promise<Detail[]> {
  const count = await countQuestions(db, id);
  if (count === 0) return [];
  const who = count === 1 ? '1 newcomer has what somebody had' : `${count} newcomers have what people had`;
  const message = `${who} who left and has an account here; say at people/{id}/identity whether they are the same.`;
  return [{ code: 'identity_question', message }];
}

function seatDetails({ creationsWaitUntil }: StoreRecord, pendingCount: number): Detail[] {
  if (creationsWaitUntil === null || pendingCount === 0) return [];
  const message = `The vendor has no seats left; creations wait and are tried again at ${creationsWaitUntil}. Everything else goes on.`;
  return [{ code: 'no_seats', message }];
}

function unrecognisedDetails({ unrecognised, paused }: StoreRecord, pendingCount: number): Detail[] {
  if (unrecognised === null || paused || pendingCount === 0) return [];
  const { since, message, retryAt } = unrecognised;
  const advice = 'See what stands between the bridge and the store: a proxy, a firewall, a sign-in page.';
  const text = `${message}. It has been so since ${since}; everything waits, and is tried again at ${retryAt}. ${advice}`;
  return [{ code: 'unrecognised_answers', message: text }];
}

/**
 * Codes of failures that are no silence: the bridge itself failed, or the vendor answered and waits for something.
 */
const ANSWERED: ReadonlySet<string | null> = new Set(['internal', 'being_deleted', 'shown_late', 'no_seats']);
const SERVER_ERROR = 500;

/**
 * The vendor does not answer: nothing has succeeded since the last failed attempt. Or it does, and waits for something
 * that has to happen there.
 */
async function silenceDetails(db: Db, store: StoreRecord, pendingCount: number): Promise<Detail[]> {
  if (store.status === 'INACTIVE' || store.paused || store.unrecognised !== null) return [];
  const failure = pendingCount === 0 ? null : await lastPendingFailure(db, store.id);
  if (failure === null || ANSWERED.has(failure.code)) return [];
  if (failure.status !== null && failure.status < SERVER_ERROR) return [];
  // GitLab may answer with a server error when it has no seats left.
  if (failure.status !== null && store.creationsWaitUntil !== null) return [];
  if (store.lastSuccessAt !== null && store.lastSuccessAt >= failure.failedAt) return [];
  const waiting = pendingCount === 1 ? '1 change waits' : `${pendingCount} changes wait`;
  const message = `${failure.message}. ${waiting}; nothing is lost, and it is tried again at ${failure.runAt}.`;
  return [{ code: failure.awaitsVendor ? 'waits' : 'no_answer', message }];
}

async function leaverDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const { overdue, oldest } = await countLeavers(db, store.id);
  if (overdue === 0) return [];
  const who = overdue === 1 ? '1 person who left has' : `${overdue} people who left have`;
  const message = `${who} not lost access within LEAVER_DEADLINE_SECONDS, the oldest since ${oldest}; see openLeavers.`;
  return [{ code: 'leaver_overdue', message }];
}

async function ruleDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const rules = (await rulesOfStore(db, store.id)).filter((rule) => rule.active);
  const problems = await ruleProblems(db, rules);
  return rules.flatMap(({ id, name }) => {
    const problem = problems.get(id);
    if (problem === undefined) return [];
    const message = `The rule "${name}" has a problem: ${problem} What people lose by it waits for a decision.`;
    return [{ code: 'rule_group_gone', message }];
  });
}

async function postponedDetails(db: Db, { configuration }: StoreRecord): Promise<Detail[]> {
  const days = Number(configuration.REMOVE_AFTER_DAYS ?? 0);
  if (configuration.REMOVE_ACTION !== 'Delete' || days === 0) return [];
  const note = await readClockNote(db);
  if (!note || note.dueBy === null || (note.belowDays !== null && days >= note.belowDays)) return [];
  const message = `The clock leapt: accounts that were not to be deleted by ${note.dueBy} wait for 24 hours. Look whether the clock is right.`;
  return [{ code: 'deletions_postponed', message }];
}

async function driftDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const { users, groups } = await countDrift(db, store.id);
  if (users + groups === 0) return [];
  const people = users === 1 ? '1 person' : `${users} people`;
  const message = `${people} and ${groups === 1 ? '1 group' : `${groups} groups`} differ there by hand; their statuses say how. A sync with repair, or DRIFT_MODE Repair, undoes it.`;
  return [{ code: 'drift', message }];
}

const NAMED_MAX = 10;

async function hiddenGroupDetails(db: Db, store: StoreRecord): Promise<Detail[]> {
  const names = await groupsNotShown(db, store.id, NAMED_MAX + 1);
  if (names.length === 0) return [];
  const more = names.length > NAMED_MAX ? ' and more' : '';
  const which = `${names.slice(0, NAMED_MAX).join(', ')}${more}`;
  const message = `${store.name} does not show these groups: ${which}. What is owed there is done as soon as it does; unlink those that are gone for good.`;
  return [{ code: 'group_not_shown', message }];
}

async function failedRunOf(db: Db, storeId: string): Promise<Detail[]> {
  const run = await latestRun(db, storeId);
  if (run?.state !== 'FAILED') return [];
  return [{ code: 'sync_failed', message: `The last sync failed: ${run.error ?? 'no reason was recorded'}` }];
}

const REASONS_MAX = 10;

const PLURAL: Readonly<Record<Kind, string>> = { user: 'people', group: 'groups' };

/** The most frequent reasons; the status of each subject has its own. */
async function reasonDetails(db: Db, storeId: string, kind: Kind): Promise<Detail[]> {
  const reasons = await reasonsOf(db, storeId, kind, REASONS_MAX);
  return reasons.map(({ status, reason, count }) => {
    const who = count === 1 ? `1 ${kind === 'user' ? 'person' : 'group'}` : `${count} ${PLURAL[kind]}`;
    return { code: status, message: `${who} ${status}: ${reason}` };
  });
}
