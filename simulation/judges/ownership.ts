/**
 * Whose the accounts, groups and memberships at one vendor are, as far as the writes of the bridge and the
 * directory say.
 */

import type { Caller } from '../vendors/network.ts';
import type { Vendor } from '../vendors/vendor.ts';
import type { GroupWrite, MemberWrite } from '../vendors/writes.ts';
import type { Human, Model, ScimGroup } from './model.ts';
import type { Sight } from './sight.ts';

interface Membership {
  /** Since when it is there. */
  readonly tick: number;
  /** The bridge made it, or an earlier one of the same two. */
  readonly mine: boolean;
}

export class Ownership {
  /** Account → the person it was made for, or taken for. */
  readonly owners = new Map<string, number>();
  /** Remote group → the SCIM groups that it was made for. */
  readonly #madeFor = new Map<string, ReadonlySet<ScimGroup>>();
  readonly createdGroups = new Set<string>();
  /** Accounts that the bridge made. */
  readonly createdAccounts = new Map<string, number>();
  /** Made by a request for which nobody waited any more. */
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

  /** A person made it there. */
  joinedByHand(groupId: string, accountId: string): void {
    const key = `${groupId} ${accountId}`;
    const before = this.#memberships.get(key);
    this.#memberships.set(key, { tick: this.#model.tick, mine: before?.mine ?? false });
  }

  /** Whose a membership is: certainly the bridge's, certainly not, or either. */
  membershipIs(groupId: string, accountId: string, isSettled: boolean): 'mine' | 'foreign' | 'either' {
    const known = this.#memberships.get(`${groupId} ${accountId}`);
    if (!known) return 'foreign';
    if (known.mine) return isSettled ? 'mine' : 'either';
    for (let tick = known.tick; tick <= this.#model.tick; tick++) {
      if (this.wantedAt(tick, groupId, accountId)) return 'either';
    }
    return 'foreign';
  }

  /** How many accounts are members, or ever were. */
  everIn(groupId: string, members: readonly string[]): number {
    const before = [...this.#memberships.keys()].filter((key) => key.startsWith(`${groupId} `));
    return new Set([...before.map((key) => key.slice(groupId.length + 1)), ...members]).size;
  }

  /** Does a live SCIM group that feeds the remote group have the account's person as a member? */
  wantedAt(tick: number, groupId: string, accountId: string): boolean {
    const owner = this.owners.get(accountId);
    return this.feeding(groupId).some((group) => {
      const standing = this.#sight.group(group, tick);
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
   * A group is gone, and another one of its name came after it, which has not found the remote group yet:
   * what the first one gave is taken before the second gives it again.
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
