/**
 * The brake at work: decides, in one transaction and before any call, which losses of a plan may run,
 * which wait for a person, and which a person has declined. Reserves the budget of those that run.
 */

import {
  peopleInWindow,
  peopleOfLargestCause,
  readWindow,
  reservePerson,
} from '../../db/brake/brakeLedger.ts';
import {
  countOpenHeld,
  dropHeld,
  HELD_RANK,
  type HeldRecord,
  heldOfSubject,
  insertHeld,
  type NewHeld,
} from '../../db/brake/held.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { appliedAmong, consumeApplied } from '../../db/runs/appliedChanges.ts';
import { countEnabledPeople } from '../../db/seen/linkLists.ts';
import { lockBrake, releaseBrake, tripBrake } from '../../db/stores/storeProgress.ts';
import { type Change, changeKey, isLoss, type Skip } from '../../model/change.ts';
import { type BrakeWindow, judgeLoss } from '../../plan/brake.ts';
import { isoTime } from '../../support/clock.ts';
import type { Attempt } from '../attempt.ts';
import { applyRepairs, type Repair } from '../repairs.ts';
import { discarded } from './decisions.ts';

export interface Gate<C extends Change = Change> {
  /** In the plan's order: everything that is no loss, and the losses that may run. */
  readonly allowed: readonly C[];
  readonly heldReasons: readonly string[];
  /** Losses that a person has discarded, and under `APPLY_MODE: Approval` what no applied preview says. */
  readonly skipped: readonly Skip[];
  /** Some of them are losses that only wait for a preview to be applied. */
  readonly lossWaits: boolean;
  /** Rows of approved losses, by `changeKey`: to be dropped once the change is done. */
  readonly approvals: ReadonlyMap<string, string>;
  /** Keys of changes that an applied preview says: to be ticked off once the change is done. */
  readonly applied: ReadonlySet<string>;
}

/** Whom a loss is counted against, and what the directory wants of them; a discard ends when that moves. */
export interface LossOf {
  personKey(change: Change): string;
  desired(change: Change): string;
}

/** `repairs`: of the look that the plan is made from. */
export function openGate<C extends Change>(
  attempt: Attempt,
  changes: readonly C[],
  lossOf: LossOf,
  repairs: readonly Repair[] = [],
): Promise<Gate<C>> {
  return attempt.record(async (tx) => {
    await applyRepairs(tx, attempt, repairs);
    const known = await heldOfSubject(tx, attempt.context.store.id, attempt.task.subject);
    const permit = await permitted(tx, attempt, changes, approvedKeys(known));
    const gate = permit.changes.some(isLoss)
      ? await judge(tx, attempt, permit, known, lossOf)
      : { ...NOTHING_HELD, allowed: permit.changes };
    await dropOutdated(tx, attempt, known, gate);
    await announce(tx, attempt, gate.allowed, lossOf);
    const { skipped, applied, lossWaits } = permit;
    return { ...gate, skipped: [...skipped, ...gate.skipped], applied, lossWaits };
  });
}

const NOTHING_HELD = { held: [], heldReasons: [], skipped: [], approvals: new Map<string, string>() };

/** For changes that take nothing from anybody, where what is held of the subject is no part of the plan. */
export function openHarmlessGate<C extends Change>(
  attempt: Attempt,
  changes: readonly C[],
): Promise<Pick<Gate<C>, 'allowed' | 'skipped' | 'applied'>> {
  return attempt.record(async (tx) => {
    const permit = await permitted(tx, attempt, changes, new Set());
    await announce(tx, attempt, permit.changes);
    return { allowed: permit.changes, skipped: permit.skipped, applied: permit.applied };
  });
}

function approvedKeys(known: readonly HeldRecord[]): ReadonlySet<string> {
  return new Set(known.filter((row) => row.state === 'approved').map((row) => row.changeKey));
}

interface Permit<C extends Change> {
  readonly changes: readonly C[];
  readonly skipped: readonly Skip[];
  readonly lossWaits: boolean;
  readonly applied: ReadonlySet<string>;
  /** Losses whose preview was applied with what the brake held in it. */
  readonly released: ReadonlySet<string>;
}

/** Under `APPLY_MODE: Approval` nothing passes but what an applied preview, or an approval, says. */
async function permitted<C extends Change>(
  tx: Db,
  attempt: Attempt,
  changes: readonly C[],
  approved: ReadonlySet<string>,
): Promise<Permit<C>> {
  const applied = await appliedAmong(tx, attempt.context.store.id, changes.map(changeKey));
  const released = new Set(
    [...applied.values()].filter((item) => item.includeHeld).map((item) => item.changeKey),
  );
  const free =
    attempt.context.settings.applyMode === 'Automatic' || attempt.context.store.status === 'DELETING';
  const may = (change: Change) => free || applied.has(changeKey(change)) || approved.has(changeKey(change));
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
    released,
    applied: new Set(applied.keys()),
  };
}

async function announce(
  tx: Db,
  attempt: Attempt,
  changes: readonly Change[],
  lossOf: LossOf | null = null,
): Promise<void> {
  const intent = intentOf(changes, lossOf);
  if (intent) await attempt.announce(tx, intent);
}

/** What is no longer a loss, or was listed for another reason, goes; with the last one the brake is released. */
async function dropOutdated(
  tx: Db,
  attempt: Attempt,
  known: readonly HeldRecord[],
  gate: Judged,
): Promise<void> {
  const keep = new Set([...gate.held, ...gate.approvals.values()]);
  const outdated = known.filter((row) => !keep.has(row.id)).map((row) => row.id);
  await dropHeld(tx, outdated);
  // The directory drops what was held of a person who is back, without a look at the stores.
  if (outdated.length > 0 || attempt.context.store.brakeTrippedAt !== null)
    await releaseBrakeIfClear(tx, attempt.context.store.id);
}

/** The change is done: its approval, and its line in an applied preview, are used up. */
export async function tickOff(
  tx: Db,
  attempt: Attempt,
  gate: Pick<Gate, 'approvals' | 'applied'>,
  change: Change,
): Promise<void> {
  const key = changeKey(change);
  const approval = gate.approvals.get(key);
  if (approval) await dropHeld(tx, [approval]);
  if (gate.applied.has(key)) await consumeApplied(tx, attempt.context.store.id, key);
}

/** With no loss left to decide on, the store is free to go on. */
export async function releaseBrakeIfClear(db: Db, storeId: string): Promise<void> {
  if ((await countOpenHeld(db, storeId)) > 0) return;
  await releaseBrake(db, storeId);
}

interface Judged<C extends Change = Change> extends Omit<Gate<C>, 'applied' | 'lossWaits'> {
  /** Rows that stay: still held, or discarded and still so wanted. */
  readonly held: readonly string[];
}

async function judge<C extends Change>(
  tx: Db,
  attempt: Attempt,
  { changes, released }: Permit<C>,
  known: readonly HeldRecord[],
  lossOf: LossOf,
): Promise<Judged<C>> {
  const brake = await openBooks(tx, attempt, changes, lossOf);
  const rows = new Map(known.map((row) => [row.changeKey, row]));
  // A store's deletion was confirmed by an admin who was told how many people it concerns.
  const confirmed = attempt.context.store.status === 'DELETING';
  const allowed: C[] = [];
  const skipped: Skip[] = [];
  const kept: string[] = [];
  const fresh: NewHeld[] = [];
  const reasons: string[] = [];
  const approvals = new Map<string, string>();
  for (const change of changes) {
    if (!isLoss(change)) {
      allowed.push(change);
      continue;
    }
    const key = changeKey(change);
    const desired = lossOf.desired(change);
    const found = rows.get(key);
    const row = found?.desired === desired ? found : undefined;
    if (row?.state === 'discarded') {
      kept.push(row.id);
      skipped.push(discarded(change, row.decidedBy));
      continue;
    }
    const approved = confirmed || row?.state === 'approved' || released.has(key);
    if (row?.state === 'approved') approvals.set(key, row.id);
    const personKey = lossOf.personKey(change);
    if (row?.state === 'held' && !approved && isBraking(attempt)) {
      // What is held waits for its decision, whatever other cause the task is worked on for.
      kept.push(row.id);
      reasons.push(row.reason);
      continue;
    }
    const verdict = await brake.ask(personKey, approved);
    if (verdict.verdict === 'pass') {
      allowed.push(change);
      continue;
    }
    reasons.push(verdict.reason);
    fresh.push(newHeld(attempt, change, { key, personKey, desired, reason: verdict.reason }));
  }
  if (fresh.length > 0) await hold(tx, attempt, fresh, kept);
  await brake.close(tx);
  return { allowed, heldReasons: reasons, skipped, approvals, held: kept };
}

function isBraking(attempt: Attempt): boolean {
  return attempt.context.settings.brakePercent < 100;
}

function newHeld(
  attempt: Attempt,
  change: Change,
  loss: { key: string; personKey: string; desired: string; reason: string },
): NewHeld {
  return {
    environmentId: attempt.task.environmentId,
    storeId: attempt.context.store.id,
    subject: attempt.task.subject,
    personKey: loss.personKey,
    changeKey: loss.key,
    change,
    desired: loss.desired,
    cause: attempt.task.causes.at(-1) ?? null,
    reason: loss.reason,
    rank: change.op === 'revoke' ? HELD_RANK.membership : HELD_RANK.person,
  };
}

async function hold(tx: Db, attempt: Attempt, fresh: readonly NewHeld[], kept: string[]): Promise<void> {
  for (const row of await insertHeld(tx, fresh, attempt.now())) kept.push(row.id);
  const [first] = fresh;
  if (!first) return;
  await attempt.event(tx, {
    kind: 'change.held',
    outcome: 'held',
    subject: first.change.subject,
    reason: first.reason,
    after: { held: fresh.length, op: first.change.op },
  });
}

/** The window, counted once under the store's lock and kept in step with what is reserved. */
async function openBooks(tx: Db, attempt: Attempt, changes: readonly Change[], lossOf: LossOf) {
  const { store, settings } = attempt.context;
  const tripped = await lockBrake(tx, store.id);
  const cutoff = isoTime(attempt.deps.clock.now() - settings.brakeWindowMinutes * 60_000);
  const people = [...new Set(changes.filter(isLoss).map((change) => lossOf.personKey(change)))];
  const inWindow = new Set(await peopleInWindow(tx, store.id, cutoff, people));
  const recorded = await readWindow(tx, store.id, cutoff);
  const base = recorded.base ?? (await countEnabledPeople(tx, store.id));
  const peopleOfCause = await peopleOfLargestCause(tx, store.id, attempt.task.causes, people.length);
  const window = { base, used: recorded.used, tripped };
  let trippedNow: string | null = null;
  return {
    async ask(personKey: string, approved: boolean) {
      const verdict = judgeLoss(settings, window satisfies BrakeWindow, {
        peopleOfCause,
        alreadyInWindow: inWindow.has(personKey),
        approved,
      });
      if (verdict.verdict === 'hold' && verdict.trips) {
        window.tripped = true;
        trippedNow = verdict.reason;
      }
      if (verdict.verdict === 'pass' && verdict.reserve) {
        await reservePerson(tx, store.id, personKey, base, attempt.now());
        inWindow.add(personKey);
        window.used += 1;
      }
      return verdict;
    },
    async close(db: Db) {
      if (trippedNow === null) return;
      await tripBrake(db, store.id, attempt.now());
      await attempt.event(db, { kind: 'brake.tripped', outcome: 'held', reason: trippedNow });
    },
  };
}

function intentOf(changes: readonly Change[], lossOf: LossOf | null): Intent | null {
  const calling = changes.filter((change) => change.op !== 'adopt');
  if (calling.length === 0) return null;
  const attributes: Record<string, string> = {};
  for (const change of calling) {
    if (change.op === 'create') Object.assign(attributes, change.attributes);
    if (change.op === 'update') for (const { name, to } of change.attributes) attributes[name] = to;
  }
  const creation = calling.find((change) => change.op === 'create');
  const disabling = calling.find((change) => change.op === 'disable');
  const disabledBy = disabling && lossOf?.desired(disabling) === 'gone' ? 'gone' : 'inactive';
  return {
    ops: [...new Set(calling.map((change) => change.op))],
    attributes,
    ...(disabling ? { disabledBy } : {}),
    ...(creation ? { identifier: creation.identifier } : {}),
  };
}
