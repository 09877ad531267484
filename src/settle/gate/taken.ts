/**
 * Records a loss that a store took, in the transaction that records the change, so that an admin can have it given
 * back.
 */

import { beginWindow, causesThatTake } from '../../db/brake/brakeLedger.ts';
import { incidentsOfLoss } from '../../db/brake/incidentLosses.ts';
import {
  finishApproved,
  insertTaken,
  LOSS_RANK,
  standingOfSubject,
  wishBack,
} from '../../db/brake/losses.ts';
import { incidentOfUndo, undoneFor } from '../../db/brake/undoneCauses.ts';
import type { Db } from '../../db/open.ts';
import { type CalledOff, calledOff } from '../../db/pull/undo.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { holdBrake } from '../../db/stores/storeProgress.ts';
import { type Change, changeKey, endsAccess, isLoss } from '../../model/change.ts';
import type { LossState } from '../../model/loss.ts';
import type { Subject } from '../../model/subject.ts';
import type { LossOf } from '../../plan/losses.ts';
import type { Attempt } from '../attempt.ts';
import { causeOf, releaseBrakeIfClear } from './release.ts';

/** The newest of the task's causes that takes something from somebody. */
export async function causeOfLoss(db: Db, attempt: Attempt): Promise<string | null> {
  const { causes } = attempt.task;
  if (causes.length <= 1) return causes[0] ?? null;
  return newestTaking(attempt, await causesThatTake(db, attempt.context.store.id, causes));
}

/** `taking`: the causes that take something from somebody. */
export function newestTaking({ task }: Attempt, taking: ReadonlySet<string>): string | null {
  return task.causes.findLast((cause) => taking.has(cause)) ?? task.causes.at(-1) ?? null;
}

/** `approval`: the row of the admin's decision that let it through; null where no decision was needed. */
export async function recordLoss(
  tx: Db,
  attempt: Attempt,
  change: Change,
  lossOf: LossOf,
  approval: string | null,
): Promise<void> {
  const { store } = attempt.context;
  const at = attempt.now();
  // The bridge forgets a store that is being deleted, so nobody can give anything back there.
  if (store.status === 'DELETING' && approval === null) return;
  // This lock puts the record before or after an incident that trips the brake, and an admin's decision, at the same
  // moment.
  await holdBrake(tx, store.id);
  if (approval !== null) return finish(tx, attempt, approval);
  const { environmentId } = store;
  const { subject } = attempt.task;
  const cause = await causeOfLoss(tx, attempt);
  const personKey = lossOf.personKey(change);
  const loss = {
    environmentId,
    storeId: store.id,
    subject,
    personKey,
    changeKey: changeKey(change),
    change,
    desired: lossOf.desired(change),
    cause,
    rank: rankOf(change),
  };
  const { id, incidentId } = await insertTaken(tx, loss, at, incidentsOfLoss(tx, loss));
  // An admin may have called it off while the call was under way, and then it is in an incident.
  const off = incidentId === null ? null : await whoCalledOff(tx, loss);
  if (off === null) return;
  await wishBack(tx, id, off);
  const correlationIds = cause === null ? [] : [cause];
  const task = { environmentId, subject, priority: PRIORITY.normal, correlationIds, at };
  await enqueueTask(tx, store.id, task);
}

async function whoCalledOff(
  tx: Db,
  {
    cause,
    subject,
    personKey,
  }: { readonly cause: string | null; readonly subject: Subject; readonly personKey: string },
): Promise<CalledOff | null> {
  if (cause === null) return null;
  const undone: readonly unknown[] = await incidentOfUndo(tx, { correlationId: cause, personKey });
  const off = await (undone.length > 0
    ? undoneFor(tx, cause, [personKey])
    : calledOff(tx, cause, subject, [personKey]));
  return off.get(personKey) ?? null;
}

/** Ends an approved loss. Where it was the last held one, this ends the brake, as an approval does. */
export async function finish(tx: Db, attempt: Attempt, approval: string): Promise<void> {
  const { store } = attempt.context;
  if (!(await finishApproved(tx, approval, attempt.now()))) return;
  if (await releaseBrakeIfClear(tx, store, attempt.now(), causeOf(attempt))) await beginWindow(tx, store.id);
}

/** Losses that an admin approved; `discarded` where the admin took the approval back since. */
const LET_THROUGH: readonly LossState[] = ['approved', 'discarded'];

/** The same for a loss that an earlier attempt took and whose answer was lost. */
export async function recordFoundLoss(
  tx: Db,
  attempt: Attempt,
  change: Change,
  lossOf: LossOf,
): Promise<void> {
  const key = changeKey(change);
  const standing = await standingOfSubject(tx, attempt.context.store.id, attempt.task.subject);
  const allowed = standing.find((row) => row.changeKey === key && LET_THROUGH.includes(row.state));
  await recordLoss(tx, attempt, change, lossOf, allowed?.id ?? null);
}

/** For memberships: which person a loss is counted for, and what the directory wants. */
export const LOSS_OF_MEMBER: LossOf = {
  personKey: (change) => ('member' in change ? (change.member.personId ?? change.member.remoteId) : ''),
  desired: ({ op }) => (op === 'grant' ? 'wanted' : 'unwanted'),
};

/**
 * The loss of a whole account comes before memberships and identities, and losses come before everything else that
 * waits.
 */
export function rankOf(change: Change): number {
  if (endsAccess(change)) return LOSS_RANK.person;
  return isLoss(change) ? LOSS_RANK.other : LOSS_RANK.none;
}
