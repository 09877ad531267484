/**
 * How a subject should be on a store, as the directory, the store's mapping and its settings say.
 * Built fresh for each plan and never stored.
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

/** Of the user that speaks for a person: what a store goes by before it believes that they are who they say. */
export interface Speaker {
  readonly connectionId: string;
  readonly connectionName: string;
  readonly externalId: string | null;
  /** In lower case, as the connection maps it. */
  readonly address: string | null;
  /** Somebody else's address, which this one can be taken for; null where there is none. */
  readonly looksLike: string | null;
  /** When the user was made, an ISO time. */
  readonly since: string;
  /** Another connection's user spoke for the person before. */
  readonly isOther: boolean;
  /** Gets no account while somebody else has the address: a connection that matches nobody, and is not the primary one. */
  readonly yields: boolean;
  /** Whoever has the identifier of somebody who left is asked about. */
  readonly asks: boolean;
  /** Of the primary connection. */
  readonly isOfPrimary: boolean;
}

export interface DesiredUser {
  readonly kind: 'user';
  /** The person's id. */
  readonly id: string;
  /** For people who read plans and events: the userName. */
  readonly display: string;
  readonly lifecycle: Lifecycle;
  /** The value of `UNIQUE_USER_IDENTIFIER`; null where the person has none. Never changes case. */
  readonly identifier: string | null;
  readonly attributes: Attributes;
  /** `inactive` until the account is disabled: what another connection brings back comes after that. */
  readonly returns?: boolean;
  /** Absent where the directory has nobody any more. */
  readonly speaker?: Speaker;
  /** `gone` for this store only: the directory has the person, and no rule includes them. */
  readonly outOfScope?: boolean;
  /** Out of scope, though active, because a group that a rule names went from under them: its name. */
  readonly departedFrom?: string;
  /** `gone`, and the account is to stay as it is: no link of theirs counts. */
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
  /** What its members get there, where memberships have levels. */
  readonly memberLevel: number | null;
  /** The entry of the group mapping that gave the name; absent where it is the SCIM group's own. */
  readonly mappedBy?: string;
  /** `gone` from the remote group it is linked to, since the mapping now names another one. */
  readonly remapped?: boolean;
  /** `gone`, and what it fed is to stay as it is: no link of its counts. */
  readonly keepRemote?: boolean;
}

interface DesiredByKind {
  readonly user: DesiredUser;
  readonly group: DesiredGroup;
}

export type Desired<K extends Kind = Kind> = { readonly kind: K } & DesiredByKind[K];
