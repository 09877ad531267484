/**
 * What each store must hold once everything is quiet: written from the tables of docs/design.md and from
 * product.md, computed from the directory, the settings and what people decided. Of the bridge it reads
 * three claims, and checks them: which account it says is whose, which losses it says are held, and what
 * the audit log says.
 */

import type { Knex } from 'knex';
import type { Guard } from './guard.ts';
import { lossKey } from './guard.ts';
import type { Human, Model, ScimGroup, Standing } from './model.ts';
import type { Meaning } from './settings.ts';
import { type Account, GRANTED_LEVEL, type Group, type Vendor } from './vendor.ts';
import type { SimulatedStore, World } from './world.ts';

interface Claim {
  readonly remoteId: string;
  readonly state: string;
  readonly origin: string;
}

/** Every difference between what is and what must be, in words. */
export async function judge(world: World): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const store of world.stores) {
    const verdict = await Verdict.on(world, store);
    complaints.push(...verdict.people(), ...verdict.groups(), ...(await verdict.audit()));
  }
  return complaints;
}

class Verdict {
  readonly #model: Model;
  readonly #vendor: Vendor;
  readonly #guard: Guard;
  readonly #db: Knex;
  readonly #meaning: Meaning;
  readonly #users: ReadonlyMap<string, Claim>;
  readonly #groups: ReadonlyMap<string, Claim>;
  /** Losses that wait for a person, or that one declined. */
  readonly #undecided: ReadonlySet<string>;
  readonly #complaints: string[] = [];

  private constructor(
    world: World,
    store: SimulatedStore,
    claims: { users: Map<string, Claim>; groups: Map<string, Claim>; undecided: Set<string> },
  ) {
    this.#model = world.model;
    this.#vendor = store.vendor;
    this.#guard = store.guard;
    this.#db = world.db;
    this.#meaning = store.guard.sight.meaning;
    this.#users = claims.users;
    this.#groups = claims.groups;
    this.#undecided = claims.undecided;
  }

  static async on(world: World, store: SimulatedStore): Promise<Verdict> {
    const rows = await world.db('links').where({ store_id: store.id }).whereNot({ state: 'removed' });
    const claims = {
      users: new Map<string, Claim>(),
      groups: new Map<string, Claim>(),
      undecided: new Set<string>(),
    };
    for (const row of rows) {
      const claim = { remoteId: row.remote_id, state: row.state, origin: row.origin };
      (row.kind === 'user' ? claims.users : claims.groups).set(row.subject_id, claim);
    }
    const held = await world.db('held').where({ store_id: store.id }).whereIn('state', ['held', 'discarded']);
    for (const row of held) claims.undecided.add(lossKey(JSON.parse(row.change)));
    return new Verdict(world, store, claims);
  }

  #say(who: string, what: string): void {
    this.#complaints.push(`${this.#vendor.manners.type}: ${who} ${what}`);
  }

  people(): readonly string[] {
    const linked = new Map<string, string>();
    for (const human of this.#model.humans) {
      const standing = this.#guard.sight.person(human);
      if (!standing || human.personId === null) continue;
      const claim = this.#users.get(human.personId);
      if (claim) this.#checkClaim(human, claim, linked);
      if (standing.lifecycle === 'active') this.#active(human, standing, claim);
      if (standing.lifecycle === 'inactive') this.#inactive(human, standing, claim);
      if (standing.lifecycle === 'gone') this.#gone(human, claim);
    }
    this.#forgotten(linked);
    return this.#complaints.splice(0);
  }

  /** What the bridge made and forgot: nobody would ever take it away. */
  #forgotten(linked: ReadonlyMap<string, string>): void {
    if (this.#guard.untraceable) return;
    for (const [id, who] of this.#guard.own.createdAccounts) {
      if (this.#vendor.state.accounts.get(id)?.state !== 'enabled' || linked.has(id)) continue;
      const undone = this.#lifecycleOf(this.#model.humans[who]) !== 'active';
      if (undone && !this.#meaning.approval) this.#say(`h${who}`, `left ${id} behind, which the bridge made`);
    }
  }

  #checkClaim(human: Human, claim: Claim, linked: Map<string, string>): void {
    const name = `h${human.index}`;
    const other = linked.get(claim.remoteId);
    if (other) this.#say(name, `is linked to ${claim.remoteId}, as is ${other}`);
    linked.set(claim.remoteId, name);
    const owner = this.#guard.own.owners.get(claim.remoteId);
    const account = this.#vendor.state.accounts.get(claim.remoteId);
    if (owner !== undefined && owner !== human.index) {
      this.#say(name, `is linked to ${claim.remoteId}, which is h${owner}'s`);
    }
    const emails = human.standing.all.map((standing) => standing.email.toLowerCase());
    if (owner === undefined && account && !emails.includes(account.identifier)) {
      this.#say(name, `is linked to ${claim.remoteId}, which was never theirs`);
    }
  }

  #active(human: Human, standing: Standing, claim: Claim | undefined): void {
    const name = `h${human.index}`;
    const account = claim && this.#vendor.state.accounts.get(claim.remoteId);
    if (!account) {
      this.#withoutAccount(name, standing, claim);
      return;
    }
    if (account.state === 'disabled' && !this.#mayStayDisabled(account)) {
      this.#say(name, `is active, and their account ${account.id} is disabled`);
      return;
    }
    if (account.state !== 'enabled' || !this.#meaning.updateUsers || this.#meaning.approval) return;
    const wanted = { primaryEmail: standing.email, displayName: standing.displayName, title: standing.title };
    for (const [attribute, value] of Object.entries(wanted)) {
      const found = account.attributes[attribute] ?? '';
      // What the directory does not say is cleared only where the bridge had said it before.
      if (found === value || value === '' || this.#guard.sight.isUnmapped(attribute)) continue;
      const taken = attribute === 'primaryEmail' && this.#vendor.accountWith(value);
      if (!taken) this.#say(name, `has ${attribute} "${found}" on ${account.id}, and should have "${value}"`);
    }
  }

  #withoutAccount(name: string, standing: Standing, claim: Claim | undefined): void {
    if (this.#meaning.approval) return;
    if (claim) {
      this.#say(name, `is linked to ${claim.remoteId}, which is not there`);
      return;
    }
    const there = this.#vendor.accountWith(standing.email);
    const taken = there && [...this.#users.values()].some((other) => other.remoteId === there.id);
    if (taken) return;
    if (there) {
      this.#say(name, `is active, and ${there.id} with their identifier was not adopted`);
      return;
    }
    if (this.#meaning.createUsers) this.#say(name, 'is active and has no account');
  }

  /** An account that people disabled there stays so; so does one whose switch is off now. */
  #mayStayDisabled(account: Account): boolean {
    if (this.#meaning.approval) return true;
    const reasons = this.#guard.disabledFor.get(account.id);
    if (!reasons) return !this.#meaning.disableUsers || !this.#meaning.deprovisionUsers || !this.#repaired();
    return (
      (!this.#meaning.disableUsers && !(reasons.size === 1 && reasons.has('gone'))) ||
      (!this.#meaning.deprovisionUsers && reasons.has('gone'))
    );
  }

  #repaired(): boolean {
    return this.#guard.needsSync === null || this.#guard.needsSync === REPAIRED;
  }

  #inactive(human: Human, standing: Standing, claim: Claim | undefined): void {
    const account = claim
      ? this.#vendor.state.accounts.get(claim.remoteId)
      : this.#vendor.accountWith(standing.email);
    if (account?.state !== 'enabled') return;
    if (!claim && [...this.#users.values()].some((other) => other.remoteId === account.id)) return;
    if (!this.#meaning.disableUsers || this.#excused(human, account, 'disable')) return;
    this.#say(`h${human.index}`, `is inactive, and ${account.id} is enabled`);
  }

  #gone(human: Human, claim: Claim | undefined): void {
    const account = claim && this.#vendor.state.accounts.get(claim.remoteId);
    if (!account || account.state === 'locked' || !this.#meaning.deprovisionUsers) return;
    const op = this.#meaning.removeAction === 'Delete' && this.#isDue(account) ? 'delete' : 'disable';
    if (op === 'disable' && account.state === 'disabled') return;
    if (this.#excused(human, account, op)) return;
    this.#say(`h${human.index}`, `is gone, and ${account.id} is ${account.state}`);
  }

  /** The count begins when the bridge has seen that the account is disabled and its person gone. */
  #isDue(account: Account): boolean {
    const { removeAfterDays: days } = this.#meaning;
    return days === 0 || (account.state === 'disabled' && this.#guard.waitedDays > days);
  }

  #lifecycleOf(human: Human | undefined) {
    return human && this.#guard.sight.person(human)?.lifecycle;
  }

  /** Why a loss that the directory wants may be undone. */
  #excused(human: Human, account: Account, op: 'disable' | 'delete'): boolean {
    const subject = { kind: 'user' as const, id: human.personId ?? '' };
    return (
      account.owner ||
      this.#guard.mayBeProtected(account.id, this.#meaning) ||
      this.#undecided.has(lossKey({ op, subject })) ||
      this.#meaning.approval
    );
  }

  groups(): readonly string[] {
    if (this.#meaning.groups !== 'Off' && !this.#meaning.approval) {
      for (const group of this.#model.groups.values()) this.#group(group);
      for (const remote of this.#vendor.state.groups.values()) this.#memberships(remote);
    }
    return this.#complaints.splice(0);
  }

  #group(group: ScimGroup): void {
    const standing = this.#guard.sight.group(group);
    const claim = this.#groups.get(group.id);
    if (!standing) return;
    const remote = claim && this.#vendor.state.groups.get(claim.remoteId);
    if (!standing.live) {
      if (claim && !this.#waitsForMembers(claim.remoteId))
        this.#say(standing.name, 'is gone, and still linked');
      return;
    }
    if (claim && !remote) {
      this.#say(standing.name, `is linked to ${claim.remoteId}, which is not there`);
      return;
    }
    if (!remote) {
      const there = this.#vendor.groupNamed(standing.name);
      if (this.#meaning.groups === 'Create') this.#say(standing.name, 'has no group there');
      else if (there && this.#repaired())
        this.#say(standing.name, 'matches a group there, and is not linked');
      return;
    }
    const other = this.#vendor.groupNamed(standing.name);
    const free = other === null || other.id === remote.id;
    const alone = [...this.#groups.values()].filter((c) => c.remoteId === claim?.remoteId).length === 1;
    if (
      this.#meaning.groups === 'Create' &&
      remote.name !== standing.name &&
      free &&
      alone &&
      this.#repaired()
    ) {
      this.#say(standing.name, `is named ${remote.name} there`);
    }
  }

  #waitsForMembers(remoteGroupId: string): boolean {
    const group = this.#vendor.state.groups.get(remoteGroupId);
    return [...(group?.members.keys() ?? [])].some((id) => this.#revokeExcused(remoteGroupId, id));
  }

  #memberships(remote: Group): void {
    const feeding = [...this.#groups].flatMap(([id, claim]) =>
      claim.remoteId === remote.id ? [this.#model.groups.get(id)] : [],
    );
    if (feeding.length === 0) return;
    const live = feeding.flatMap((group) => {
      const standing = group && this.#guard.sight.group(group);
      return standing?.live ? [standing] : [];
    });
    const wanted = new Set(live.flatMap((standing) => [...standing.members]));
    for (const who of wanted) this.#wantedMember(remote, who);
    for (const accountId of remote.members.keys())
      this.#presentMember(remote, accountId, wanted, live.length > 0);
  }

  #wantedMember(remote: Group, who: number): void {
    const human = this.#model.humans[who];
    const claim = this.#users.get(human?.personId ?? '');
    const account = claim && this.#vendor.state.accounts.get(claim.remoteId);
    if (this.#lifecycleOf(human) !== 'active' || account?.state !== 'enabled') return;
    // Enabled there by hand, and the bridge has not looked since.
    if (claim?.state !== 'enabled') return;
    const level = remote.members.get(account.id);
    if (level === undefined) this.#say(`h${who}`, `is not a member of ${remote.name}, and should be`);
    else if (this.#vendor.manners.levels && level < GRANTED_LEVEL && this.#repaired())
      this.#say(`h${who}`, `has level ${level} in ${remote.name}`);
  }

  #presentMember(remote: Group, accountId: string, wanted: ReadonlySet<number>, live: boolean): void {
    const owner = [...this.#users].find(([, claim]) => claim.remoteId === accountId);
    const human = this.#model.byPerson(owner?.[0] ?? null);
    if (human && wanted.has(human.index)) return;
    if (live && this.#lifecycleOf(human) === 'gone') return;
    if (this.#revokeExcused(remote.id, accountId)) return;
    const whose = this.#guard.own.membershipIs(remote.id, accountId, this.#guard.needsSync === null);
    if (whose === 'mine' || (whose === 'foreign' && live && this.#meaning.overwrite && this.#seen(remote.id)))
      this.#say(accountId, `is a member of ${remote.name}, and should not be (${whose})`);
  }

  /** Memberships made by hand are known after a sync. */
  #seen(_remoteGroupId: string): boolean {
    return this.#repaired();
  }

  #revokeExcused(remoteGroupId: string, accountId: string): boolean {
    if (this.#guard.mayBeProtected(accountId, this.#meaning)) return true;
    const owner = [...this.#users].find(([, claim]) => claim.remoteId === accountId);
    const member = { personId: owner?.[0] ?? null, remoteId: accountId };
    return [...this.#groups].some(
      ([id, claim]) =>
        claim.remoteId === remoteGroupId &&
        this.#undecided.has(lossKey({ op: 'revoke', subject: { kind: 'group', id }, member })),
    );
  }

  /** Every write that reached the vendor is in the audit log, under the correlation id of a request. */
  async audit(): Promise<readonly string[]> {
    const events = await this.#db('events').where({ store_id: this.#guard.storeId });
    const said = new Set<string>();
    for (const event of events) {
      if (!event.correlation_id) this.#say(event.kind, 'has no correlation id');
      const op = String(event.kind).split('.')[1];
      said.add(`${op} ${event.subject_id}`);
    }
    for (const { write, late } of this.#guard.done) {
      // No look can find what arrives after it.
      if (late) continue;
      const kinds = write.op === 'create' ? ['create', 'adopt'] : [write.op];
      if (!kinds.some((op) => said.has(`${op} ${write.subject.id}`)))
        this.#say(`${write.op} of ${write.subject.id}`, 'is not in the audit log');
    }
    return this.#complaints.splice(0);
  }
}

/** What `needsSync` says after the last sync with repair. */
export const REPAIRED = 'repaired';
