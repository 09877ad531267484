/** How things are on a store, as its API answered. */

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
  /** For people: a name or address as the vendor shows it. */
  readonly display: string;
  readonly state: AccountState;
  /** `locked` until an administrator there approves it, who may do so at any time. */
  readonly awaitsApproval?: boolean;
  /** It can do more there than people usually can. Absent where it cannot, or the vendor does not say. */
  readonly privileged?: true;
  /** The vendor says that nobody has confirmed its address: whoever made it may have typed somebody else's. */
  readonly unconfirmed?: true;
  /** Behind a token, a service or the vendor's own doings: no person is one, and nobody may touch it. */
  readonly machine?: true;
  /** A guest, or external: of another company. */
  readonly outsider?: true;
  /** The value that `UNIQUE_USER_IDENTIFIER` compares; null where the vendor shows none. */
  readonly identifier: string | null;
  /** In the target names of the store's mapping. An absent key was not shown by the vendor. */
  readonly attributes: Attributes;
}

export interface RemoteGroup {
  readonly kind: 'group';
  readonly remoteId: string;
  readonly display: string;
  /** What a SCIM group's name is matched with: the name, or for GitLab the full path. */
  readonly name: string;
  /** What people see and a rename changes, where that is not the name. */
  readonly title?: string;
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
  /** Pages in a row that showed nothing new. */
  readonly barren: number;
  /** The cursors that were followed since something new was seen. */
  readonly cursors: readonly string[];
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Rows that were read beside the list, to know more of its items: headway without any of them. */
  readonly aside?: number;
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export function shownInstead(shown: string): string {
  return shown === '' ? 'it is empty there' : `it is "${shown}" there`;
}

/** Vendors write text in a form of their own: case, blanks, marks of a telephone number, escaped characters. */
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
