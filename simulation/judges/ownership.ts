/**
 * To whom the accounts, groups and memberships at one vendor belong, as the bridge's writes and the directory tell.
 */

import type { Caller } from '../vendors/network.ts';
import type { Vendor } from '../vendors/vendor.ts';
import type { GroupWrite, MemberWrite } from '../vendors/writes.ts';
import type { Human, Model, ScimGroup } from './model.ts';
import type { Sight } from './sight.ts';

interface Membership {
  /** The tick since which it exists. */
  readonly tick: number;
  /** The bridge made this membership, or an earlier one of the same account and group. */
  readonly mine: boolean;
}

export class Ownership {
  /** From an account to the person for whom it was made or adopted. */
  readonly owners = new Map<string, number>();
  /** From a remote group to the SCIM groups for which it was made. */
  readonly #madeFor = new Map<string, ReadonlySet<ScimGroup>>();
  readonly createdGroups = new Set<string>();
  /** Accounts that the bridge made. */
  readonly createdAccounts = new Map<string, number>();
  /** Accounts from requests whose caller had given up. */
  readonly lateAccounts = new Set<string>();
  readonly #memberships = new Map<string, Membership>();
  readonly #model: Model;
  readonly #vendor: Vendor;
  readonly #sight: Sight;

  constructor(model: Model, vendor: Vendor, sight: Sight) {
    this.#model = model;
    this.#vendor = vendor;
    this.#sight = sight;
  }

  ownerOf(accountId: string): Human | undefined {
    const owner = this.owners.get(accountId);
    return owner === undefined ? undefined : this.#model.humans[owner];
  }

  accountsOf(human: Human): readonly string[] {
    return [...this.owners].filter(([, owner]) => owner === human.index).map(([id]) => id);
  }

  madeAccount(accountId: string, email: string, caller: Caller): void {
    const human = this.#model.byEmail(email);
    if (!human) return;
    this.owners.set(accountId, human.index);
    this.createdAccounts.set(accountId, human.index);
    if (caller !== 'waits') this.lateAccounts.add(accountId);
  }

  madeGroup({ groupId, key }: GroupWrite): void {
    this.#madeFor.set(groupId, new Set(this.#named(key)));
    this.createdGroups.add(groupId);
  }

  /** Once the bridge has linked the group, it knows the group by its id, whatever people call it. */
  knewGroup(groupId: string): void {
    this.#madeFor.set(groupId, new Set(this.feeding(groupId)));
  }

  /** A person at the vendor made the membership. */
  joinedByHand(groupId: string, accountId: string): void {
    const key = `${groupId} ${accountId}`;
    const before = this.#memberships.get(key);
    this.#memberships.set(key, { tick: this.#model.tick, mine: before?.mine ?? false });
  }

  /** To whom a membership belongs: certainly to the bridge, certainly not, or either. */
  membershipIs(groupId: string, accountId: string, isSettled: boolean): 'mine' | 'foreign' | 'either' {
    const known = this.#memberships.get(`${groupId} ${accountId}`);
    if (!known) return 'foreign';
    if (known.mine) return isSettled ? 'mine' : 'either';
    for (let tick = known.tick; tick <= this.#model.tick; tick++) {
      if (this.wantedAt(tick, groupId, accountId)) return 'either';
    }
    return 'foreign';
  }

  /** How many of these accounts are members, or ever were. */
  everIn(groupId: string, members: readonly string[]): number {
    const before = [...this.#memberships.keys()].filter((key) => key.startsWith(`${groupId} `));
    return new Set([...before.map((key) => key.slice(groupId.length + 1)), ...members]).size;
  }

  /** Whether a live SCIM group that feeds the remote group has the account's person as a member. */
  wantedAt(tick: number, groupId: string, accountId: string, said = tick): boolean {
    const owner = this.owners.get(accountId);
    return this.feeding(groupId).some((group) => {
      const standing = this.#sight.group(group, tick, said);
      if (!standing?.live) return false;
      return owner === undefined
        ? [...standing.members].some((who) => this.#mayBe(accountId, who))
        : standing.members.has(owner);
    });
  }

  #mayBe(accountId: string, who: number): boolean {
    const email = this.#vendor.holds.accounts.get(accountId)?.attributes.email;
    return email !== undefined && this.#model.byEmail(email)?.index === who;
  }

  /** The SCIM groups that feed, or may feed, a remote group. */
  feeding(groupId: string): readonly ScimGroup[] {
    const made = this.#madeFor.get(groupId);
    const named = new Set(this.#named(this.#vendor.holds.groups.get(groupId)?.key ?? ''));
    return this.#model.groups.filter((group) => made?.has(group) || named.has(group));
  }

  #named(key: string): readonly ScimGroup[] {
    return this.#model.groups.filter((group) =>
      group.standing.all.some(({ name }) => name.toLowerCase() === key),
    );
  }

  /**
   * A group was deleted, and a new one with its name has not found the remote group yet: what the old one gave is
   * taken before the new one gives it again.
   */
  isSucceeded(groupId: string): boolean {
    const feeding = this.feeding(groupId);
    return feeding.some((group) => {
      if (this.#sight.group(group)?.live !== false) return false;
      return feeding
        .filter((other) => other !== group && this.#sight.group(other)?.live)
        .every((other) => other.standing.began > group.standing.ended);
    });
  }

  keepMembership({ op, groupId, accountId }: MemberWrite): void {
    if (op !== 'grant') return;
    this.#memberships.set(`${groupId} ${accountId}`, { tick: this.#model.tick, mine: true });
  }

  dropMemberships(accountId: string, op: 'disable' | 'delete'): void {
    if (op === 'disable' && !this.#vendor.traits.disableDropsMemberships) return;
    for (const key of this.#memberships.keys()) {
      if (key.endsWith(` ${accountId}`)) this.#memberships.delete(key);
    }
  }
}
