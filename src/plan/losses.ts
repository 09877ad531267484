/**
 * The judgement about the losses of one plan, and about what the plan holds: the table "The brake" of docs/design.md.
 * It says which may run, which wait for an admin, and which an admin has declined; recording that is the caller's.
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

/** What stands against a loss from before. */
export interface KnownLoss {
  readonly id: string;
  readonly changeKey: string;
  readonly change: Change;
  readonly state: LossState;
  /** What the directory wanted then: once that moves, this counts no more. */
  readonly desired: string;
  readonly reason: string;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  readonly undoBy: string | null;
}

/** Whom a loss is counted against, and what the directory wants of them. */
export interface LossOf {
  personKey(change: Change): string;
  desired(change: Change): string;
  /** What the directory wants of the attributes of whose account it is. */
  readonly wanted?: Attributes;
}

export interface Losses<C extends Change> {
  readonly changes: readonly C[];
  readonly lossOf: LossOf;
  readonly known: readonly KnownLoss[];
  /** Keys of losses that an admin applied a preview of, with what the brake held in it. */
  readonly released: ReadonlySet<string>;
  /** An admin was told how many people it concerns, and confirmed all of it: the store is being deleted. */
  readonly confirmed: boolean;
  /** An admin approved what the directory loses; of what the plan itself holds nobody was told there. */
  readonly decided: boolean;
  /** By person, who called off what the cause would take, and when; an ISO time. */
  readonly calledOff: ReadonlyMap<string, { readonly by: string; readonly at: string }>;
  readonly settings: CommonSettings;
  readonly window: BrakeWindow;
  /** Of the people of this plan, those who lost something in the window already. */
  readonly inWindow: ReadonlySet<string>;
  /** The most people that one cause of the task could take something from. */
  readonly peopleOfCause: number;
  /** Why the memberships that the plan ends all wait; null where they do not. */
  readonly emptiesGroup: string | null;
}

/** A loss that is to wait for an admin from now on. */
export interface FreshLoss {
  readonly change: Change;
  readonly changeKey: string;
  readonly personKey: string;
  readonly desired: string;
  readonly reason: string;
}

export interface Judgement<C extends Change> {
  /** In the plan's order: everything that nothing holds, and what may run of the rest. */
  readonly allowed: readonly C[];
  readonly skipped: readonly Skip[];
  readonly heldReasons: readonly string[];
  readonly fresh: readonly FreshLoss[];
  /** Losses that somebody called off before they were planned. */
  readonly declined: readonly FreshLoss[];
  /** Ids of known losses that stay as they are. */
  readonly kept: readonly string[];
  /** By the change's key, the id of the known loss that somebody allowed. */
  readonly approvals: ReadonlyMap<string, string>;
  /** People against whom the budget is reserved, from now on: whoever loses more stays in the window for longer. */
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
  /** Whatever follows a linking needs the link. */
  let linkWaits = false;
  /** Nothing follows what somebody declined. */
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
    // Whoever approved the very loss since has the last word.
    const isApprovedSince = row?.state === 'approved' && (row.decidedAt ?? '') > (off?.at ?? '');
    if (off !== undefined && !isApprovedSince) {
      skipped.push(declined(change, { state: 'discarded', decidedBy: off.by, undoBy: null }));
      calledOff.push({ change, changeKey: key, personKey, desired, reason: `discarded by ${off.by}` });
      continue;
    }
    const approved = mayRun(losses, change, row);
    if (row && (linkWaits || (row.state === 'held' && !approved))) {
      // It waits for its decision, whatever other cause the task is worked on for and whatever is set by now.
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

/** What stands against a change from before, while the directory wants what it wanted then. */
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
    // Whoever keeps an account keeps it, whatever would end it: other settings may delete what these disable.
    return ended.find((row) => row.desired === desired && endsSame(row.change, change));
  };
}

/** What was declined of an identity is left out of the plan before. */
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

/** The changes without the identity attributes of which somebody wants the old value. */
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

/** Somebody decided that it is not to happen while the directory wants what it wanted then. */
export function isDeclined({ state }: Pick<KnownLoss, 'state'>): boolean {
  return state === 'discarded' || state === 'undone';
}

/**
 * What somebody declined stands while the directory wants what it wanted then, whether it is planned just now or not.
 * `members`: by `personKey`, who is to be a member now, of those whose memberships were declined.
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

/** Who somebody is, is not for the brake's lists to say. */
function mayRun<C extends Change>(
  { confirmed, decided, released }: Losses<C>,
  change: C,
  row: KnownLoss | undefined,
): boolean {
  if (change.hold?.kind === 'identity') return false;
  if (decided && change.hold === undefined) return true;
  return confirmed || row?.state === 'approved' || released.has(changeKey(change));
}

/** Held for a group that a rule names, which is no reason any more: the person has left by now, say. */
function isHoldOver({ state, change }: KnownLoss, { hold }: Change): boolean {
  return state === 'held' && change.hold?.kind === 'rule' && hold === undefined;
}

/** The ends of memberships that nothing stands against, so that what one cause takes more is seen by itself. */
export function undecidedRevokes<C extends Change>(
  changes: readonly C[],
  known: readonly Pick<KnownLoss, 'changeKey'>[],
): readonly C[] {
  const keys = new Set(known.map((row) => row.changeKey));
  return changes.filter(
    (change) => change.op === 'revoke' && change.hold === undefined && !keys.has(changeKey(change)),
  );
}
