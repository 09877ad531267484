/** Accounts, groups and members of a store, as its API answered. */

import type { Attributes } from './desired.ts';
import type { Kind } from './subject.ts';

export type AccountState =
  | 'enabled'
  | 'disabled'
  /** banned, blocked by the vendor's own directory, or not approved yet: the bridge can neither enable nor disable it */
  | 'locked'
  | 'invited';

export interface RemoteUser {
  readonly kind: 'user';
  readonly remoteId: string;
  /** The name or address that the vendor shows to people. */
  readonly display: string;
  readonly state: AccountState;
  /**
   * The account is `locked` until an administrator there lets the person in, which may happen at any time; or it is
   * in a state that the connector does not know, which may not keep anybody out.
   */
  readonly awaitsApproval?: boolean;
  /** The account can do more there than people usually can. Absent where it cannot, or the vendor does not say. */
  readonly privileged?: true;
  /** Nobody has confirmed the address, says the vendor, so the account's owner may have typed somebody else's. */
  readonly unconfirmed?: true;
  /**
   * The account belongs to a token, a service or the vendor itself: it is no person's, and the bridge may not touch
   * it.
   */
  readonly machine?: true;
  /** A guest or external user, of another company. */
  readonly outsider?: true;
  /** The value that `UNIQUE_USER_IDENTIFIER` compares; null where the vendor shows none. */
  readonly identifier: string | null;
  /** By the target names of the store's mapping. An absent key was not shown by the vendor. */
  readonly attributes: Attributes;
  /** What else the vendor says of the account, by its own names: no mapping writes it, and rules may go by it. */
  readonly told?: Attributes;
}

export interface RemoteGroup {
  readonly kind: 'group';
  readonly remoteId: string;
  readonly display: string;
  /** The name that a SCIM group is matched by: the name, or for GitLab the full path. */
  readonly name: string;
  /** What people see and a rename changes, where that differs from the name. */
  readonly title?: string;
}

/** The name that people see and that a rename changes. */
export function titleOf({ title, name }: RemoteGroup): string {
  return title ?? name;
}

interface RemoteByKind {
  readonly user: RemoteUser;
  readonly group: RemoteGroup;
}

export type Remote<K extends Kind = Kind> = RemoteByKind[K];

/** One direct membership of a remote group. */
export interface RemoteMember {
  readonly remoteId: string;
  readonly display: string;
  /** GitLab's numeric access level; null where the store has no levels. */
  readonly level: number | null;
}

/** Where a list that is read page by page stands between two pages. */
export interface ListProgress {
  readonly rows: number;
  /** How many pages in a row showed nothing new. */
  readonly barren: number;
  /** The cursors that were followed since a page last showed something new. */
  readonly cursors: readonly string[];
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Accounts of machines, which are nobody's and count for nothing, but may have somebody's address. */
  readonly machines?: readonly T[];
  /** How many rows were read beside the list, to learn more about its items: progress without new items. */
  readonly aside?: number;
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export function shownInstead(shown: string): string {
  return shown === '' ? 'it is empty there' : `it is "${shown}" there`;
}

/**
 * Whether the values are the same: vendors have their own form of case, blanks, telephone numbers and escaped
 * characters.
 */
export function isSame(sent: string, shown: string): boolean {
  return normal(sent) === normal(shown);
}

const ESCAPED: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
const TELEPHONE = /^[+(]?\d[\d\s()./-]{4,}$/;

function normal(text: string): string {
  const plain = text
    .replace(/&(amp|lt|gt);/g, (escaped) => ESCAPED[escaped] ?? escaped)
    .normalize('NFKC')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
  return TELEPHONE.test(plain) ? plain.replace(/\D/g, '') : plain;
}
