/**
 * What every planned change passes before its call, in one transaction. The store must still have the settings that
 * the plan was made with, an applied preview must list the change (under `APPLY_MODE: Approval`), and the brake must
 * let a loss through. The same transaction writes down what the attempt is about to do.
 */

import { announceUnhindered, readBooks } from '../../db/brake/gateBooks.ts';
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
import { askBrake, windowStart } from './brake.ts';
import { intentOf } from './intent.ts';
import { causeOf, releaseBrakeIfClear } from './release.ts';
import { finish, recordLoss } from './taken.ts';

export interface Gate<C extends Change = Change> {
  /** In the plan's order: all changes that nothing holds, and the held ones that an admin allowed. */
  readonly allowed: readonly C[];
  readonly heldReasons: readonly string[];
  /** Losses that an admin discarded and, under `APPLY_MODE: Approval`, changes that no applied preview lists. */
  readonly skipped: readonly Skip[];
  /** Some of `skipped` are losses that only wait for an admin to apply a preview. */
  readonly lossWaits: boolean;
  /** The rows of losses that an admin allowed, by `changeKey`. Each is used up once the change is done. */
  readonly approvals: ReadonlyMap<string, string>;
  /** The person whom each loss is counted for. */
  readonly lossOf: LossOf;
  /** Keys of changes that an applied preview lists; each is ticked off once the change is done. */
  readonly applied: ReadonlySet<string>;
  /** Another account has a key that these changes would give the person. */
  readonly isKeyHeld: boolean;
}

/**
 * Which of these people the directory wants as members now. The gate asks it about those whose loss of a membership
 * an admin declined.
 */
export type MembersAmong = (tx: Db, personKeys: readonly string[]) => Promise<ReadonlySet<string>>;

export interface GateBasis<C extends Change> {
  /** The repairs of the look that the plan was made from. */
  readonly repairs?: readonly Repair[];
  /** What the attempt writes down before its first call; absent: all of the changes. */
  intentOf?(allowed: readonly C[]): Intent | null;
  /** The keys that the changes would give the person. */
  readonly keys?: readonly Key[];
  /** Absent where the changes are about no memberships. */
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
    const personKeys = [...new Set(changes.filter(isLoss).map((change) => lossOf.personKey(change)))];
    const books = await readBooks(tx, {
      ...{ storeId: context.store.id, subject: task.subject, keys, personKeys },
      ...{ correlationIds: task.causes, windowStart: windowStart(attempt) },
    });
    const { known, isSomeApplied, isKeyHeld } = books;
    const left = withoutDeclined(changes, known);
    const decided = new Set(known.filter((row) => row.state !== 'held').map((row) => row.changeKey));
    const standing = standingAmong(known);
    const isDecided = (change: Change) =>
      decided.has(changeKey(change)) || standing(change, lossOf.desired(change))?.state === 'approved';
    const applied = isSomeApplied ? await appliedOf(tx, attempt, left.changes) : NONE_APPLIED;
    const permit = permitted(attempt, left.changes, applied, isDecided);
    const judgement = permit.changes.some(mayBeHeld)
      ? await askBrake(tx, attempt, { ...permit, isTripped: isBrakeTripped, books, lossOf })
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

/** Whether nobody loses anything, nothing waits for a preview, and the brake has nothing to judge. */
function isHarmless({ context }: Attempt, changes: readonly Change[]): boolean {
  return isFree(context) && context.store.brakeTrippedAt === null && !changes.some(mayBeHeld);
}

/** Writes down what the attempt is about to do; false where something stands in its way. */
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

/**
 * For changes that take nothing from anybody. Ignores what is held of the subject, because the plan is not about it.
 */
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

/**
 * For what an admin wants back. It passes under any settings, but only while those it was planned with still hold.
 */
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
  /** `changeKey`s of losses in an applied preview that released what the brake held. */
  readonly released: ReadonlySet<string>;
}

/** What applied previews list, by `changeKey`. */
type AppliedChanges = ReadonlyMap<string, AppliedChange>;

const NONE_APPLIED: AppliedChanges = new Map();

function appliedOf(tx: Db, { context }: Attempt, changes: readonly Change[]): Promise<AppliedChanges> {
  return appliedAmong(tx, context.store.id, changes.map(changeKey));
}

/** Under `APPLY_MODE: Approval`, only what an applied preview lists and what an admin decided already may pass. */
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

/**
 * Drops held losses that are no longer planned, or that are planned for another reason. With the last one the brake
 * is released.
 */
async function dropOutdated(
  tx: Db,
  attempt: Attempt,
  known: readonly LossRecord[],
  { kept, approvals }: Pick<Judgement<Change>, 'kept' | 'approvals'>,
): Promise<void> {
  const keep = new Set([...kept, ...approvals.values()]);
  const outdated = known.filter((row) => !keep.has(row.id)).map((row) => row.id);
  await retireLosses(tx, outdated);
  // When a person comes back, the directory drops what was held of them and leaves the stores alone; their brakes are
  // looked at here.
  const { store } = attempt.context;
  if (outdated.length > 0 || store.brakeTrippedAt !== null)
    await releaseBrakeIfClear(tx, store, attempt.now(), causeOf(attempt));
}

/**
 * The change is done. Uses up its line in an applied preview, and records a loss together with the admin who allowed
 * it.
 */
export async function tickOff(tx: Db, attempt: Attempt, gate: Gate, change: Change): Promise<void> {
  const key = changeKey(change);
  const approval = gate.approvals.get(key) ?? null;
  if (isLoss(change)) await recordLoss(tx, attempt, change, gate.lossOf, approval);
  else if (approval !== null) await finish(tx, attempt, approval);
  await tickOffApplied(tx, attempt, gate, change);
}

/** The same for a change that takes nothing from anybody. */
export async function tickOffApplied(
  tx: Db,
  attempt: Attempt,
  { applied }: Pick<Gate, 'applied'>,
  change: Change,
): Promise<void> {
  const key = changeKey(change);
  if (applied.has(key)) await consumeApplied(tx, attempt.context.store.id, key);
}
