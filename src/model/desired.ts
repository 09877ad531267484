/**
 * How a subject should be on a store, according to the directory, the store's mapping and its settings. It is
 * computed for each plan and never stored.
 */

import type { Kind } from './subject.ts';

/** Target attribute name → value. An empty string clears the attribute; an absent key is not managed. */
export type Attributes = Readonly<Record<string, string>>;

/** Where a person stands in the directory, as far as one store is concerned. */
export type Lifecycle =
  /** in the directory, in scope, `active: true` */
  | 'active'
  /** in the directory, in scope, `active: false` */
  | 'inactive'
  /** deleted in the IdP, or out of the store's scope */
  | 'gone';

/** A person's speaking user: what a store checks before it believes that they are who they say. */
export interface Speaker {
  readonly connectionId: string;
  readonly connectionName: string;
  readonly externalId: string | null;
  /** In lower case, as the connection maps it. */
  readonly address: string | null;
  /** Somebody else's address that this one can be mistaken for; null where there is none. */
  readonly looksLike: string | null;
  /** When the user was made, an ISO time. */
  readonly since: string;
  /** A user of another connection spoke for the person before. */
  readonly isOther: boolean;
  /**
   * The person gets no account while somebody else has the address: the user's connection matches nobody and is not
   * the primary one.
   */
  readonly yields: boolean;
  /** An admin is asked where the person has the identifier of somebody who left. */
  readonly asks: boolean;
  /** The user is of the primary connection. */
  readonly isOfPrimary: boolean;
}

export interface DesiredUser {
  readonly kind: 'user';
  /** The person's id. */
  readonly id: string;
  /** The name for readers of plans and events: the userName. */
  readonly display: string;
  readonly lifecycle: Lifecycle;
  /** The value of `UNIQUE_USER_IDENTIFIER`; null where the person has none. Never changes case. */
  readonly identifier: string | null;
  readonly attributes: Attributes;
  /** `inactive` until the account is disabled. Then another connection may bring the person back. */
  readonly returns?: boolean;
  /** Absent where the directory no longer has the person. */
  readonly speaker?: Speaker;
  /** `gone` for this store only: the directory has the person, and no rule includes them. */
  readonly outOfScope?: boolean;
  /**
   * The name of a deleted group, where the person is active and out of scope only because a rule names that group.
   */
  readonly departedFrom?: string;
  /** `gone`, and the account stays as it is: no link of the person counts. */
  readonly keepRemote?: boolean;
}

export interface DesiredGroup {
  readonly kind: 'group';
  /** The SCIM group's id. */
  readonly id: string;
  readonly display: string;
  readonly lifecycle: 'active' | 'gone';
  /** The name, or for GitLab the full path, that the remote group has or gets. */
  readonly name: string;
  /** The level that its members get there; null where the store has no levels. */
  readonly memberLevel: number | null;
  /** The entry of the group mapping that gave the name; absent where it is the SCIM group's own. */
  readonly mappedBy?: string;
  /** `gone` from its linked remote group, because the mapping now names another one. */
  readonly remapped?: boolean;
  /** `gone`, and what the group fed stays as it is: no link of it counts. */
  readonly keepRemote?: boolean;
}

interface DesiredByKind {
  readonly user: DesiredUser;
  readonly group: DesiredGroup;
}

export type Desired<K extends Kind = Kind> = { readonly kind: K } & DesiredByKind[K];
