/**
 * Whose an account at a vendor is: the table "Whose account it is" of docs/design.md. A name alone never says it, and
 * where two people come into question nobody has it. Pure.
 */

import type { Claims, Doubt, MatchedBy } from '../../model/pull/identity.ts';

/** Persons, by id, as the directory has them. */
export interface Candidates {
  /** Whose account it is on a store of the same workspace. */
  readonly linked: string | null;
  /** Whose it was before, by the vendor's id, which no renaming changes. */
  readonly known: string | null;
  /** Active people whom the identity provider knows by the account's subject. */
  readonly bySubject: readonly string[];
  /** Active people with this primary address. */
  readonly byEmail: readonly string[];
  /** Active people who have it as another address. */
  readonly byAlias: readonly string[];
  /** People of the same name, or who have the address and are not active: to be shown, and never to be believed. */
  readonly near: readonly string[];
}

export type Match =
  | { readonly is: 'matched'; readonly personId: string; readonly by: MatchedBy }
  | { readonly is: 'unmatched'; readonly doubt: Doubt }
  /** Of another company: neither anybody's nor listed. */
  | { readonly is: 'leftOut' };

export function matchOf(claims: Claims, candidates: Candidates): Match {
  const { linked, known, near } = candidates;
  if (linked !== null) return { is: 'matched', personId: linked, by: 'link' };
  if (claims.isOutsider) return { is: 'leftOut' };
  if (known !== null) return { is: 'matched', personId: known, by: 'identity' };
  const byAddress = [candidates.byEmail, candidates.byAlias];
  const steps: readonly (readonly [MatchedBy, readonly string[]])[] = [
    ['subject', candidates.bySubject],
    ...(claims.isUnconfirmed
      ? []
      : [['email', candidates.byEmail] as const, ['alias', candidates.byAlias] as const]),
  ];
  for (const [by, people] of steps) {
    const [only, ...others] = new Set(people);
    if (only === undefined) continue;
    if (others.length > 0) return unmatched('ambiguous', [only, ...others, ...near]);
    return { is: 'matched', personId: only, by };
  }
  const claimed = claims.isUnconfirmed ? byAddress.flat() : [];
  return unmatched(claimed.length > 0 ? 'unconfirmed' : 'nobody', [...claimed, ...near]);
}

/** As many come near as a person can look at. */
const NEAR_MAX = 5;

function unmatched(why: Doubt['why'], near: readonly string[]): Match {
  return { is: 'unmatched', doubt: { why, near: [...new Set(near)].slice(0, NEAR_MAX) } };
}
