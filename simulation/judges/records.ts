/**
 * What the judges know of one store: what the directory and the settings were, what happened at its vendor,
 * and what people decided. It never asks the bridge.
 */

import type { Caller, Turn } from '../vendors/network.ts';
import type { Vendor } from '../vendors/vendor.ts';
import type { Write } from '../vendors/writes.ts';
import { BrakeBook } from './brakeBook.ts';
import { Decisions } from './decisions.ts';
import type { Human, Model, ScimGroup, Standing } from './model.ts';
import { Ownership } from './ownership.ts';
import type { Meaning } from './settings.ts';
import { Sight } from './sight.ts';

/** A write that was done. */
export interface Deed {
  readonly write: Write;
  /** Whom the audit log should name: one of them. */
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
  /** What applied previews say; under APPLY_MODE Approval nothing else may happen. */
  readonly permitted = new Set<string>();
  /** Why a last sync is needed before this store can be judged; null while it is not. */
  needsSync: string | null = null;
  /** The last sync is done. */
  isRepaired = false;
  /** A request arrived after its caller had given up, and perhaps after the last look. */
  isUntraceable = false;
  /** Since everything was quiet for the first time. */
  waitedDays = 0;
  /** The vendor kept titles as they were, at some time. */
  keepsTitles = false;
  /** The vendor refused display names, at some time. */
  refusesNames = false;
  /** The owner of the bridge's token could do nothing there, at some time. */
  lostRights = false;
  /** Person → the account that somebody put in the place of theirs while they were active. */
  readonly replaced = new Map<number, string>();
  /** Accounts that a person disabled there, or enabled, since the bridge last wrote. */
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

  /** By what it is called there: what the directory calls its person protects nobody. */
  isProtected(accountId: string, meanings: readonly Meaning[]): boolean {
    return this.#protects(accountId, meanings, []);
  }

  /** The bridge may know the account by the names that it meant it to have, too. */
  mayBeProtected(accountId: string, meaning: Meaning): boolean {
    const { email, userName } = this.#standingOf(accountId) ?? {};
    const meant = [email, this.vendor.traits.mapsUserName ? userName : undefined];
    return this.#protects(
      accountId,
      [meaning],
      meant.filter((name) => name !== undefined),
    );
  }

  /** Whether the bridge may leave the account alone altogether. Protection stays with an account that had it once. */
  isSpared(accountId: string): boolean {
    if (this.vendor.holds.accounts.get(accountId)?.isPrivileged) return true;
    return this.sight.meaningsSince(0).some((meaning) => this.mayBeProtected(accountId, meaning));
  }

  /** Whether nobody may get an account of these names. */
  isReserved(names: readonly string[]): boolean {
    return this.sight
      .meaningsSince(0)
      .some((meaning) =>
        meaning.protectedAccounts.some((pattern) => names.some((name) => matches(pattern, name))),
      );
  }

  /** By its name or full path there. */
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

  /** What holds for whatever takes something from somebody: protection, and the brake. */
  refuseLoss(turn: Turn, accountId: string, keys: readonly string[], who: string): string | null {
    if (this.isProtected(accountId, this.sight.meaningsSince(turn.sentTick)))
      return 'the account is protected';
    const { decisions } = this;
    // What is approved at this moment may be done before anybody hears which losses that are.
    if (decisions.asked === 'approve' || keys.some((key) => decisions.isApproved(key, turn))) return null;
    return this.brake.exceeds(who, turn, this.now(), this.#people()) ? 'the brake is exceeded' : null;
  }

  /** Never less than the bridge's base: everybody who has, or ever had, an account. */
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
