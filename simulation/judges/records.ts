/**
 * What the judges know of one store: the directory and the settings over time, the events at its vendor, and admins'
 * decisions. It never asks the bridge.
 */

import type { Caller, Turn } from '../vendors/network.ts';
import type { Vendor } from '../vendors/vendor.ts';
import type { AccountWrite, Write } from '../vendors/writes.ts';
import { BrakeBook } from './brakeBook.ts';
import { Decisions } from './decisions.ts';
import type { Human, Model, ScimGroup, Standing } from './model.ts';
import { Ownership } from './ownership.ts';
import type { Meaning } from './settings.ts';
import { Sight } from './sight.ts';

/** A write that was made. */
export interface Deed {
  readonly write: Write;
  /** The audit log should name one of these. */
  readonly subjects: readonly (Human | ScimGroup)[];
  readonly caller: Caller;
}

export interface RecordsDeps {
  readonly model: Model;
  readonly vendor: Vendor;
  /** True time. */
  now(): number;
}

export class Records {
  /** Known from the moment the store is created. */
  storeId = '';
  readonly model: Model;
  readonly vendor: Vendor;
  readonly sight: Sight;
  readonly own: Ownership;
  readonly brake: BrakeBook;
  readonly deeds: Deed[] = [];
  readonly decisions: Decisions;
  /** The changes of applied previews: under APPLY_MODE Approval nothing else may happen. */
  readonly permitted = new Set<string>();
  /** Why the store needs a last sync before it can be judged; null where it needs none. */
  needsSync: string | null = null;
  /** By group, the names that it had before the bridge renamed it. */
  readonly #formerNames = new Map<string, readonly (readonly string[])[]>();
  /** The last sync is done. */
  isRepaired = false;
  /** A request arrived after its caller had given up, and perhaps after the last look. */
  isUntraceable = false;
  /** Days since everything was first quiet. */
  waitedDays = 0;
  /** The vendor kept titles as they were for some time. */
  keepsTitles = false;
  /** The vendor refused display names for some time. */
  refusesNames = false;
  /** The owner of the bridge's token had no rights there for some time. */
  lostRights = false;
  /** Each account or group with a key that people gave it there. */
  readonly givenByHand = new Set<string>();
  /** From a person to the account that somebody put in place of theirs while they were active. */
  readonly replaced = new Map<number, string>();
  /** Accounts that a person disabled or enabled there since the bridge's last write. */
  readonly touchedByHand = new Set<string>();
  /** The lifecycles for which the bridge may have disabled the account. */
  readonly disabledFor = new Map<string, ReadonlySet<string>>();
  readonly now: () => number;

  constructor({ model, vendor, now }: RecordsDeps) {
    this.model = model;
    this.vendor = vendor;
    this.now = now;
    this.sight = new Sight(model, () => this.storeId);
    this.own = new Ownership(model, vendor, this.sight);
    this.brake = new BrakeBook(this.sight);
    const { sight, own, disabledFor } = this;
    const isThere = (accountId: string) => vendor.holds.accounts.has(accountId);
    this.decisions = new Decisions({ model, sight, own, disabledFor, isThere, now });
  }

  /** Judges by the account's names at the vendor: the person's names in the directory protect nothing. */
  isProtected(accountId: string, meanings: readonly Meaning[]): boolean {
    return this.#protects(accountId, meanings, []);
  }

  /** The bridge may also know the account by names that it wanted it to have. */
  mayBeProtected(accountId: string, meaning: Meaning): boolean {
    const { email, userName } = this.#standingOf(accountId) ?? {};
    const meant = [email, this.vendor.traits.mapsUserName ? userName : undefined];
    return this.#protects(
      accountId,
      [meaning],
      meant.filter((name) => name !== undefined),
    );
  }

  /** Whether the bridge may leave the account alone. An account that was protected once stays protected. */
  isSpared(accountId: string): boolean {
    if (this.vendor.holds.accounts.get(accountId)?.isPrivileged) return true;
    return this.sight.meaningsSince(0).some((meaning) => this.mayBeProtected(accountId, meaning));
  }

  /** What the bridge may have planned: it blocks an account that the vendor does not delete. */
  plannedOps({ op, accountId }: Pick<AccountWrite, 'op' | 'accountId'>): readonly string[] {
    const isKept = this.vendor.holds.accounts.get(accountId)?.oddities.has('onlyOwner');
    return op === 'disable' && isKept ? ['delete', 'disable'] : [op];
  }

  /** Whether no account may get one of these names. */
  isReserved(names: readonly string[]): boolean {
    return this.sight
      .meaningsSince(0)
      .some((meaning) =>
        meaning.protectedAccounts.some((pattern) => names.some((name) => matches(pattern, name))),
      );
  }

  /**
   * By which names the bridge may know the group: those that it has, or, while something at the vendor may have escaped
   * the bridge, those of before a rename.
   */
  namesOfGroup(groupId: string): readonly (readonly string[])[] {
    const { key, name } = this.vendor.holds.groups.get(groupId) ?? {};
    const names = [key, name].filter((one) => one !== undefined);
    return this.needsSync === null ? [names] : [names, ...(this.#formerNames.get(groupId) ?? [])];
  }

  /** The bridge is about to rename the group. */
  keepName(groupId: string): void {
    const { key, name } = this.vendor.holds.groups.get(groupId) ?? {};
    if (key === undefined) return;
    const names = name === undefined ? [key] : [key, name];
    this.#formerNames.set(groupId, [...(this.#formerNames.get(groupId) ?? []), names]);
  }

  /** Judges by the group's name or full path at the vendor. */
  isProtectedGroup(names: readonly string[], meanings: readonly Meaning[]): boolean {
    return meanings.every(({ protectedGroups }) =>
      protectedGroups.some((pattern) => names.some((name) => matches(pattern, name))),
    );
  }

  #standingOf(accountId: string): Standing | null {
    return this.own.ownerOf(accountId)?.standing.now ?? null;
  }

  #protects(accountId: string, meanings: readonly Meaning[], more: readonly string[]): boolean {
    if (accountId === this.vendor.emulated.ownAccountId) return true;
    const account = this.vendor.holds.accounts.get(accountId);
    const names = [accountId, account?.attributes.email ?? '', account?.attributes.userName ?? '', ...more];
    return meanings.every((meaning) =>
      meaning.protectedAccounts.some((pattern) => names.some((name) => matches(pattern, name))),
    );
  }

  /** The rules for every loss: protection, and the brake. */
  refuseLoss(turn: Turn, accountId: string, keys: readonly string[], who: string): string | null {
    if (this.isProtected(accountId, this.sight.meaningsSince(turn.sentTick)))
      return 'the account is protected';
    const { decisions } = this;
    if (keys.some((key) => decisions.appliedHeld.has(key))) this.brake.renew(this.now());
    // An approval in progress may be carried out before its answer tells which losses it covers.
    if (decisions.asked === 'approve' || keys.some((key) => decisions.isApproved(key, turn))) return null;
    return this.brake.exceeds(who, turn, this.now(), this.#people()) ? 'the brake is exceeded' : null;
  }

  /** At least the bridge's base: everybody who has, or ever had, an account. */
  #people(): number {
    const unclaimed = [...this.vendor.holds.accounts.keys()].filter((id) => !this.own.owners.has(id));
    return new Set(this.own.owners.values()).size + unclaimed.length;
  }

  permits(turn: Turn, keys: readonly string[]): boolean {
    if (!this.sight.meaningsSince(turn.sentTick).every(({ approval }) => approval)) return true;
    return keys.some((key) => this.permitted.has(key) || this.decisions.approved.has(key));
  }
}

function matches(pattern: string, name: string): boolean {
  const expression = pattern
    .toLowerCase()
    .split('*')
    .map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${expression}$`).test(name.toLowerCase());
}
