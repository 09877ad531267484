/**
 * Whose the accounts, groups and memberships at one vendor are, as far as the writes of the bridge and the
 * directory say: kept by the guard, for the guard and the oracle.
 */

import type { Human, Model, ScimGroup } from './model.ts';
import type { Write } from './network.ts';
import type { Sight } from './sight.ts';
import type { Vendor } from './vendor.ts';

interface Membership {
  /** Since when it is there. */
  readonly tick: number;
  /** The bridge made it, or an earlier one of the same two. */
  readonly mine: boolean;
}

export class Ownership {
  /** Account → the person it was made for, or taken for. */
  readonly owners = new Map<string, number>();
  /** Remote group → the SCIM groups it was made for, or taken for. */
  readonly groupOwners = new Map<string, Set<string>>();
  readonly createdGroups = new Set<string>();
  /** Accounts that the bridge made. */
  readonly createdAccounts = new Map<string, number>();
  readonly #memberships = new Map<string, Membership>();
  readonly #model: Model;
  readonly #vendor: Vendor;
  readonly #sight: Sight;

  constructor(model: Model, vendor: Vendor, sight: Sight) {
    this.#model = model;
    this.#vendor = vendor;
    this.#sight = sight;
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

  /** The SCIM groups that feed, or may feed, a remote group. */
  feeding(groupId: string): readonly ScimGroup[] {
    const owners = this.groupOwners.get(groupId);
    const name = this.#vendor.state.groups.get(groupId)?.name.toLowerCase();
    return [...this.#model.groups.values()].filter(
      (group) =>
        owners?.has(group.id) || group.standing.all.some((standing) => standing.name.toLowerCase() === name),
    );
  }

  /** An account is a person's because it was made for them, or because it has an identifier of theirs. */
  claim(human: Human, accountId: string): string | null {
    const owner = this.owners.get(accountId);
    if (owner === human.index) return null;
    if (owner !== undefined && this.#model.humans[owner]?.standing.now?.lifecycle !== 'gone') {
      return `the account is h${owner}'s`;
    }
    if (!this.#mayBe(accountId, human.index)) return 'nothing says that the account is theirs';
    this.owners.set(accountId, human.index);
    return null;
  }

  #mayBe(accountId: string, who: number): boolean {
    const identifier = this.#vendor.state.accounts.get(accountId)?.identifier;
    const standings = this.#model.humans[who]?.standing.all ?? [];
    return standings.some((standing) => standing.email.toLowerCase() === identifier);
  }

  /**
   * The group is gone, and another one of its name came after it, which has not found the remote group yet:
   * what the first one gave is taken before the second gives it again.
   */
  isSucceeded(write: Write): boolean {
    const group = this.#model.groups.get(write.subject.id);
    const gone = group?.standing;
    if (!gone || this.#sight.group(group)?.live !== false) return false;
    const others = this.feeding(write.remoteId).filter((group) => group.id !== write.subject.id);
    return others.every(
      (group) =>
        !this.#sight.group(group)?.live ||
        (group.standing.began > gone.ended && !this.groupOwners.get(write.remoteId)?.has(group.id)),
    );
  }

  keepMembership(write: Write): void {
    const key = `${write.remoteId} ${write.member?.remoteId}`;
    if (write.op === 'grant') this.#memberships.set(key, { tick: this.#model.tick, mine: true });
  }

  dropMemberships(write: Write): void {
    if (write.op === 'disable' && !this.#vendor.manners.disableDropsMemberships) return;
    for (const key of this.#memberships.keys()) {
      if (key.endsWith(` ${write.remoteId}`)) this.#memberships.delete(key);
    }
  }
}
