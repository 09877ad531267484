/**
 * Follows a leaver from the request that makes them leave until the store has confirmed it. With `VERIFY` the bridge
 * reads the account back: one look at a time, and the store does other work in between.
 */

import type { Db } from '../db/open.ts';
import { PRIORITY } from '../db/queue/enqueue.ts';
import { closingLeaver, getLeaver, openingLeavers, saveCheck } from '../db/queue/leavers.ts';
import { hurryTask } from '../db/queue/queue.ts';
import { getLink, type LinkRecord } from '../db/seen/links.ts';
import { send } from '../db/transaction.ts';
import type { Skip } from '../model/change.ts';
import type { DesiredUser, Lifecycle } from '../model/desired.ts';
import { loadDesiredUsers } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';
import type { Attempt } from './attempt.ts';
import { retryOwed } from './refusal.ts';

/** Where a person stands who may be a leaver. */
export interface Leaving {
  readonly lifecycle: Lifecycle;
  /** The account could be used when the plan was made. */
  readonly hadAccess: boolean;
  /** The loss waits for an admin to apply a preview. */
  readonly waits?: boolean;
  /** This task has just disabled or deleted the account. */
  readonly accessTaken?: boolean;
  /** The account was read back; it is read again at this time. */
  readonly recheckAt?: string;
  /** It was read back until the deadline, and can still be used. */
  readonly stillThere?: boolean;
  /** The account is protected, or may not be adopted: the bridge does not touch it until an admin does something. */
  readonly isSpared?: boolean;
}

/**
 * `undone`: a change of the plan is held, or the vendor refused it and is asked again. Answers when to read the
 * account back; null where the task is done.
 */
export async function settleLeaver(
  tx: Db,
  attempt: Attempt,
  leaving: Leaving,
  undone: { readonly isHeld: boolean; readonly isRefused: boolean },
): Promise<string | null> {
  const { store, settings } = attempt.context;
  const personId = attempt.task.subject.id;
  if (leaving.lifecycle !== 'active') {
    const { isHeld, isRefused } = undone;
    const isWaiting = (leaving.isSpared || isHeld || isRefused || leaving.waits) && leaving.hadAccess;
    if (isWaiting && !leaving.accessTaken) {
      await openLeaver(tx, attempt, attempt.now());
      const leaver = isRefused ? await getLeaver(tx, store.id, personId) : null;
      if (leaver) await retryOwed(tx, attempt, leaver.since);
      return null;
    }
    if (leaving.stillThere) return null;
    if (leaving.recheckAt !== undefined) return leaving.recheckAt;
    if (leaving.accessTaken && settings.verify) {
      await openLeaver(tx, attempt, attempt.task.createdAt);
      await saveCheck(tx, { storeId: store.id, personId, disabledAt: attempt.now(), checks: 0 });
      return attempt.now();
    }
  }
  if (attempt.task.isOpenLeaver) await send(tx, [closingLeaver(store.id, personId)]);
  return null;
}

function openLeaver(tx: Db, { context, task }: Attempt, since: string): Promise<void> {
  const { id: storeId, environmentId } = context.store;
  const correlationId = task.causes.at(-1) ?? null;
  return send(tx, [
    openingLeavers([storeId], { personId: task.subject.id, environmentId, correlationId, since }),
  ]);
}

/**
 * After a failed attempt: opens a leaver who has not been opened yet, and answers whether the person is to lose
 * access. Some writes make a person leave without saying so, such as a new title that takes them out of scope; only a
 * look finds it.
 */
export async function openUnsaidLeaver(attempt: Attempt): Promise<boolean> {
  const { db, context, task } = attempt;
  if (task.subject.kind !== 'user') return false;
  if (task.isOpenLeaver) return true;
  const link = await getLink(db, context.store.id, task.subject);
  // Another account may have taken the place of the one that is gone.
  if (!attempt.lost && !(link && isUsable(link))) return false;
  const [person] = await loadDesiredUsers(db, context, [task.subject.id]);
  if (person === undefined || person.lifecycle === 'active') return false;
  await attempt.record(async (tx) => {
    await openLeaver(tx, attempt, attempt.now());
    await hurryTask(tx, task.id, PRIORITY.leaver);
  });
  return true;
}

/** Somebody who waits for approval at the vendor may be let in at any time. */
export function isUsable({ state, disabledBy }: Pick<LinkRecord, 'state' | 'disabledBy'>): boolean {
  return state === 'enabled' || state === 'invited' || disabledBy === 'unapproved';
}

/** What one reading of a leaver's account means for the task. */
export interface Verified {
  readonly leaving?: Partial<Leaving>;
  readonly skipped?: readonly Skip[];
}

const GAP_FIRST_MS = 1_000;
const GAP_MAX_MS = 30_000;

/**
 * Reads the account once, where a change was made and is not confirmed yet; otherwise answers nothing. Throws what
 * the read throws.
 */
export async function verifyLeaver(
  attempt: Attempt,
  { desired, record: link }: { readonly desired: DesiredUser; readonly record: LinkRecord | null },
): Promise<Verified> {
  const { store, settings, connector } = attempt.context;
  if (!settings.verify || !link || desired.lifecycle === 'active') return {};
  if (link.state !== 'disabled' && link.state !== 'removed') return {};
  const leaver = await getLeaver(attempt.db, store.id, desired.id);
  if (!leaver || leaver.disabledAt === null) return {};
  const { calls, callContext } = attempt.calling('verify');
  const account = await connector.read('user', link.remoteId, callContext);
  const checks = leaver.checks + 1;
  const subject = { kind: 'user', id: desired.id, display: desired.display } as const;
  const isOut = account?.state === 'disabled' || (account?.state === 'locked' && !account.awaitsApproval);
  if (account === null || isOut) {
    const after = { remoteId: link.remoteId, state: account?.state ?? 'deleted', checks };
    await attempt.record((tx) =>
      attempt.event(tx, { kind: 'leaver.verified', outcome: 'success', subject, calls, after }),
    );
    return {};
  }
  const now = attempt.deps.clock.now();
  const deadline = Date.parse(leaver.disabledAt) + settings.leaverDeadlineSeconds * 1_000;
  if (now < deadline) {
    const gapMs = Math.min(GAP_MAX_MS, GAP_FIRST_MS * 2 ** Math.min(checks - 1, 10), deadline - now);
    await attempt.record((tx) => saveCheck(tx, { ...leaver, checks }));
    return { leaving: { recheckAt: isoTime(now + gapMs) } };
  }
  const reason = `${desired.display} was disabled at ${leaver.disabledAt}, and ${store.name} still showed the account as ${account.state} ${settings.leaverDeadlineSeconds} seconds later; look there, then attempt a sync with repair`;
  await attempt.record(async (tx) => {
    await saveCheck(tx, { ...leaver, checks, disabledAt: null });
    await attempt.event(tx, { kind: 'leaver.unverified', outcome: 'failure', subject, calls, reason });
  });
  const skip: Skip = { op: 'disable', subject, status: 'partiallySynced', reason };
  return { leaving: { stillThere: true }, skipped: [skip] };
}
