/** What must be so of accounts once everything is quiet: the table "People" of docs/design.md. */

import type { Account, Attribute } from '../vendors/vendor.ts';
import { changeKey } from './changeKeys.ts';
import type { Human, Standing } from './model.ts';
import type { Claim, Claims } from './oracle.ts';
import type { Records } from './records.ts';

export function judgePeople(records: Records, claims: Claims): readonly string[] {
  return new Verdict(records, claims).people();
}

class Verdict {
  readonly #records: Records;
  readonly #claims: Claims;
  readonly #complaints: string[] = [];

  constructor(records: Records, claims: Claims) {
    this.#records = records;
    this.#claims = claims;
  }

  get #meaning() {
    return this.#records.sight.meaning;
  }

  get #vendor() {
    return this.#records.vendor;
  }

  #say(human: Human, what: string): void {
    this.#complaints.push(`h${human.index} ${what}`);
  }

  people(): readonly string[] {
    const linked = new Map<string, Human>();
    for (const human of this.#records.model.humans) {
      const standing = this.#records.sight.person(human);
      if (!standing || human.personId === null) continue;
      const claim = this.#claims.users.get(human.personId);
      if (claim) this.#checkClaim(human, claim, linked);
      if (standing.lifecycle === 'active') this.#active(human, standing, claim);
      if (standing.lifecycle === 'inactive') this.#inactive(human, standing, claim);
      if (standing.lifecycle === 'gone') this.#gone(human, claim);
    }
    this.#forgotten(linked);
    return this.#complaints;
  }

  /** Settings that are newer than the account protect it, and the bridge says so about a leaver. */
  #isToldProtected({ personId, standing }: Human, accountId: string): boolean {
    if (!this.#records.isProtected(accountId, [this.#meaning])) return false;
    const isOutOfScope = standing.now?.lifecycle === 'active';
    return isOutOfScope || this.#claims.openLeavers.has(personId ?? '');
  }

  /** The bridge made an account and forgot it: nobody would ever take it away. */
  #forgotten(linked: ReadonlyMap<string, Human>): void {
    const { own, model, sight, isUntraceable } = this.#records;
    if (isUntraceable || this.#meaning.approval) return;
    for (const [id, who] of own.createdAccounts) {
      const human = model.humans[who];
      if (!human || linked.has(id) || this.#vendor.holds.accounts.get(id)?.state !== 'enabled') continue;
      if (sight.person(human)?.lifecycle !== 'active' && !this.#isToldProtected(human, id))
        this.#say(human, `left ${id} behind, which the bridge made`);
    }
  }

  #checkClaim(human: Human, { remoteId }: Claim, linked: Map<string, Human>): void {
    const other = linked.get(remoteId);
    if (other) this.#say(human, `is linked to ${remoteId}, as is h${other.index}`);
    linked.set(remoteId, human);
    const owner = this.#records.own.ownerOf(remoteId);
    if (owner && owner !== human) this.#say(human, `is linked to ${remoteId}, which is h${owner.index}'s`);
    const account = this.#vendor.holds.accounts.get(remoteId);
    if (!owner && account && this.#records.model.byEmail(account.attributes.email) !== human) {
      this.#say(human, `is linked to ${remoteId}, which was never theirs`);
    }
  }

  #active(human: Human, standing: Standing, claim: Claim | undefined): void {
    const account = claim && this.#vendor.holds.accounts.get(claim.remoteId);
    if (!account) {
      this.#withoutAccount(human, standing, claim);
      return;
    }
    if (this.#records.isSpared(account.id)) return;
    if (account.state === 'disabled' && !this.#mayStayDisabled(account)) {
      this.#say(human, `is active, and their account ${account.id} is disabled`);
      return;
    }
    if (account.state !== 'enabled' || !this.#meaning.updateUsers || this.#meaning.approval) return;
    this.#name(human, standing, account);
    const { email, displayName, title } = standing;
    for (const [name, value] of Object.entries({ email, displayName, title }) as [Attribute, string][]) {
      const found = account.attributes[name];
      // An attribute that the directory leaves empty is cleared only if the bridge had set it before.
      if (found === value || value === '' || this.#records.sight.isUnmapped(name)) continue;
      if (name === 'email' && this.#isUndecided(human)) continue;
      if (name === 'title' && this.#isToldKept(human, found)) continue;
      if (name === 'displayName' && this.#records.refusesNames && this.#isTold(human)) continue;
      const isTaken = name === 'email' && this.#vendor.accountWith(value);
      if (!isTaken) this.#say(human, `has ${name} "${found}" on ${account.id}, and should have "${value}"`);
    }
  }

  /** The bridge says what the vendor did not take, unless the vendor's answer leaves out empty values. */
  #isToldKept(human: Human, found: string): boolean {
    if (!this.#records.keepsTitles) return false;
    const isShown = found !== '' || this.#vendor.traits.showsEmpty;
    return !isShown || this.#isTold(human);
  }

  #isTold({ personId }: Human): boolean {
    return this.#claims.statuses.get(personId ?? '') !== 'synced';
  }

  /** The person's new address or user name waits for a decision, or was declined. */
  #isUndecided({ personId }: Human): boolean {
    return this.#claims.undecided.has(changeKey('update', personId ?? ''));
  }

  /** For a renamed person: a name that the bridge generated or found may differ. */
  #name(human: Human, { userName }: Standing, account: Account): void {
    const { id, attributes } = account;
    const isRenamed = new Set(human.standing.all.map((one) => one.userName)).size > 1;
    if (!isRenamed || !this.#vendor.traits.mapsUserName || attributes.userName.startsWith('old-')) return;
    const wanted = userName.split('@')[0] ?? '';
    if (attributes.userName.startsWith(wanted)) return;
    if (this.#isUndecided(human)) return;
    if (account.oddities.has('keepsUserName') && this.#isTold(human)) return;
    const isTaken = [...this.#vendor.holds.accounts.values()].some(
      (one) => one.attributes.userName === wanted,
    );
    if (!isTaken || attributes.userName.includes('moving'))
      this.#say(human, `is called ${attributes.userName} on ${id}, and should be ${wanted}`);
    const other = this.#vendor.holds.accounts.get(
      [...this.#claims.users.values()].find(
        ({ remoteId }) => this.#vendor.holds.accounts.get(remoteId)?.attributes.userName === wanted,
      )?.remoteId ?? '',
    );
    const owner = other && this.#records.own.ownerOf(other.id);
    if (!owner || owner === human || this.#isUndecided(owner)) return;
    const owners = this.#records.sight.person(owner);
    // A person who is gone keeps the name, also if an admin gave the account back.
    if (other.state !== 'enabled' || owners?.lifecycle !== 'active') return;
    if (owners.userName.split('@')[0] === attributes.userName)
      this.#say(human, `and h${owner.index} have each other's names`);
  }

  #withoutAccount(human: Human, standing: Standing, claim: Claim | undefined): void {
    if (this.#meaning.approval) return;
    if (claim) {
      this.#say(human, `is linked to ${claim.remoteId}, which is not there`);
      return;
    }
    const there = this.#vendor.accountWith(standing.email);
    if (there ? this.#isLinked(there.id) || this.#records.isSpared(there.id) : this.#isReserved(standing))
      return;
    if (there) this.#say(human, `is active, and ${there.id} with their identifier was not adopted`);
    else if (this.#meaning.createUsers) this.#say(human, 'is active and has no account');
  }

  #isReserved({ email, userName }: Standing): boolean {
    return this.#records.isReserved([email, userName]);
  }

  #isLinked(accountId: string): boolean {
    return [...this.#claims.users.values()].some(({ remoteId }) => remoteId === accountId);
  }

  /** An account that people disabled there stays disabled; so does one whose setting is off now. */
  #mayStayDisabled(account: Account): boolean {
    const { approval, disableUsers, deprovisionUsers } = this.#meaning;
    if (approval) return true;
    const reasons = this.#records.disabledFor.get(account.id);
    if (!reasons) return !disableUsers || !deprovisionUsers || !this.#isKnown();
    return (
      (!disableUsers && !(reasons.size === 1 && reasons.has('gone'))) ||
      (!deprovisionUsers && reasons.has('gone'))
    );
  }

  #isKnown(): boolean {
    return this.#records.needsSync === null || this.#records.isRepaired;
  }

  #inactive(human: Human, standing: Standing, claim: Claim | undefined): void {
    const account = claim
      ? this.#vendor.holds.accounts.get(claim.remoteId)
      : this.#vendor.accountWith(standing.email);
    if (claim && account?.oddities.has('unapproved') && this.#meaning.disableUsers)
      this.#unapproved(human, account, 'disable');
    if (account?.state !== 'enabled') return;
    if (!claim && this.#isLinked(account.id)) return;
    if (!this.#meaning.disableUsers || this.#isExcused(human, account, 'disable')) return;
    this.#say(human, `is inactive, and ${account.id} is enabled`);
  }

  #gone(human: Human, claim: Claim | undefined): void {
    const replacement = this.#records.replaced.get(human.index);
    const id = claim?.remoteId ?? replacement;
    const account = id === undefined ? undefined : this.#vendor.holds.accounts.get(id);
    if (!account || !this.#meaning.deprovisionUsers) return;
    const isRemoved = this.#meaning.removeAction === 'Delete' && this.#isDue(account);
    const op = isRemoved && !account.oddities.has('onlyOwner') ? 'delete' : 'disable';
    if (claim && account.oddities.has('unapproved'))
      this.#unapproved(human, account, isRemoved ? 'delete' : 'disable');
    if (account.state === 'locked') return;
    if (op === 'disable' && account.state === 'disabled') return;
    if (this.#isExcused(human, account, isRemoved ? 'delete' : 'disable')) return;
    this.#say(human, `is gone, and ${account.id} is ${account.state}`);
  }

  /** An administrator who approves the account would let a leaver in: the bridge must say so until then. */
  #unapproved(human: Human, { id }: Account, op: 'disable' | 'delete'): void {
    const { personId } = human;
    if (this.#meaning.approval || this.#claims.undecided.has(changeKey(op, personId ?? ''))) return;
    if (!this.#claims.openLeavers.has(personId ?? ''))
      this.#say(human, `left, ${id} only waits for approval, and nobody is told`);
  }

  /** The count of days begins when the bridge has seen that the account is disabled and the person gone. */
  #isDue(account: Account): boolean {
    const { removeAfterDays: days } = this.#meaning;
    return days === 0 || (account.state === 'disabled' && this.#records.waitedDays > days);
  }

  /**
   * If the vendor refuses right after the credential was found good, the refusal is about this person: the bridge
   * says so, and asks again with the next sync.
   */
  #isToldOpen({ personId }: Human): boolean {
    return this.#records.lostRights && this.#claims.openLeavers.has(personId ?? '');
  }

  /** Why a loss that the directory wants may be missing. */
  #isExcused(human: Human, account: Account, op: 'disable' | 'delete'): boolean {
    return (
      this.#isToldOpen(human) ||
      account.isUntouchable ||
      this.#records.isSpared(account.id) ||
      this.#claims.undecided.has(changeKey(op, human.personId ?? '')) ||
      this.#meaning.approval
    );
  }
}
