/**
 * Accounts at a vendor that say more about people whom another connection has brought: types, and which account
 * speaks.
 */

import type { Attributes } from '../desired.ts';

/** What an account shows of its owner. */
export interface Claims {
  /** The name or address that the vendor shows to people. */
  readonly name: string;
  readonly email: string | null;
  /** The vendor says that nobody has confirmed the address, so the account's owner may have typed somebody else's. */
  readonly isUnconfirmed: boolean;
  /** The name by which the identity provider signs the person in there; null where the vendor does not say. */
  readonly subject: string | null;
  /** A guest or external user, of another company. */
  readonly isOutsider: boolean;
}

export type MatchedBy = 'link' | 'identity' | 'subject' | 'email' | 'alias';

export const DOUBTS = ['nobody', 'ambiguous', 'unconfirmed'] as const;

/** Why the account is nobody's, and who may be its owner. */
export interface Doubt {
  readonly why: (typeof DOUBTS)[number];
  /** The ids of persons. */
  readonly near: readonly string[];
}

export interface Identity {
  readonly vendorId: string;
  readonly state: 'active' | 'inactive';
  readonly name: string;
  readonly email: string | null;
  /** By the vendor's own attribute names. */
  readonly attributes: Attributes;
  /** Null: the account is nobody's. */
  readonly personId: string | null;
  readonly matchedBy: MatchedBy | null;
  /** Null where the account is somebody's. */
  readonly doubt: Doubt | null;
}

export interface Speaking {
  readonly vendorId: string;
  readonly state: Identity['state'];
  /** When the bridge first saw it; an ISO time. */
  readonly since: string;
}

/** Of one person's accounts at one vendor, the one whose attributes count: the active one, or else the latest. */
export function speakingAmong<I extends Speaking>(identities: readonly I[]): I | null {
  return identities.reduce<I | null>(
    (best, one) => (best === null || outranks(one, best) ? one : best),
    null,
  );
}

function outranks(one: Speaking, other: Speaking): boolean {
  if (one.state !== other.state) return one.state === 'active';
  if (one.since !== other.since) return one.since > other.since;
  return one.vendorId > other.vendorId;
}

/** A value of an account, as rules and mappings name it: `identities.slack.title`. */
export interface IdentityPath {
  readonly handle: string;
  readonly attribute: string;
}

const PATH = /^identities\.([a-z][a-z0-9_-]*)\.([a-z$][\w$.-]*)$/i;

/** Null for a name of any other form. */
export function identityPath(name: string): IdentityPath | null {
  const [, handle, attribute] = PATH.exec(name) ?? [];
  return handle === undefined || attribute === undefined ? null : { handle: handle.toLowerCase(), attribute };
}
