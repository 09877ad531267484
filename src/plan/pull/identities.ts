/**
 * To whom an account at a vendor belongs: the table "Whose account it is" of docs/design.md. A name alone never
 * decides, and between two candidates nobody gets it. Pure.
 */

import type { Claims, Doubt, MatchedBy } from '../../model/pull/identity.ts';

/** The ids of persons who may have the account. */
export interface Candidates {
  /** The person to whom a store of the same workspace has linked the account. */
  readonly linked: string | null;
  /** The person who had it before, by the vendor's id, which no renaming changes. */
  readonly known: string | null;
  /** Active people whom the identity provider knows by the account's subject. */
  readonly bySubject: readonly string[];
  /** Active people with this primary address. */
  readonly byEmail: readonly string[];
  /** Active people who have the address as a further one. */
  readonly byAlias: readonly string[];
  /** People with the same name, and inactive people with the address: shown to admins, but never matched. */
  readonly near: readonly string[];
}

export type Match =
  | { readonly is: 'matched'; readonly personId: string; readonly by: MatchedBy }
  | { readonly is: 'unmatched'; readonly doubt: Doubt }
  /** The account is of another company: nobody gets it, and it is not listed. */
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

/** At most as many near candidates as a person can look at. */
const NEAR_MAX = 5;

function unmatched(why: Doubt['why'], near: readonly string[]): Match {
  return { is: 'unmatched', doubt: { why, near: [...new Set(near)].slice(0, NEAR_MAX) } };
}
