/**
 * Judges the losses and holds of one plan: the table "The brake" of docs/design.md. It says which changes may run,
 * which wait for an admin, and which one declined. The caller records it.
 */

import {
  type Change,
  changeKey,
  endsAccess,
  type IdentityUpdate,
  isLoss,
  makesLink,
  mayBeHeld,
  replacesIdentity,
  type Skip,
} from '../model/change.ts';
import type { CommonSettings } from '../model/commonSettings.ts';
import type { Attributes } from '../model/desired.ts';
import type { LossState } from '../model/loss.ts';
import { type BrakeWindow, judgeLoss } from './brake.ts';
import { covers, isStillWanted, overlaps, says } from './people/identity.ts';

/** A loss that was planned before, and what became of it. */
export interface KnownLoss {
  readonly id: string;
  readonly changeKey: string;
  readonly change: Change;
  readonly state: LossState;
  /** What the directory wanted then; once it wants something else, this row no longer counts. */
  readonly desired: string;
  readonly reason: string;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  readonly undoBy: string | null;
}

/** Which person a loss is counted for, and what the directory wants for them. */
export interface LossOf {
  personKey(change: Change): string;
  desired(change: Change): string;
  /** The attributes that the directory wants for the account's person. */
  readonly wanted?: Attributes;
}

export interface Losses<C extends Change> {
  readonly changes: readonly C[];
  readonly lossOf: LossOf;
  readonly known: readonly KnownLoss[];
  /** `changeKey`s of losses in an applied preview that released what the brake held. */
  readonly released: ReadonlySet<string>;
  /** An admin saw how many people lose something and confirmed it: the store is being deleted. */
  readonly confirmed: boolean;
  /** An admin approved the losses in the directory, but has not seen those that the plan itself holds. */
  readonly decided: boolean;
  /** By person, which admin called off the losses of the cause, and when; an ISO time. */
  readonly calledOff: ReadonlyMap<string, { readonly by: string; readonly at: string }>;
  readonly settings: CommonSettings;
  readonly window: BrakeWindow;
  /** The people of this plan who lost something in the window already. */
  readonly inWindow: ReadonlySet<string>;
  /** From how many people, at most, one cause of the task could take something. */
  readonly peopleOfCause: number;
  /** Why all memberships that the plan ends must wait; null where they need not. */
  readonly emptiesGroup: string | null;
}

/** A loss that waits for an admin from now on. */
export interface FreshLoss {
  readonly change: Change;
  readonly changeKey: string;
  readonly personKey: string;
  readonly desired: string;
  readonly reason: string;
}

export interface Judgement<C extends Change> {
  /** In the plan's order: all changes that nothing holds, and the held ones that an admin allowed. */
  readonly allowed: readonly C[];
  readonly skipped: readonly Skip[];
  readonly heldReasons: readonly string[];
  readonly fresh: readonly FreshLoss[];
  /** Losses that an admin called off before they were planned. */
  readonly declined: readonly FreshLoss[];
  /** The ids of known losses that stay as they are. */
  readonly kept: readonly string[];
  /** The id of the known loss that an admin allowed, by the change's key. */
  readonly approvals: ReadonlyMap<string, string>;
  /** People who count in the window from now on; a later loss keeps them in it for longer. */
  readonly reserved: readonly string[];
  /** Why the brake trips; null where it does not. */
  readonly trips: string | null;
}

export function judgeLosses<C extends Change>(losses: Losses<C>): Judgement<C> {
  const { lossOf, settings, peopleOfCause } = losses;
  const known = standingAmong(losses.known);
  const window = { ...losses.window };
  const inWindow = new Set(losses.inWindow);
  const allowed: C[] = [];
  const skipped: Skip[] = [];
  const heldReasons: string[] = [];
  const fresh: FreshLoss[] = [];
  const calledOff: FreshLoss[] = [];
  const kept: string[] = [];
  const approvals = new Map<string, string>();
  const reserved = new Set<string>();
  let trips: string | null = null;
  /** The changes after an adoption or creation need the link that it makes. */
  let linkWaits = false;
  /** No change follows one that an admin declined. */
  let isDeclinedWhole = false;
  for (const change of losses.changes) {
    if (!mayBeHeld(change)) {
      if (!linkWaits && !isDeclinedWhole) allowed.push(change);
      continue;
    }
    const { hold } = change;
    const key = changeKey(change);
    const desired = lossOf.desired(change);
    const row = known(change, desired);
    if (isDeclinedWhole) {
      if (row) kept.push(row.id);
      continue;
    }
    if (row && isDeclined(row)) {
      kept.push(row.id);
      skipped.push(declined(change, row));
      isDeclinedWhole = makesLink(change) || change.op === 'enable';
      continue;
    }
    const personKey = lossOf.personKey(change);
    const off = isLoss(change) ? losses.calledOff.get(personKey) : undefined;
    // An approval of this very loss after it was called off counts more.
    const isApprovedSince = row?.state === 'approved' && (row.decidedAt ?? '') > (off?.at ?? '');
    if (off !== undefined && !isApprovedSince) {
      skipped.push(declined(change, { state: 'discarded', decidedBy: off.by, undoBy: null }));
      calledOff.push({ change, changeKey: key, personKey, desired, reason: `discarded by ${off.by}` });
      continue;
    }
    const approved = mayRun(losses, change, row);
    if (row && (linkWaits || (row.state === 'held' && !approved))) {
      // It waits for its decision, whatever the other causes, and whatever the settings say by now.
      heldReasons.push(row.reason);
      if (row.changeKey === key) kept.push(row.id);
      else fresh.push({ change, changeKey: key, personKey, desired, reason: row.reason });
      linkWaits ||= makesLink(change);
      continue;
    }
    if (row && approved) approvals.set(key, row.id);
    if (hold && (linkWaits || !approved)) {
      const { reason } = hold;
      heldReasons.push(reason);
      fresh.push({ change, changeKey: key, personKey, desired, reason });
      linkWaits ||= makesLink(change);
      continue;
    }
    if (!isLoss(change)) {
      allowed.push(change);
      continue;
    }
    const alreadyInWindow = inWindow.has(personKey);
    const verdict = judgeLoss(settings, window, {
      peopleOfCause,
      alreadyInWindow,
      approved,
      emptiesGroup: change.op === 'revoke' ? losses.emptiesGroup : null,
    });
    if (verdict.verdict === 'hold') {
      heldReasons.push(verdict.reason);
      fresh.push({ change, changeKey: key, personKey, desired, reason: verdict.reason });
      if (verdict.trips) {
        window.tripped = true;
        trips = verdict.reason;
      }
      continue;
    }
    allowed.push(change);
    if (!verdict.reserve) continue;
    reserved.add(personKey);
    if (!alreadyInWindow) window.used += 1;
    inWindow.add(personKey);
  }
  const isTaken = allowed.some(endsAccess);
  const free = allowed.filter((change) => change.op !== 'adopt' || !change.onlyToLose || isTaken);
  return {
    allowed: free,
    skipped,
    heldReasons,
    fresh,
    declined: calledOff,
    kept,
    approvals,
    reserved: [...reserved],
    trips,
  };
}

/** Finds the earlier loss that decides about a change, as long as the directory wants what it wanted then. */
export function standingAmong<K extends KnownLoss>(
  known: readonly K[],
): (change: Change, desired: string) => K | undefined {
  const byKey = new Map(known.map((row) => [row.changeKey, row]));
  const replaced = known.filter((row) => replacesIdentity(row.change));
  const ended = known.filter((row) => isDeclined(row) && endsAccount(row.change));
  return (change, desired) => {
    if (replacesIdentity(change)) return standingOnIdentity(replaced, change);
    const same = byKey.get(changeKey(change));
    if (same?.desired === desired && !isHoldOver(same, change)) return same;
    // Whoever kept an account keeps it from any end: other settings may delete what these disable.
    return ended.find((row) => row.desired === desired && endsSame(row.change, change));
  };
}

/** Declined identity attributes have been left out of the plan before. */
function standingOnIdentity<K extends KnownLoss>(
  replaced: readonly K[],
  change: IdentityUpdate,
): K | undefined {
  return (
    replaced.find((row) => row.state === 'approved' && covers(row, change)) ??
    replaced.find((row) => row.state === 'held' && overlaps(row, change))
  );
}

function endsAccount({ op, subject }: Change): boolean {
  return subject.kind === 'user' && endsAccess({ op });
}

function endsSame(one: Change, other: Change): boolean {
  return endsAccount(other) && 'remoteId' in one && 'remoteId' in other && one.remoteId === other.remoteId;
}

/** Leaves out identity attributes for which an admin wants to keep the old value. */
export function withoutDeclined<C extends Change>(
  changes: readonly C[],
  known: readonly KnownLoss[],
): { readonly changes: readonly C[]; readonly skipped: readonly Skip[] } {
  const rows = known.filter((row) => isDeclined(row) && replacesIdentity(row.change));
  if (rows.length === 0) return { changes, skipped: [] };
  const skipped: Skip[] = [];
  const left = changes.flatMap((change): readonly C[] => {
    if (!replacesIdentity(change)) return [change];
    const mine = rows.filter((row) => overlaps(row, change));
    skipped.push(...mine.map((row) => declined(change, row)));
    const attributes = change.attributes.filter((attribute) => !mine.some((row) => says(row, attribute)));
    return attributes.length === 0 ? [] : [{ ...change, attributes }];
  });
  return { changes: left, skipped };
}

/** An admin decided that it must not happen while the directory wants what it wanted then. */
export function isDeclined({ state }: Pick<KnownLoss, 'state'>): boolean {
  return state === 'discarded' || state === 'undone';
}

/**
 * Whether an admin's "no" still stands, whether the change is planned or not: while the directory wants what it
 * wanted. `members`: who is to be a member now, of those whose loss was declined, by `personKey`.
 */
export function isRemembered(row: KnownLoss, lossOf: LossOf, members: ReadonlySet<string>): boolean {
  if (!isDeclined(row)) return false;
  if (endsAccount(row.change)) return lossOf.desired(row.change) === row.desired;
  if (row.change.op === 'revoke') return !members.has(lossOf.personKey(row.change));
  return isStillWanted(row, lossOf.wanted ?? {});
}

export function declined(
  { op, subject }: Change,
  { state, decidedBy, undoBy }: Pick<KnownLoss, 'state' | 'decidedBy' | 'undoBy'>,
): Skip {
  const reason = state === 'undone' ? `given back by ${undoBy}` : `discarded by ${decidedBy}`;
  return { op, subject, status: 'unsynced', reason };
}

/** The brake's lists do not decide who somebody is. */
function mayRun<C extends Change>(
  { confirmed, decided, released }: Losses<C>,
  change: C,
  row: KnownLoss | undefined,
): boolean {
  if (change.hold?.kind === 'identity') return false;
  if (decided && change.hold === undefined) return true;
  return confirmed || row?.state === 'approved' || released.has(changeKey(change));
}

/** It was held for a group that a rule names, and need not be any more, because the person has left, say. */
function isHoldOver({ state, change }: KnownLoss, { hold }: Change): boolean {
  return state === 'held' && change.hold?.kind === 'rule' && hold === undefined;
}

/** The revokes without a decision, so that what one cause takes in addition is judged by itself. */
export function undecidedRevokes<C extends Change>(
  changes: readonly C[],
  known: readonly Pick<KnownLoss, 'changeKey'>[],
): readonly C[] {
  const keys = new Set(known.map((row) => row.changeKey));
  return changes.filter(
    (change) => change.op === 'revoke' && change.hold === undefined && !keys.has(changeKey(change)),
  );
}
