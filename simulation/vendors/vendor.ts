/**
 * A vendor of the simulation: an emulator, asked without a socket, and what it holds in words that are the
 * same for all. It shows every write to whoever watches it, with what was there before.
 */

import type { Answer, EmulatedRequest, Handle } from '../../test/emulator/server.ts';
import type { Manner } from '../actions.ts';
import { type Write, writesBetween } from './writes.ts';

export interface Account {
  readonly id: string;
  readonly state: 'enabled' | 'disabled' | 'locked';
  readonly attributes: Readonly<Record<Attribute, string>>;
  /** The vendor lets nobody disable or delete it. */
  readonly isUntouchable: boolean;
  /** Behind a token, a service or the vendor's own doings: nobody takes its memberships either. */
  readonly isMachine: boolean;
  /** It can do more there than people usually can: nobody's until an admin says so. */
  readonly isPrivileged: boolean;
  readonly oddities: ReadonlySet<Oddity>;
}

/** What somebody there made of an account, so that the vendor refuses what it does with others. */
export type Oddity =
  /** It waits for an administrator's approval. */
  | 'unapproved'
  /** Its user name cannot be changed. */
  | 'keepsUserName'
  /** No group takes it. */
  | 'guest'
  /** It cannot be deleted: a group would be without an owner. */
  | 'onlyOwner';

export const ATTRIBUTES = ['email', 'userName', 'displayName', 'title'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

export interface Group {
  readonly id: string;
  /** By which a SCIM group finds it. */
  readonly key: string;
  readonly name: string;
  /** Account id → level; always 0 where there are no levels. */
  readonly members: ReadonlyMap<string, number>;
}

/** What a vendor holds at one moment. */
export interface Holdings {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly groups: ReadonlyMap<string, Group>;
}

/** What tells one type of vendor from another. */
export interface Traits {
  readonly type: string;
  readonly disableDropsMemberships: boolean;
  readonly deletesUsers: boolean;
  readonly deletesGroups: boolean;
  /** The level that a grant of the bridge gives; null where there are none. */
  readonly grantedLevel: number | null;
  /** Accounts are shown with what is empty, too. */
  readonly showsEmpty: boolean;
  /** Accounts have a user name that the bridge keeps in step with the directory's. */
  readonly mapsUserName: boolean;
  /** Attributes that an admin may un-map, by the vendor's name for them. */
  readonly unmappable: Readonly<Partial<Record<Attribute, string>>>;
  /** What an admin maps from the first moment on, beyond what the type maps by itself. */
  readonly mappings: readonly { readonly targetAttribute: string; readonly sourceAttribute: string }[];
}

/** One emulator, as the simulation uses it. */
export interface Emulated {
  readonly traits: Traits;
  readonly host: string;
  /** What an admin enters to connect a store with it. */
  readonly configuration: Readonly<Record<string, string>>;
  /** The credential's own account. */
  readonly ownAccountId: string;
  readonly handle: Handle;
  /** Answers reads as of now, whatever changes later. */
  snapshot(): Handle;
  holdings(): Holdings;
  isRead(request: EmulatedRequest): boolean;
  /** A page of the list of everybody, or of all groups. */
  isListed(request: EmulatedRequest): boolean;
  /** The list as if there were nobody, or nothing. */
  readonly nothing: Answer;
  /** The first page of the list, which says that another follows, whatever page was asked for. */
  firstAgain(request: EmulatedRequest): Answer;
  refuseCredential(refused: boolean): void;
  /** As far as there is such a thing there. */
  behave(manner: Manner): void;
  readonly byHand: HandEdits;
}

/** What people do there past the bridge. */
export interface HandEdits {
  createAccount(email: string, isUntouchable: boolean): string | null;
  createGroup(name: string): string | null;
  retitle(accountId: string, title: string): void;
  setState(accountId: string, state: 'enabled' | 'disabled'): void;
  /** False where nobody can. */
  deleteAccount(accountId: string): boolean;
  /** By another one with the same address; null where nobody can. */
  replaceAccount(accountId: string): string | null;
  /** As far as the vendor knows such a thing; so it is with the next two. */
  ban(accountId: string): void;
  approve(accountId: string): void;
  makeOdd(accountId: string, oddity: Exclude<Oddity, 'unapproved'>): void;
  join(groupId: string, accountId: string, level: number): void;
  part(groupId: string, accountId: string): void;
}

export interface Watcher {
  /** The vendor still holds what it held before the write. */
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
  /** What it held after the last write that was watched. */
  holds: Holdings;
  /** Whether reads may lag, so that what was is remembered. */
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

  /** Somebody edits there by hand. */
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
