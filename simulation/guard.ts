/**
 * Stands at one vendor and looks at every write of the bridge before it is done: may this be, by the
 * tables of docs/design.md and product.md, given what the directory and the settings were at some moment
 * since the work began? Never asks the bridge.
 */

import { BrakeBook } from './brakeBook.ts';
import type { Human, Model, ScimGroup, Standing } from './model.ts';
import { ARRIVED_LATE, type Turn, type Witness, type Write } from './network.ts';
import { Ownership } from './ownership.ts';
import type { Process } from './scheduler.ts';
import { SKEW_MAX_MS } from './scheduler.ts';
import type { Meaning } from './settings.ts';
import { Sight } from './sight.ts';
import type { Vendor } from './vendor.ts';

const DAY_MS = 86_400_000;

export interface DoneWrite {
  readonly write: Write;
  readonly at: number;
  /** It arrived after its caller had given up. */
  readonly late: boolean;
}

export class Guard implements Witness {
  /** Known from the moment the store is created. */
  storeId = '';
  readonly violations: string[] = [];
  readonly done: DoneWrite[] = [];
  /** What a person has approved: losses that no brake counts. */
  readonly approved = new Set<string>();
  /** What applied previews say; under APPLY_MODE Approval nothing else may happen. */
  readonly permitted = new Set<string>();
  /** Why a last sync is needed before this store can be judged; null while it is not. */
  needsSync: string | null = null;
  /** Since everything was quiet for the first time. */
  waitedDays = 0;
  /** A call arrived after its caller had given up, and perhaps after the last look. */
  untraceable = false;
  /** Accounts that a person disabled there, or enabled, since the bridge last wrote. */
  readonly touchedByHand = new Set<string>();
  /** The lifecycles for which the bridge may have disabled the account. */
  readonly disabledFor = new Map<string, ReadonlySet<string>>();
  readonly sight: Sight;
  readonly own: Ownership;
  /** Writes that a worker may still make after it has stood still and lost the lease. */
  staleAllowed = 0;
  #late = false;
  /** Made by a call that may have arrived after the last look. */
  readonly #lateAccounts = new Set<string>();
  /** Subject → when the last work on it began that wrote something. */
  readonly #worked = new Map<string, number>();
  readonly #book: BrakeBook;
  readonly #model: Model;
  readonly #vendor: Vendor;
  readonly #now: () => number;
  readonly #turns: (process: Process, storeId: string) => Turn;
  readonly #note: (what: string) => void;

  constructor(
    model: Model,
    vendor: Vendor,
    now: () => number,
    turns: (process: Process, storeId: string) => Turn,
    note: (what: string) => void,
  ) {
    this.#model = model;
    this.sight = new Sight(model, () => this.storeId);
    this.#book = new BrakeBook(this.sight);
    this.own = new Ownership(model, vendor, this.sight);
    this.#vendor = vendor;
    this.#now = now;
    this.#turns = turns;
    this.#note = note;
  }

  turnOf(process: Process): Turn {
    return this.#turns(process, this.storeId);
  }

  diverged(why: string): void {
    this.needsSync = why;
    if (why === ARRIVED_LATE) this.untraceable = true;
    this.#note(why);
  }

  late<T>(work: () => T): T {
    this.#late = true;
    try {
      return work();
    } finally {
      this.#late = false;
    }
  }

  before(turn: Turn, write: Write): void {
    this.done.push({ write, at: this.#now(), late: this.#late });
    this.#note(`${write.op} ${write.remoteId} ${write.member?.remoteId ?? ''} for ${this.#nameOf(write)}`);
    const complaint = write.subject.kind === 'user' ? this.#user(turn, write) : this.#group(turn, write);
    if (complaint) this.#complain(write, complaint);
    if (this.#isStale(turn, write)) this.#complain(write, 'work that began later has written already');
    if (write.member) this.own.keepMembership(write);
    if (write.op === 'disable') this.#rememberDisabling(turn, write);
    if (write.op === 'enable') this.disabledFor.delete(write.remoteId);
    if (write.op === 'disable' || write.op === 'delete') this.own.dropMemberships(write);
    this.touchedByHand.delete(write.remoteId);
  }

  created(write: Write, remoteId: string): void {
    if (write.subject.kind === 'group') {
      this.own.groupOwners.set(remoteId, new Set([write.subject.id]));
      this.own.createdGroups.add(remoteId);
      return;
    }
    const human = this.#model.byPerson(write.subject.id);
    if (!human) return;
    this.own.owners.set(remoteId, human.index);
    this.own.createdAccounts.set(remoteId, human.index);
    if (this.#late) this.#lateAccounts.add(remoteId);
  }

  isProtected(accountId: string, meanings: readonly Meaning[]): boolean {
    return this.#protects(accountId, meanings, []);
  }

  /** The bridge may know the account by the handle that it meant it to have, too. */
  mayBeProtected(accountId: string, meaning: Meaning): boolean {
    const handle = this.#vendor.manners.handles ? this.#standingOf(accountId)?.userName : undefined;
    return this.#protects(accountId, [meaning], handle === undefined ? [] : [handle]);
  }

  #standingOf(accountId: string): Standing | null {
    const owner = this.own.owners.get(accountId);
    return (owner === undefined ? null : this.#model.humans[owner]?.standing.now) ?? null;
  }

  #protects(accountId: string, meanings: readonly Meaning[], more: readonly string[]): boolean {
    const account = this.#vendor.state.accounts.get(accountId);
    const names = [
      accountId,
      account?.identifier ?? '',
      account?.attributes.handle ?? '',
      this.#standingOf(accountId)?.email ?? '',
      ...more,
    ];
    if (names.includes('bridge@acme.example')) return true;
    return meanings.every((meaning) =>
      meaning.protectedAccounts.some((pattern) => names.some((name) => matches(pattern, name))),
    );
  }

  #complain(write: Write, complaint: string): void {
    const member = write.member ? ` of ${write.member.remoteId}` : '';
    const who = write.subject.kind === 'user' ? this.#nameOf(write) : write.subject.id.slice(0, 8);
    this.violations.push(`${write.op}${member} on ${write.remoteId || 'nothing yet'} (${who}): ${complaint}`);
  }

  #nameOf(write: Write): string {
    const human = this.#model.byPerson(write.subject.id);
    return human ? `h${human.index}` : write.subject.id;
  }

  #user(turn: Turn, write: Write): string | null {
    const human = this.#model.byPerson(write.subject.id);
    if (!human) return 'nobody in the directory is this person';
    const standings = this.sight.personSince(human, turn.tick);
    const meanings = this.sight.meaningsSince(turn.tick);
    const is = (lifecycle: Standing['lifecycle']) => standings.some((s) => s.lifecycle === lifecycle);
    const some = (test: (meaning: Meaning) => boolean) => meanings.some(test);
    if (!this.#permits(turn, write)) return 'APPLY_MODE is Approval, and no applied preview says this';
    if (write.op === 'create') return this.#creation(human, standings, some, is);
    const foreign = this.own.claim(human, write.remoteId);
    if (foreign) return foreign;
    switch (write.op) {
      case 'update':
        if (!is('active')) return 'the person is not active';
        if (!some((m) => m.updateUsers)) return 'UPDATE_USERS is off';
        return this.#wrongAttribute(turn, write.attributes ?? {}, standings);
      case 'enable':
        if (!is('active')) return 'the person is not active';
        return some((m) => m.disableUsers || m.deprovisionUsers) ? null : 'both switches are off';
      case 'disable':
      case 'delete':
        return (
          this.#loss(turn, write, `h${human.index}`) ??
          removal(write.op, is, some) ??
          this.#tooSoon(human, write, meanings)
        );
      default:
        return 'a person cannot be changed so';
    }
  }

  /** Under `REMOVE_AFTER_DAYS` an account is disabled, and deleted only when that is so long ago. */
  #tooSoon(human: Human, write: Write, meanings: readonly Meaning[]): string | null {
    if (write.op !== 'delete') return null;
    const days = Math.min(...meanings.map((m) => m.removeAfterDays));
    if (days === 0) return null;
    const account = this.#vendor.state.accounts.get(write.remoteId);
    if (account?.state === 'enabled' && !this.touchedByHand.has(write.remoteId))
      return 'it is not disabled yet';
    const isDue = this.#now() + SKEW_MAX_MS >= this.sight.goneSince(human) + days * DAY_MS;
    return isDue ? null : `REMOVE_AFTER_DAYS of ${days} is not over`;
  }

  #wasLive(group: ScimGroup, since: number): boolean {
    for (let tick = since; tick <= this.#model.tick; tick++)
      if (this.sight.group(group, tick)?.live) return true;
    return false;
  }

  /** Of two workers, the one that began earlier has lost the lease. */
  #isStale(turn: Turn, write: Write): boolean {
    const key = `${write.subject.id} ${write.member?.remoteId ?? ''}`;
    const last = this.#worked.get(key) ?? 0;
    this.#worked.set(key, Math.max(last, turn.at));
    if (turn.at >= last || this.#late) return false;
    this.staleAllowed -= 1;
    return this.staleAllowed < 0;
  }

  #creation(
    human: Human,
    standings: readonly Standing[],
    some: (test: (meaning: Meaning) => boolean) => boolean,
    is: (lifecycle: Standing['lifecycle']) => boolean,
  ): string | null {
    if (!is('active')) return 'the person is not active';
    if (!some((m) => m.createUsers)) return 'CREATE_USERS is off';
    const other = [...this.own.owners].find(
      ([id, owner]) =>
        owner === human.index && this.#vendor.state.accounts.has(id) && !this.#lateAccounts.has(id),
    );
    // What arrives when nobody waits for it any more, nobody can have looked for.
    if (other && !this.#late) return `a second account: ${other[0]} is theirs already`;
    return standings.length > 0 ? null : 'the person is unknown';
  }

  #group(turn: Turn, write: Write): string | null {
    const group = this.#model.groups.get(write.subject.id);
    if (!group) return 'the directory never had this group';
    const meanings = this.sight.meaningsSince(turn.tick);
    if (meanings.every((m) => m.groups === 'Off')) return 'GROUP_PROVISIONING is Off';
    if (!this.#permits(turn, write)) return 'APPLY_MODE is Approval, and no applied preview says this';
    if (write.op === 'create') {
      if (!this.#wasLive(group, turn.tick)) return 'the group is gone';
      return meanings.some((m) => m.groups === 'Create') ? null : 'GROUP_PROVISIONING is Match';
    }
    const owned =
      this.own.groupOwners.get(write.remoteId)?.has(group.id) ||
      this.own.feeding(write.remoteId).includes(group);
    if (!owned) return 'nothing says that the group is the directory’s';
    this.own.groupOwners.set(
      write.remoteId,
      new Set([...(this.own.groupOwners.get(write.remoteId) ?? []), group.id]),
    );
    switch (write.op) {
      case 'update':
        return meanings.some((m) => m.groups === 'Create') ? null : 'GROUP_PROVISIONING is Match';
      case 'delete':
        if (!this.own.createdGroups.has(write.remoteId)) return 'the bridge did not make this group';
        return meanings.some((m) => m.deleteGroups) ? null : 'DELETE_GROUPS is off';
      case 'grant':
        return this.#grant(turn, write);
      case 'revoke':
        return this.#revoke(turn, write, meanings);
      default:
        return 'a group cannot be changed so';
    }
  }

  #grant(turn: Turn, write: Write): string | null {
    const human = this.#model.byPerson(write.member?.personId ?? null);
    if (!human) return 'nobody in the directory is this member';
    const foreign = this.own.claim(human, write.member?.remoteId ?? '');
    if (foreign) return foreign;
    for (let tick = turn.tick; tick <= this.#model.tick; tick++) {
      if (!this.own.wantedAt(tick, write.remoteId, write.member?.remoteId ?? '')) continue;
      if (this.sight.person(human, tick)?.lifecycle === 'active') return null;
    }
    return 'the directory does not want it';
  }

  #revoke(turn: Turn, write: Write, meanings: readonly Meaning[]): string | null {
    const accountId = write.member?.remoteId ?? '';
    const owner = this.own.owners.get(accountId);
    const whose = this.own.membershipIs(write.remoteId, accountId, this.needsSync === null);
    if (whose === 'foreign' && meanings.every((m) => !m.overwrite)) {
      return 'the membership is not the bridge’s, and the store is set to Merge';
    }
    const complaint = this.#loss(turn, write, owner === undefined ? accountId : `h${owner}`);
    if (complaint) return complaint;
    for (let tick = turn.tick; tick <= this.#model.tick; tick++) {
      if (!this.own.wantedAt(tick, write.remoteId, accountId)) return null;
    }
    return this.own.isSucceeded(write) ? null : 'the directory wants the membership';
  }

  /** What holds for whatever takes something from somebody: protection, and the brake. */
  #loss(turn: Turn, write: Write, who: string): string | null {
    const accountId = write.member?.remoteId ?? write.remoteId;
    const meanings = this.sight.meaningsSince(turn.tick);
    if (this.isProtected(accountId, meanings)) return 'the account is protected';
    if (this.approved.has(lossKey(write))) return null;
    const exceeded = this.#book.exceeds(who, turn, this.#now(), this.#base());
    return exceeded ? 'the brake is exceeded' : null;
  }

  /** Never less than the bridge's base: everybody who has, or ever had, an account. */
  #base(): number {
    return new Set(this.own.owners.values()).size + this.#unclaimed();
  }

  #unclaimed(): number {
    return [...this.#vendor.state.accounts.keys()].filter((id) => !this.own.owners.has(id)).length;
  }

  #wrongAttribute(
    turn: Turn,
    attributes: Readonly<Record<string, string>>,
    standings: readonly Standing[],
  ): string | null {
    for (const [name, value] of Object.entries(attributes)) {
      const source = SOURCES[name];
      if (!source || this.sight.isUnmappedSince(turn.tick, name)) return `${name} is not mapped`;
      if (name !== 'handle' && !standings.some((standing) => source(standing) === value))
        return `${name} was never ${value}`;
    }
    return null;
  }

  #permits(turn: Turn, write: Write): boolean {
    const meanings = this.sight.meaningsSince(turn.tick);
    if (!meanings.every((m) => m.approval)) return true;
    return this.permitted.has(lossKey(write)) || this.approved.has(lossKey(write));
  }

  #rememberDisabling(turn: Turn, write: Write): void {
    const human = this.#model.byPerson(write.subject.id);
    const standings = human ? this.sight.personSince(human, turn.tick) : [];
    this.disabledFor.set(write.remoteId, new Set(standings.map((standing) => standing.lifecycle)));
  }
}

/** What feeds an attribute by default. */
const SOURCES: Readonly<Record<string, (standing: Standing) => string>> = {
  primaryEmail: (s) => s.email,
  displayName: (s) => s.displayName,
  title: (s) => s.title,
  handle: (s) => s.userName,
};

/** The person, or the membership, that an approval names. */
export function lossKey(write: Pick<Write, 'op' | 'subject' | 'member'>): string {
  return JSON.stringify([
    write.op,
    write.subject.id,
    write.member?.personId ?? write.member?.remoteId ?? null,
  ]);
}

function removal(
  op: 'disable' | 'delete',
  is: (lifecycle: Standing['lifecycle']) => boolean,
  some: (test: (meaning: Meaning) => boolean) => boolean,
): string | null {
  if (op === 'disable' && is('inactive') && some((m) => m.disableUsers)) return null;
  const may = (m: Meaning) =>
    op === 'delete' ? m.removeAction === 'Delete' : m.removeAction === 'Disable' || m.removeAfterDays > 0;
  if (is('gone') && some((m) => m.deprovisionUsers && may(m))) return null;
  return `neither the directory nor the settings want it`;
}

export function matches(pattern: string, name: string): boolean {
  const expression = pattern
    .toLowerCase()
    .split('*')
    .map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${expression}$`).test(name.toLowerCase());
}
