/**
 * A simulated vendor: accounts, groups and memberships in memory, with the manners of Slack (disabling
 * drops memberships, small batches) or of GitLab (levels, unique handles, deletion). It is the truth that
 * the oracle looks at; what a connector sees of it may be late or lost. Knows nothing of the bridge.
 */

import type { Attributes } from '../src/model/desired.ts';

export interface Manners {
  readonly type: string;
  readonly disableDropsMemberships: boolean;
  readonly levels: boolean;
  readonly membersPerCallMax: number;
  readonly deleteUsers: boolean;
  readonly deleteGroups: boolean;
  /** Accounts have a unique handle, which a rename breaks. */
  readonly handles: boolean;
}

export const SLACK_LIKE: Manners = {
  type: 'Slack',
  disableDropsMemberships: true,
  levels: false,
  membersPerCallMax: 3,
  deleteUsers: false,
  deleteGroups: true,
  handles: false,
};

export const GITLAB_LIKE: Manners = {
  type: 'GitLabSelfManaged',
  disableDropsMemberships: false,
  levels: true,
  membersPerCallMax: 1,
  deleteUsers: true,
  deleteGroups: false,
  handles: true,
};

/** The level that a grant of the bridge gives; people use others by hand. */
export const GRANTED_LEVEL = 30;

export interface Account {
  readonly id: string;
  state: 'enabled' | 'disabled' | 'locked';
  /** Lower case, unique. */
  identifier: string;
  attributes: Attributes;
  /** The vendor refuses to disable or delete it. */
  readonly owner: boolean;
}

export interface Group {
  readonly id: string;
  name: string;
  /** Account id → level. */
  readonly members: Map<string, number>;
}

interface State {
  readonly accounts: Map<string, Account>;
  readonly groups: Map<string, Group>;
}

interface Snapshot extends State {
  readonly until: number;
}

/** Snapshots kept for late reads. */
const SNAPSHOTS_MAX = 60;

export class Vendor {
  readonly manners: Manners;
  readonly state: State = { accounts: new Map(), groups: new Map() };
  /** Each only as old as `changed` was told. */
  readonly #past: Snapshot[] = [];
  #ids = 0;

  constructor(manners: Manners) {
    this.manners = manners;
  }

  newId(): string {
    this.#ids += 1;
    return `${this.manners.type}-${this.#ids}`;
  }

  accountWith(identifier: string, state: State = this.state): Account | null {
    const wanted = identifier.toLowerCase();
    return [...state.accounts.values()].find((account) => account.identifier === wanted) ?? null;
  }

  groupNamed(name: string, state: State = this.state): Group | null {
    const wanted = name.toLowerCase();
    return [...state.groups.values()].find((group) => group.name.toLowerCase() === wanted) ?? null;
  }

  /** Before each write, so that a late read can still see what was. */
  changing(now: number): void {
    this.#past.push({ ...structuredClone(this.state), until: now });
    if (this.#past.length > SNAPSHOTS_MAX) this.#past.shift();
  }

  /** As it was at that time. */
  stateAt(time: number): State {
    return this.#past.find((snapshot) => snapshot.until > time) ?? this.state;
  }

  createAccount(attributes: Attributes, owner = false): Account | null {
    const identifier = (attributes.primaryEmail ?? '').toLowerCase();
    if (identifier === '' || this.accountWith(identifier)) return null;
    const account: Account = { id: this.newId(), state: 'enabled', identifier, attributes, owner };
    this.state.accounts.set(account.id, account);
    return account;
  }

  handleTaken(handle: string, by: string | null): boolean {
    return [...this.state.accounts.values()].some((a) => a.attributes.handle === handle && a.id !== by);
  }

  disable(account: Account): void {
    account.state = 'disabled';
    if (this.manners.disableDropsMemberships) this.dropMemberships(account.id);
  }

  deleteAccount(id: string): void {
    this.state.accounts.delete(id);
    this.dropMemberships(id);
  }

  dropMemberships(accountId: string): void {
    for (const group of this.state.groups.values()) group.members.delete(accountId);
  }

  createGroup(name: string): Group | null {
    if (this.groupNamed(name)) return null;
    const group: Group = { id: this.newId(), name, members: new Map() };
    this.state.groups.set(group.id, group);
    return group;
  }
}
