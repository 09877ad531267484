/** Accounts at a vendor that say more about people whom another connection has brought. Types, and who of them speaks. */

import type { Attributes } from '../desired.ts';

/** What tells whose account it is. */
export interface Claims {
  /** For people: a name or address as the vendor shows it. */
  readonly name: string;
  readonly email: string | null;
  /** The vendor says that nobody has confirmed the address: whoever made the account may have typed somebody else's. */
  readonly isUnconfirmed: boolean;
  /** Under which name the identity provider signs the person in there; null where the vendor does not say. */
  readonly subject: string | null;
  /** A guest, or external: of another company. */
  readonly isOutsider: boolean;
}

export type MatchedBy = 'link' | 'identity' | 'subject' | 'email' | 'alias';

export const DOUBTS = ['nobody', 'ambiguous', 'unconfirmed'] as const;

/** Why an account is nobody's, and who comes near. */
export interface Doubt {
  readonly why: (typeof DOUBTS)[number];
  /** Persons, by id. */
  readonly near: readonly string[];
}

export interface Identity {
  readonly vendorId: string;
  readonly state: 'active' | 'inactive';
  readonly name: string;
  readonly email: string | null;
  /** By the vendor's own names. */
  readonly attributes: Attributes;
  /** Null: nobody's. */
  readonly personId: string | null;
  readonly matchedBy: MatchedBy | null;
  /** Null where it is somebody's. */
  readonly doubt: Doubt | null;
}

export interface Speaking {
  readonly vendorId: string;
  readonly state: Identity['state'];
  /** When it was first seen; an ISO time. */
  readonly since: string;
}

/** Of the accounts that one person has at one vendor, the one whose attributes count: the active one, else the latest. */
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

/** A value of an account as rules and mappings name it: `identities.slack.title`. */
export interface IdentityPath {
  readonly handle: string;
  readonly attribute: string;
}

const PATH = /^identities\.([a-z][a-z0-9_-]*)\.([a-z$][\w$.-]*)$/i;

/** Null for a name of another kind. */
export function identityPath(name: string): IdentityPath | null {
  const [, handle, attribute] = PATH.exec(name) ?? [];
  return handle === undefined || attribute === undefined ? null : { handle: handle.toLowerCase(), attribute };
}
