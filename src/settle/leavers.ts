/**
 * From the request that makes a person leave until the store has confirmed it: what closes that span, and,
 * with `VERIFY`, the reading back of the account. One look at a time; between two the store does other work.
 */

import type { Db } from '../db/open.ts';
import { closeLeaver, getLeaver, openLeavers, saveCheck } from '../db/queue/leavers.ts';
import { hurryTask } from '../db/queue/queue.ts';
import { PRIORITY } from '../db/queue/tasks.ts';
import { getLink, type LinkRecord } from '../db/seen/links.ts';
import type { Skip } from '../model/change.ts';
import type { DesiredUser, Lifecycle } from '../model/desired.ts';
import { loadDesiredUsers } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';
import type { Attempt } from './attempt.ts';
import { retryOwed } from './refusal.ts';

/** Where a person stands who may be on the way out. */
export interface Leaving {
  readonly lifecycle: Lifecycle;
  /** The account could be used when the plan was made. */
  readonly hadAccess: boolean;
  /** The loss waits for a preview to be applied. */
  readonly waits?: boolean;
  /** This task has just disabled or deleted the account. */
  readonly accessTaken?: boolean;
  /** The account was read back and is to be read again then. */
  readonly recheckAt?: string;
  /** It was read back until the deadline, and can be used to this day. */
  readonly stillThere?: boolean;
  /** The account is protected, or may not be adopted: nobody takes it before an admin does something. */
  readonly isSpared?: boolean;
}

/** `undone`: something of the plan is held, or the vendor refused it, who is asked again. Answers when the account is to be read back; null where the task is done with. */
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
  if (attempt.task.isOpenLeaver) await closeLeaver(tx, store.id, personId);
  return null;
}

function openLeaver(tx: Db, { context, task }: Attempt, since: string): Promise<void> {
  const { id: storeId, environmentId } = context.store;
  const correlationId = task.causes.at(-1) ?? null;
  return openLeavers(tx, [storeId], { personId: task.subject.id, environmentId, correlationId, since });
}

/**
 * After an attempt that failed. A write that takes somebody out of scope (a new title, a lost membership, a return to
 * a directory whose rules leave them out) asks for their task like any other: only a look says that they leave. True
 * of whoever is to lose access.
 */
export async function openUnsaidLeaver(attempt: Attempt): Promise<boolean> {
  const { db, context, task } = attempt;
  if (task.subject.kind !== 'user') return false;
  if (task.isOpenLeaver) return true;
  const link = await getLink(db, context.store.id, task.subject);
  // Of an account that is gone it is not known yet whether another one has taken its place.
  if (!attempt.lost && !(link && isUsable(link))) return false;
  const [person] = await loadDesiredUsers(db, context, [task.subject.id]);
  if (person === undefined || person.lifecycle === 'active') return false;
  await attempt.record(async (tx) => {
    await openLeaver(tx, attempt, attempt.now());
    await hurryTask(tx, task.id, PRIORITY.leaver);
  });
  return true;
}

/** Whoever waits for an approval may be let in at any time. */
export function isUsable({ state, disabledBy }: Pick<LinkRecord, 'state' | 'disabledBy'>): boolean {
  return state === 'enabled' || state === 'invited' || disabledBy === 'unapproved';
}

/** What one look at the account of a leaver means for the task. */
export interface Verified {
  readonly leaving?: Partial<Leaving>;
  readonly skipped?: readonly Skip[];
}

const GAP_FIRST_MS = 1_000;
const GAP_MAX_MS = 30_000;

/** One look, where a change was taken and is not confirmed yet; nothing otherwise. Throws what the read throws. */
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
