/**
 * A vendor of the simulation: an emulator, asked without a socket, and what it holds in the same words for all
 * vendors. It shows every write to an observer, with the state before it.
 */

import type { Answer, EmulatedRequest, Handle } from '../../test/emulator/server.ts';
import type { Behaviour } from '../actions.ts';
import { type Write, writesBetween } from './writes.ts';

export interface Account {
  readonly id: string;
  readonly state: 'enabled' | 'disabled' | 'locked';
  readonly attributes: Readonly<Record<Attribute, string>>;
  /** The vendor lets nobody disable or delete the account. */
  readonly isUntouchable: boolean;
  /** The account of a token, a service or the vendor itself: its memberships stay too. */
  readonly isMachine: boolean;
  /** The account has more rights than others: it belongs to nobody until an admin confirms it. */
  readonly isPrivileged: boolean;
  readonly oddities: ReadonlySet<Oddity>;
}

/** What somebody at the vendor did to an account, so that the vendor treats it differently. */
export type Oddity =
  /** The account waits for an administrator's approval. */
  | 'unapproved'
  /** The account's user name cannot be changed. */
  | 'keepsUserName'
  /** No group takes the account. */
  | 'guest'
  /** The account cannot be deleted, because a group would have no owner. */
  | 'onlyOwner';

export const ATTRIBUTES = ['email', 'userName', 'displayName', 'title'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

export interface Group {
  readonly id: string;
  /** The value by which a SCIM group finds it. */
  readonly key: string;
  readonly name: string;
  /** From account id to level; always 0 where there are no levels. */
  readonly members: ReadonlyMap<string, number>;
}

/** What a vendor holds at one moment. */
export interface Holdings {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly groups: ReadonlyMap<string, Group>;
}

/** How one type of vendor differs from another. */
export interface Traits {
  readonly type: string;
  readonly disableDropsMemberships: boolean;
  readonly deletesUsers: boolean;
  readonly deletesGroups: boolean;
  /** The level that a grant of the bridge gives; null where there are none. */
  readonly grantedLevel: number | null;
  /** A group is found by its path, which stays as it is when the group is renamed. */
  readonly groupsHavePaths: boolean;
  /** Answers show empty attributes too. */
  readonly showsEmpty: boolean;
  /** Accounts have a user name that the bridge keeps in step with the directory's. */
  readonly mapsUserName: boolean;
  /** Attributes that an admin may remove from the mapping, by the vendor's names. */
  readonly unmappable: Readonly<Partial<Record<Attribute, string>>>;
  /** What an admin maps from the start, beyond the type's own mapping. */
  readonly mappings: readonly { readonly targetAttribute: string; readonly sourceAttribute: string }[];
}

/** An emulator in the form that the simulation needs. */
export interface Emulated {
  readonly traits: Traits;
  readonly host: string;
  /** What an admin enters to connect a store to it. */
  readonly configuration: Readonly<Record<string, string>>;
  /** The account to which the credential belongs. */
  readonly ownAccountId: string;
  readonly handle: Handle;
  /** Keeps answering reads as of now, whatever changes later. */
  snapshot(): Handle;
  holdings(): Holdings;
  isRead(request: EmulatedRequest): boolean;
  /** Whether the request asks for a page of all people, or of all groups. */
  isListed(request: EmulatedRequest): boolean;
  /** An empty list. */
  readonly nothing: Answer;
  /** The first page of the list, which names a next page, whatever page was asked for. */
  firstAgain(request: EmulatedRequest): Answer;
  refuseCredential(refused: boolean): void;
  /** Applies the behaviour, if this vendor has it. */
  behave(behaviour: Behaviour): void;
  readonly byHand: HandEdits;
}

/** What people do there behind the bridge's back. */
export interface HandEdits {
  createAccount(email: string, isUntouchable: boolean): string | null;
  createGroup(name: string): string | null;
  retitle(accountId: string, title: string): void;
  setState(accountId: string, state: 'enabled' | 'disabled'): void;
  /** False where the vendor does not allow it. */
  deleteAccount(accountId: string): boolean;
  /** Replaces the account with another one of the same address; null where the vendor does not allow it. */
  replaceAccount(accountId: string): string | null;
  /** Only if the vendor has such a thing, as with the next two. */
  ban(accountId: string): void;
  approve(accountId: string): void;
  makeOdd(accountId: string, oddity: Exclude<Oddity, 'unapproved'>): void;
  join(groupId: string, accountId: string, level: number): void;
  renameGroup(groupId: string, name: string): void;
  readdress(accountId: string, email: string): void;
  rename(accountId: string, userName: string): void;
  part(groupId: string, accountId: string): void;
}

export interface Watcher {
  /** Called while the vendor still holds the state before the write. */
  onWrite(write: Write): void;
}

interface Snapshot {
  readonly until: number;
  readonly handle: Handle;
}

/** Snapshots kept for late reads. */
const SNAPSHOTS_MAX = 40;

export class Vendor {
  readonly emulated: Emulated;
  /** What the vendor held after the last observed write. */
  holds: Holdings;
  /** Reads may lag, so that older states are kept. */
  remembers = false;
  readonly #now: () => number;
  readonly #past: Snapshot[] = [];

  constructor(emulated: Emulated, now: () => number) {
    this.emulated = emulated;
    this.#now = now;
    this.holds = emulated.holdings();
  }

  get traits(): Traits {
    return this.emulated.traits;
  }

  read(request: EmulatedRequest, lagMs: number): Answer {
    const at = this.#now() - lagMs;
    const snapshot = lagMs > 0 ? this.#past.find(({ until }) => until > at) : undefined;
    return (snapshot?.handle ?? this.emulated.handle)(request);
  }

  write(request: EmulatedRequest, watcher: Watcher): Answer {
    this.#remember();
    const answer = this.emulated.handle(request);
    const after = this.emulated.holdings();
    for (const write of writesBetween(this.holds, after, this.traits)) watcher.onWrite(write);
    this.holds = after;
    return answer;
  }

  /** Somebody makes a change there by hand. */
  edit<T>(change: (byHand: HandEdits) => T): T {
    this.#remember();
    const result = change(this.emulated.byHand);
    this.holds = this.emulated.holdings();
    return result;
  }

  #remember(): void {
    if (!this.remembers) return;
    this.#past.push({ handle: this.emulated.snapshot(), until: this.#now() });
    if (this.#past.length > SNAPSHOTS_MAX) this.#past.shift();
  }

  accountWith(email: string): Account | undefined {
    const wanted = email.toLowerCase();
    return [...this.holds.accounts.values()].find(({ attributes }) => attributes.email === wanted);
  }

  groupFor(name: string): Group | undefined {
    const wanted = name.toLowerCase();
    return [...this.holds.groups.values()].find(({ key }) => key === wanted);
  }
}
