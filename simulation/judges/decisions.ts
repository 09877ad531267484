/**
 * What admins decided about losses at one store, and what the bridge is bound to by that: what was declined, or given
 * back, is not taken again before the directory moves.
 */

import type { Lifecycle } from '../../src/model/desired.ts';
import { SKEW_MAX_MS } from '../machine/scheduler.ts';
import type { Turn } from '../vendors/network.ts';
import type { AccountWrite, MemberWrite } from '../vendors/writes.ts';
import { changeKey, type LossItem } from './changeKeys.ts';
import type { Human, Model } from './model.ts';
import type { Ownership } from './ownership.ts';
import type { Sight } from './sight.ts';

/** What an attempt went by may be so much older than the loss that it held. */
const PLANNED_WITHIN_MS = 120_000;

/** A loss that the bridge may not take (again), as long as the directory wants what it wanted then. */
interface Declined {
  readonly accountId: string;
  readonly tick: number;
  /** In true time; work that began before may not have known. */
  readonly at: number;
  /** Of a loss of the whole account. */
  readonly lifecycle: Lifecycle | null;
}

/** A loss that an admin wants back. */
export interface Wish {
  readonly lossId: string;
  readonly item: LossItem;
  readonly human: Human;
  readonly accountId: string;
  readonly tick: number;
  readonly at: number;
  /** For what the bridge disabled the account, where that is what the directory still says. */
  readonly lifecycle: Lifecycle | null;
  isGiven: boolean;
}

export interface DecisionsDeps {
  readonly model: Model;
  readonly sight: Sight;
  readonly own: Ownership;
  readonly disabledFor: ReadonlyMap<string, ReadonlySet<string>>;
  isThere(accountId: string): boolean;
  now(): number;
}

export class Decisions {
  /** Losses that a person approved: no brake counts them. */
  readonly approved = new Set<string>();
  /** Of these, what an applied preview lists: that one goes through, however the person leaves meanwhile. */
  readonly applied = new Set<string>();
  /** Losses that a person has once discarded, or given back. */
  readonly discarded = new Set<string>();
  readonly wishes: Wish[] = [];
  /** Incidents that an admin undid, and at which tick: what stores had not taken by then they do not take. */
  readonly undone: { readonly incidentId: string; readonly tick: number; readonly at: number }[] = [];
  /** By what was written to, when the bridge took it last, in true time. */
  readonly #takenAt = new Map<string, number>();
  /** What an admin is asking for, of losses that are not all known before the answer. */
  asked: 'approve' | 'discard' | 'undo' | null = null;
  readonly #declined = new Map<string, Declined>();
  /** Approval → when it was called off, in true time. */
  readonly #calledOff = new Map<string, number>();
  /** What accounts had been disabled for that were given back while an admin asked for that. */
  readonly #givenFor = new Map<string, ReadonlySet<string>>();
  readonly #deps: DecisionsDeps;

  constructor(deps: DecisionsDeps) {
    this.#deps = deps;
  }

  /** Work that was begun before its approval was called off goes on. */
  isApproved(key: string, turn: Turn): boolean {
    return this.approved.has(key) || (this.#calledOff.get(key) ?? -1) >= turn.at;
  }

  approve(keys: readonly string[]): void {
    for (const key of keys) {
      this.approved.add(key);
      this.#declined.delete(key);
    }
  }

  undo(incidentId: string): void {
    this.undone.push({ incidentId, tick: this.#deps.model.tick, at: this.#deps.now() });
  }

  noteTaken(write: AccountWrite | MemberWrite): void {
    if (TAKING.includes(write.op)) this.#takenAt.set(placeOf(write), this.#deps.now());
    else this.#takenAt.delete(placeOf(write));
  }

  /** What was let through before may be under way: that is given back. */
  discard(item: LossItem): void {
    if (item.keys.some((key) => this.approved.has(key))) this.wantBack(item, false);
    this.#leaveUndone(item);
    const human = this.#deps.model.byPerson(item.personId);
    const accountId = human && this.#accountOf(human);
    if (!human || accountId === undefined) return;
    const { tick } = this.#deps.model;
    const lifecycle = this.#deps.sight.person(human)?.lifecycle ?? null;
    if (isEnd(item.op) && !this.#wasHeldFor(human, lifecycle, item.at)) return;
    this.#decline(item, { accountId, tick, at: this.#deps.now(), lifecycle });
  }

  /** `isGiven`: it was given back before the admin heard of it. */
  wantBack(item: LossItem, isGiven: boolean): void {
    this.#leaveUndone(item);
    const { model, sight, disabledFor, now } = this.#deps;
    const human = model.byPerson(item.personId);
    const accountId = human && this.#accountOf(human);
    if (!human || accountId === undefined) return;
    const stands = sight.person(human)?.lifecycle ?? null;
    const reasons = disabledFor.get(accountId) ?? this.#givenFor.get(accountId);
    const isAsThen =
      reasons?.size === 1 && reasons.has(stands ?? '') && this.#stoodSince(human, stands, item.at);
    const wish: Wish = {
      ...{ lossId: item.id, item, human, accountId, isGiven: false },
      ...{ tick: model.tick, at: now(), lifecycle: isAsThen ? stands : null },
    };
    this.wishes.push(wish);
    if (isGiven) this.#given(wish);
  }

  /** Whether some admin wants the write; then it is given back. */
  givesBack(
    human: Human | undefined,
    write: AccountWrite | MemberWrite,
    groupIds: readonly string[],
  ): boolean {
    const meant = this.wishes.filter(
      (wish) => !wish.isGiven && wish.human === human && wants(wish.item, write, groupIds),
    );
    for (const wish of meant) this.#given(wish);
    const mayBeMeant = this.asked === 'undo' || this.asked === 'discard' || this.#wasUnderWay(write);
    if (!mayBeMeant || !GIVING.includes(write.op)) return meant.length > 0;
    const reasons = this.#deps.disabledFor.get(write.accountId);
    if (write.op === 'enable' && reasons) this.#givenFor.set(write.accountId, reasons);
    return true;
  }

  /** It was taken while an admin undid an incident, or after that, by a call that had begun. */
  #wasUnderWay(write: AccountWrite | MemberWrite): boolean {
    const takenAt = this.#takenAt.get(placeOf(write));
    return takenAt !== undefined && this.undone.some(({ at }) => Math.abs(takenAt - at) <= UNDER_WAY_MAX_MS);
  }

  #given(wish: Wish): void {
    wish.isGiven = true;
    const { item, accountId, tick, lifecycle } = wish;
    if (!isEnd(item.op) || lifecycle !== null)
      this.#decline(item, { accountId, tick, at: this.#deps.now(), lifecycle });
  }

  /** Why the loss may not be; null where it may. `isWanted`: whether the directory wanted it at that tick. */
  refusal(keys: readonly string[], turn: Turn, accountId: string, isWanted: (tick: number) => boolean) {
    for (const key of keys) {
      const declined = this.#declined.get(key);
      if (!declined || declined.accountId !== accountId || turn.at <= declined.at) continue;
      const ticks = Array.from(
        { length: this.#deps.model.tick - declined.tick + 1 },
        (_, i) => declined.tick + i,
      );
      const human = this.#deps.own.ownerOf(accountId);
      const { lifecycle } = declined;
      const isAsThen = (tick: number) =>
        lifecycle === null ||
        (human &&
          this.#deps.sight.person(human, tick)?.lifecycle === lifecycle &&
          // Out of scope is gone, too; but whoever left or came meanwhile has been spoken of since.
          human.standing.at(tick)?.lifecycle === human.standing.at(declined.tick)?.lifecycle);
      if (ticks.every((tick) => isWanted(tick) && isAsThen(tick)))
        return 'an admin declined it, or had it given back, and the directory has not moved since';
    }
    return null;
  }

  #leaveUndone(item: LossItem): void {
    for (const key of item.keys) {
      this.discarded.add(key);
      if (this.approved.delete(key)) this.#calledOff.set(key, this.#deps.now());
    }
  }

  #decline(item: LossItem, declined: Declined): void {
    const isWhole = isEnd(item.op);
    for (const key of item.keys) {
      if (item.op !== 'update' || key !== changeKey('update', item.personId))
        this.#declined.set(key, { ...declined, lifecycle: isWhole ? declined.lifecycle : null });
    }
  }

  /** The only one that is there. */
  #accountOf(human: Human): string | undefined {
    const { own, isThere } = this.#deps;
    const there = own.accountsOf(human).filter(isThere);
    // Nobody heard of one that was made when nobody waited for it any more, where there is another.
    const heardOf = there.filter((id) => !own.lateAccounts.has(id));
    const [first, ...others] = heardOf.length > 0 ? heardOf : there;
    return others.length === 0 ? first : undefined;
  }

  /** What disabled the account is that loss, and no later one. */
  #stoodSince(human: Human, lifecycle: Lifecycle | null, taken: number): boolean {
    const { sight, model } = this.#deps;
    // Some process took it before that, whatever its clock showed.
    const standings = sight.personSince(human, model.tickAt(taken + SKEW_MAX_MS));
    return standings.every((standing) => standing.lifecycle === lifecycle);
  }

  /** The person was nothing else, beside active, when the loss may have been planned. */
  #wasHeldFor(human: Human, lifecycle: Lifecycle | null, since: number): boolean {
    const { sight, model } = this.#deps;
    if (lifecycle === null || lifecycle === 'active') return false;
    const were = sight.personSince(human, model.tickAt(since - PLANNED_WITHIN_MS));
    return were.every((standing) => standing.lifecycle === 'active' || standing.lifecycle === lifecycle);
  }
}

const GIVING: readonly string[] = ['enable', 'grant', 'update'];
const TAKING: readonly string[] = ['disable', 'revoke', 'update'];
/** From before a call is made until its answer is recorded, with room to spare. */
const UNDER_WAY_MAX_MS = 30_000;

function placeOf(write: AccountWrite | MemberWrite): string {
  return write.kind === 'member' ? `${write.groupId} ${write.accountId}` : write.accountId;
}

/** The account cannot be used any more. */
export function isEnd(op: string): boolean {
  return op === 'disable' || op === 'delete';
}

function wants(item: LossItem, write: AccountWrite | MemberWrite, groupIds: readonly string[]): boolean {
  if (write.kind === 'member') return item.op === 'revoke' && groupIds.includes(item.groupId ?? '');
  if (write.op === 'enable') return item.op === 'disable';
  if (write.op !== 'update' || item.op !== 'update') return false;
  const former = item.attributes.map(({ from }) => (from ?? '').toLowerCase());
  return Object.values(write.attributes).every((value) => former.includes(value.toLowerCase()));
}
