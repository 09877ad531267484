/** Loads the persons to whom the accounts of one page may belong, and decides whose each account is. */

import type { Db } from '../../db/open.ts';
import {
  linkedPersons,
  livePersons,
  type PersonsBy,
  personsByAnyEmail,
  personsByEmail,
  personsBySubject,
  personsByWord,
} from '../../db/pull/accounts.ts';
import { type IdentityRecord, identitiesAmong } from '../../db/pull/identities.ts';
import type { Claims, Identity, MatchedBy } from '../../model/pull/identity.ts';
import { type Match, matchOf } from '../../plan/pull/identities.ts';
import type { SourceUser } from '../../sources/source.ts';

export interface Whereabouts {
  readonly environmentId: string;
  readonly connectionId: string;
  /** The stores of the same workspace or instance. */
  readonly storeIds: readonly string[];
  /** Persons by the other addresses that the primary directory lists for them. */
  readonly byAlias: PersonsBy;
}

/**
 * Matches these accounts. The answer holds those that belong to somebody and those that are listed as nobody's; it
 * leaves out all others.
 */
export async function identitiesOf(
  db: Db,
  where: Whereabouts,
  accounts: readonly SourceUser[],
): Promise<readonly Identity[]> {
  const known = await identitiesAmong(
    db,
    where.connectionId,
    accounts.map(({ id }) => id),
  );
  const matches = await matchesOf(db, where, accounts, known);
  return accounts.flatMap((account): Identity[] => {
    const match = matches.get(account.id);
    const { claims } = account;
    if (!match || !claims || match.is === 'leftOut') return [];
    return [
      {
        vendorId: account.id,
        state: account.state === 'active' ? 'active' : 'inactive',
        ...{ name: claims.name, email: claims.email },
        attributes: textsOf(account),
        personId: match.is === 'matched' ? match.personId : null,
        matchedBy: match.is === 'matched' ? firstBy(match.by, known.get(account.id)) : null,
        doubt: match.is === 'unmatched' ? match.doubt : null,
      },
    ];
  });
}

/** Keeps the reason of the first match: "it was theirs before" is not a reason of its own. */
function firstBy(by: MatchedBy, before: IdentityRecord | undefined): MatchedBy {
  return by === 'identity' ? (before?.matchedBy ?? by) : by;
}

function textsOf({ attributes }: SourceUser): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : value.join(', '),
    ]),
  );
}

async function matchesOf(
  db: Db,
  { environmentId, storeIds, byAlias }: Whereabouts,
  accounts: readonly SourceUser[],
  known: ReadonlyMap<string, IdentityRecord>,
): Promise<ReadonlyMap<string, Match>> {
  const claimed = accounts.flatMap(({ id, claims }) => (claims ? [{ id, claims }] : []));
  const ids = claimed.map(({ id }) => id);
  const texts = (of: (claims: Claims) => string | null) => claimed.flatMap(({ claims }) => of(claims) ?? []);
  const emails = texts(({ email }) => email);
  const linked = await linkedPersons(db, storeIds, ids);
  const before = [...known.values()].flatMap(({ personId }) => personId ?? []);
  const live = await livePersons(db, before);
  const bySubject = await personsBySubject(
    db,
    environmentId,
    texts(({ subject }) => subject),
  );
  const byEmail = await personsByEmail(db, environmentId, emails);
  const byAnyEmail = await personsByAnyEmail(db, environmentId, emails);
  const byWord = await personsByWord(db, environmentId, [...emails, ...texts(({ name }) => name)]);
  const found = (by: PersonsBy, text: string | null) => (text === null ? [] : (by.get(lower(text)) ?? []));
  const matches = new Map<string, Match>();
  for (const { id, claims } of claimed) {
    const link = linked.get(id);
    if (link?.isPurged) continue;
    const formerId = known.get(id)?.personId ?? null;
    const match = matchOf(claims, {
      linked: link?.personId ?? null,
      known: formerId !== null && live.has(formerId) ? formerId : null,
      bySubject: found(bySubject, claims.subject),
      byEmail: found(byEmail, claims.email),
      byAlias: [...found(byAnyEmail, claims.email), ...found(byAlias, claims.email)],
      near: [...found(byWord, claims.email), ...found(byWord, claims.name)],
    });
    matches.set(id, match);
  }
  return matches;
}

function lower(text: string): string {
  return text.toLowerCase();
}
