/**
 * What every planned change passes before its call, in one transaction: the settings must be those it was planned
 * with, under `APPLY_MODE: Approval` an applied preview must say it, and the brake must let a loss through. The
 * same transaction writes down what the attempt is about to do.
 */

import { announceUnhindered, booksOfGate } from '../../db/brake/gateBooks.ts';
import { type LossRecord, retireLosses } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { type AppliedChange, appliedAmong, consumeApplied } from '../../db/runs/appliedChanges.ts';
import type { Key } from '../../db/seen/keys.ts';
import { type Change, changeKey, isLoss, mayBeHeld, type Skip, type UserChange } from '../../model/change.ts';
import {
  isDeclined,
  isRemembered,
  type Judgement,
  type LossOf,
  standingAmong,
  withoutDeclined,
} from '../../plan/losses.ts';
import type { Attempt } from '../attempt.ts';
import { applyRepairs, type Repair } from '../repairs.ts';
import { askBrake } from './brake.ts';
import { intentOf } from './intent.ts';
import { causeOf, releaseBrakeIfClear } from './release.ts';
import { finish, recordLoss } from './taken.ts';

export interface Gate<C extends Change = Change> {
  /** In the plan's order: everything that nothing holds, and what may run of the rest. */
  readonly allowed: readonly C[];
  readonly heldReasons: readonly string[];
  /** Losses that an admin has discarded, and under `APPLY_MODE: Approval` what no applied preview says. */
  readonly skipped: readonly Skip[];
  /** Some of them are losses that only wait for a preview to be applied. */
  readonly lossWaits: boolean;
  /** Rows of losses that somebody allowed, by `changeKey`: used up once the change is done. */
  readonly approvals: ReadonlyMap<string, string>;
  /** Whom its losses are counted against. */
  readonly lossOf: LossOf;
  /** Keys of changes that an applied preview says: to be ticked off once the change is done. */
  readonly applied: ReadonlySet<string>;
  /** Another account has a key that the changes would give the person. */
  readonly isKeyHeld: boolean;
}

/** What the gate asks the directory of those whose memberships somebody declined: who of them is to be a member now. */
export type MembersAmong = (tx: Db, personKeys: readonly string[]) => Promise<ReadonlySet<string>>;

export interface GateBasis<C extends Change> {
  /** Of the look that the plan is made from. */
  readonly repairs?: readonly Repair[];
  /** What is written down before the first call; absent: all of the changes. */
  intentOf?(allowed: readonly C[]): Intent | null;
  /** That the changes would give the person. */
  readonly keys?: readonly Key[];
  /** Absent: nothing is remembered of memberships. */
  readonly membersAmong?: MembersAmong;
}

/** @throws PlanOutdated, and then nothing is recorded. */
export async function openGate<C extends Change>(
  attempt: Attempt,
  changes: readonly C[],
  lossOf: LossOf,
  { repairs = [], keys = [], membersAmong = everybody, ...basis }: GateBasis<C> = {},
): Promise<Gate<C>> {
  const announced = (allowed: readonly C[]) =>
    basis.intentOf ? basis.intentOf(allowed) : intentOf(allowed, lossOf);
  const intent = repairs.length === 0 && isHarmless(attempt, changes) ? announced(changes) : null;
  if (intent && (await isUnhindered(attempt, intent, keys)))
    return { ...NOTHING_KNOWN, allowed: changes, lossOf };
  return attempt.recordBefore(changes.some(mayBeHeld), async (tx, { isBrakeTripped }) => {
    await applyRepairs(tx, attempt, repairs);
    const { context, task } = attempt;
    const { known, isSomeApplied, isKeyHeld } = await booksOfGate(tx, context.store.id, task.subject, keys);
    const left = withoutDeclined(changes, known);
    const decided = new Set(known.filter((row) => row.state !== 'held').map((row) => row.changeKey));
    const standing = standingAmong(known);
    const isDecided = (change: Change) =>
      decided.has(changeKey(change)) || standing(change, lossOf.desired(change))?.state === 'approved';
    const applied = isSomeApplied ? await appliedOf(tx, attempt, left.changes) : NONE_APPLIED;
    const permit = permitted(attempt, left.changes, applied, isDecided);
    const judgement = permit.changes.some(mayBeHeld)
      ? await askBrake(tx, attempt, { ...permit, isTripped: isBrakeTripped, known, lossOf })
      : { ...NO_LOSS, allowed: permit.changes };
    const revoked = known.filter((row) => isDeclined(row) && row.change.op === 'revoke');
    const members =
      revoked.length === 0
        ? NOBODY
        : await membersAmong(
            tx,
            revoked.map(({ change }) => lossOf.personKey(change)),
          );
    const remembered = known.filter((row) => isRemembered(row, lossOf, members));
    const kept = [...judgement.kept, ...remembered.map(({ id }) => id)];
    await dropOutdated(tx, attempt, known, { ...judgement, kept });
    const intent = announced(judgement.allowed);
    if (intent) await attempt.announce(tx, intent);
    const { allowed, heldReasons, skipped, approvals } = judgement;
    return {
      allowed,
      heldReasons,
      skipped: [...left.skipped, ...permit.skipped, ...skipped],
      lossWaits: permit.lossWaits,
      approvals,
      lossOf,
      applied: permit.applied,
      isKeyHeld,
    };
  });
}

/** Nothing is taken from anybody, nothing waits for a preview, and the brake is no concern of it. */
function isHarmless({ context }: Attempt, changes: readonly Change[]): boolean {
  return isFree(context) && context.store.brakeTrippedAt === null && !changes.some(mayBeHeld);
}

/** True where that was all to find out: then it is written down what is about to be done. */
function isUnhindered(attempt: Attempt, intent: Intent, keys: readonly Key[]): Promise<boolean> {
  const { lease, task, context } = attempt;
  const plan = { subject: task.subject, keys, contextVersion: context.store.contextVersion };
  return attempt.announce(attempt.db, intent, (db, taskId, whole) =>
    announceUnhindered(db, lease, { taskId, ...plan }, whole),
  );
}

function isFree({ settings, store }: Attempt['context']): boolean {
  return settings.applyMode === 'Automatic' || store.status === 'DELETING';
}

const NOTHING_KNOWN = {
  ...{ heldReasons: [], skipped: [], lossWaits: false, isKeyHeld: false },
  ...{ approvals: new Map<string, string>(), applied: new Set<string>() },
};

const NOBODY: ReadonlySet<string> = new Set();
const everybody: MembersAmong = async (_tx, personKeys) => new Set(personKeys);

const NO_LOSS = { heldReasons: [], skipped: [], kept: [], approvals: new Map<string, string>() };

/** For changes that take nothing from anybody, where what is held of the subject is no part of the plan. */
export function openHarmlessGate<C extends Change>(
  attempt: Attempt,
  changes: readonly C[],
): Promise<Pick<Gate<C>, 'allowed' | 'skipped' | 'applied'>> {
  return attempt.recordBefore(false, async (tx) => {
    const permit = permitted(attempt, changes, await appliedOf(tx, attempt, changes), () => false);
    await announce(tx, attempt, permit.changes, null);
    return { allowed: permit.changes, skipped: permit.skipped, applied: permit.applied };
  });
}

/** For what an admin wants back: it passes whatever the settings say, but not under outdated ones. */
export function openGiveBackGate(
  attempt: Attempt,
  change: UserChange,
  repairs: readonly Repair[],
): Promise<void> {
  return attempt.recordBefore(false, async (tx) => {
    await applyRepairs(tx, attempt, repairs);
    await announce(tx, attempt, [change], null);
  });
}

interface Permit<C extends Change> {
  readonly changes: readonly C[];
  readonly skipped: readonly Skip[];
  readonly lossWaits: boolean;
  readonly applied: ReadonlySet<string>;
  /** Losses whose preview was applied with what the brake held in it. */
  readonly released: ReadonlySet<string>;
}

/** By `changeKey`: what an applied preview says. */
type AppliedChanges = ReadonlyMap<string, AppliedChange>;

const NONE_APPLIED: AppliedChanges = new Map();

function appliedOf(tx: Db, { context }: Attempt, changes: readonly Change[]): Promise<AppliedChanges> {
  return appliedAmong(tx, context.store.id, changes.map(changeKey));
}

/** Under `APPLY_MODE: Approval` nothing passes but what an applied preview says, and what somebody decided already. */
function permitted<C extends Change>(
  attempt: Attempt,
  changes: readonly C[],
  applied: AppliedChanges,
  isDecided: (change: Change) => boolean,
): Permit<C> {
  const free = isFree(attempt.context);
  const released = [...applied.values()].filter((item) => item.includeHeld).map((item) => item.changeKey);
  const may = (change: Change) => free || applied.has(changeKey(change)) || isDecided(change);
  const waiting = changes.filter((change) => !may(change));
  const skipped = waiting.map(
    ({ op, subject }): Skip => ({
      op,
      subject,
      status: 'unsynced',
      reason: `${op} waits for an applied preview: APPLY_MODE is Approval`,
    }),
  );
  return {
    changes: changes.filter(may),
    skipped,
    lossWaits: waiting.some(isLoss),
    released: new Set(released),
    applied: new Set(applied.keys()),
  };
}

async function announce(
  tx: Db,
  attempt: Attempt,
  changes: readonly Change[],
  lossOf: LossOf | null,
): Promise<void> {
  const intent = intentOf(changes, lossOf);
  if (intent) await attempt.announce(tx, intent);
}

/** What is no longer a loss, or was listed for another reason, goes; with the last one the brake is released. */
async function dropOutdated(
  tx: Db,
  attempt: Attempt,
  known: readonly LossRecord[],
  { kept, approvals }: Pick<Judgement<Change>, 'kept' | 'approvals'>,
): Promise<void> {
  const keep = new Set([...kept, ...approvals.values()]);
  const outdated = known.filter((row) => !keep.has(row.id)).map((row) => row.id);
  await retireLosses(tx, outdated);
  // The directory drops what was held of a person who is back, without a look at the stores.
  const { store } = attempt.context;
  if (outdated.length > 0 || store.brakeTrippedAt !== null)
    await releaseBrakeIfClear(tx, store, attempt.now(), causeOf(attempt));
}

/** The change is done: its line in an applied preview is used up; a loss is remembered, with whoever allowed it. */
export async function tickOff(tx: Db, attempt: Attempt, gate: Gate, change: Change): Promise<void> {
  const key = changeKey(change);
  const approval = gate.approvals.get(key) ?? null;
  if (isLoss(change)) await recordLoss(tx, attempt, change, gate.lossOf, approval);
  else if (approval !== null) await finish(tx, attempt, approval);
  await tickOffApplied(tx, attempt, gate, change);
}

/** The same of a change that takes nothing from anybody. */
export async function tickOffApplied(
  tx: Db,
  attempt: Attempt,
  { applied }: Pick<Gate, 'applied'>,
  change: Change,
): Promise<void> {
  const key = changeKey(change);
  if (applied.has(key)) await consumeApplied(tx, attempt.context.store.id, key);
}
