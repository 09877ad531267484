/**
 * Admins' decisions about losses at one store, and what they demand of the bridge: it may not take a declined or
 * returned loss again until the directory changes.
 */

import type { Lifecycle } from '../../src/model/desired.ts';
import { SKEW_MAX_MS } from '../machine/scheduler.ts';
import type { Turn } from '../vendors/network.ts';
import type { AccountWrite, MemberWrite } from '../vendors/writes.ts';
import { changeKey, type LossItem } from './changeKeys.ts';
import type { Human, Model } from './model.ts';
import type { Ownership } from './ownership.ts';
import type { Sight } from './sight.ts';

/** An attempt may have read the directory this long before it held a loss. */
const PLANNED_WITHIN_MS = 120_000;

/** A loss that the bridge may not take (again) while the directory wants the same as at that tick. */
interface Declined {
  readonly accountId: string;
  readonly tick: number;
  /** In true time. Work that began earlier may not have known of the decision. */
  readonly at: number;
  /** For the loss of a whole account. */
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
  /** The lifecycle for which the bridge disabled the account, if the directory still says so. */
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
  /** Losses that an admin approved: no brake counts them. */
  readonly approved = new Set<string>();
  /** Those of them that an applied preview lists: they go through, in whatever way the person leaves meanwhile. */
  readonly applied = new Set<string>();
  /** Those of them that were held until then: with the last one the brake ends. */
  readonly appliedHeld = new Set<string>();
  /** Losses that an admin discarded, or gave back. */
  readonly discarded = new Set<string>();
  readonly wishes: Wish[] = [];
  /**
   * Incidents that an admin undid, each with its tick: stores may not take afterwards what they had not taken by
   * then.
   */
  readonly undone: { readonly incidentId: string; readonly tick: number; readonly at: number }[] = [];
  /** For each account or group, when the bridge last took something from it, in true time. */
  readonly #takenAt = new Map<string, number>();
  /** What an admin is asking for at this moment: the losses that it covers are known only with the answer. */
  asked: 'approve' | 'discard' | 'undo' | null = null;
  readonly #declined = new Map<string, Declined>();
  /** From an approval to the time when it was called off, in true time. */
  readonly #calledOff = new Map<string, number>();
  /** Why accounts had been disabled that were given back while an admin asked for it. */
  readonly #givenFor = new Map<string, ReadonlySet<string>>();
  readonly #deps: DecisionsDeps;

  constructor(deps: DecisionsDeps) {
    this.#deps = deps;
  }

  /** Work that began before its approval was called off may finish. */
  isApproved(key: string, turn: Turn): boolean {
    return this.approved.has(key) || (this.#calledOff.get(key) ?? -1) >= turn.at;
  }

  approve(keys: readonly string[]): void {
    for (const key of keys) {
      this.approved.add(key);
      this.#declined.delete(key);
    }
  }

  /** The approval, if there is one, no longer counts. */
  callOff(key: string): void {
    if (this.approved.delete(key)) this.#calledOff.set(key, this.#deps.now());
  }

  undo(incidentId: string): void {
    this.undone.push({ incidentId, tick: this.#deps.model.tick, at: this.#deps.now() });
  }

  noteTaken(write: AccountWrite | MemberWrite): void {
    if (TAKING.includes(write.op)) this.#takenAt.set(placeOf(write), this.#deps.now());
    else this.#takenAt.delete(placeOf(write));
  }

  /** A loss that was let through before may be under way: then it must be given back. */
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

  /** `isGiven`: the store gave it back before the admin got the answer. */
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

  /** Whether an admin wants this write; if so, it counts as given back. */
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

  /** The loss was taken while an admin undid an incident, or afterwards by a call that had begun before. */
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

  /** Why the loss is wrong; null where it may be. `isWanted`: whether the directory wanted it at that tick. */
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
          // Out of scope counts as gone. But if the person left or came meanwhile, the old decision is over.
          human.standing.at(tick)?.lifecycle === human.standing.at(declined.tick)?.lifecycle);
      if (ticks.every((tick) => isWanted(tick) && isAsThen(tick)))
        return 'an admin declined it, or had it given back, and the directory has not moved since';
    }
    return null;
  }

  #leaveUndone(item: LossItem): void {
    for (const key of item.keys) {
      this.discarded.add(key);
      this.callOff(key);
    }
  }

  #decline(item: LossItem, declined: Declined): void {
    const isWhole = isEnd(item.op);
    for (const key of item.keys) {
      if (item.op !== 'update' || key !== changeKey('update', item.personId))
        this.#declined.set(key, { ...declined, lifecycle: isWhole ? declined.lifecycle : null });
    }
  }

  /** The person's only account that exists. */
  #accountOf(human: Human): string | undefined {
    const { own, isThere } = this.#deps;
    const there = own.accountsOf(human).filter(isThere);
    // If another account exists, nobody heard of one that was made after its caller gave up.
    const heardOf = there.filter((id) => !own.lateAccounts.has(id));
    const [first, ...others] = heardOf.length > 0 ? heardOf : there;
    return others.length === 0 ? first : undefined;
  }

  /** This loss disabled the account, not a later one. */
  #stoodSince(human: Human, lifecycle: Lifecycle | null, taken: number): boolean {
    const { sight, model } = this.#deps;
    // A process took it before that, whatever its clock showed.
    const standings = sight.personSince(human, model.tickAt(taken + SKEW_MAX_MS));
    return standings.every((standing) => standing.lifecycle === lifecycle);
  }

  /** Apart from active, the person had only this lifecycle when the loss may have been planned. */
  #wasHeldFor(human: Human, lifecycle: Lifecycle | null, since: number): boolean {
    const { sight, model } = this.#deps;
    if (lifecycle === null || lifecycle === 'active') return false;
    const were = sight.personSince(human, model.tickAt(since - PLANNED_WITHIN_MS));
    return were.every((standing) => standing.lifecycle === 'active' || standing.lifecycle === lifecycle);
  }
}

const GIVING: readonly string[] = ['enable', 'grant', 'update'];
const TAKING: readonly string[] = ['disable', 'revoke', 'update'];
/** From the beginning of a call to the record of its answer, generously. */
const UNDER_WAY_MAX_MS = 30_000;

function placeOf(write: AccountWrite | MemberWrite): string {
  return write.kind === 'member' ? `${write.groupId} ${write.accountId}` : write.accountId;
}

/** The account cannot be used after this change. */
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
