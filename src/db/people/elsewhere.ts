/**
 * Which people of other connections a newcomer may be. A preview lists, and an arrival does, what this answers. Reads
 * only.
 */

import { chunks } from '../chunks.ts';
import { lower } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { Db } from '../open.ts';

export interface Newcomer {
  readonly externalId: string | null;
  /** The primary address, as the connection maps it. */
  readonly email: string | null;
}

export interface MatchingConnection {
  readonly id: string;
  readonly environmentId: string;
  readonly strategy: Strategy;
  readonly userIdAttribute: string;
}

export interface Candidates {
  readonly persons: readonly string[];
  /** They were found by the address, not by an id. */
  readonly byAddress: boolean;
  /** The ids at the same source by which another connection knows them, where it does. */
  readonly otherIds: readonly string[];
}

/**
 * For each newcomer, in the same order: active people who have no user in the connection. Those whom another
 * connection knows by the same id of the source come before those with the address, and the oldest come first.
 */
export async function personsElsewhere(
  db: Db,
  own: MatchingConnection,
  newcomers: readonly Newcomer[],
): Promise<readonly Candidates[]> {
  const found: Candidates[] = [];
  for (const some of chunks(newcomers)) {
    const ids = some.flatMap(({ externalId }) => sourceIdOf(own, externalId) ?? []);
    const emails = some.flatMap(({ email }) => (email === null ? [] : [lower(email)]));
    const byId = ids.length === 0 ? [] : await elsewhere(db, own).whereIn('u.external_id', ids);
    const byEmail =
      emails.length === 0 ? [] : await elsewhere(db, own).whereIn('u.primary_email_lower', emails);
    for (const { externalId, email } of some) {
      const id = sourceIdOf(own, externalId);
      const same = byId.filter((row) => row.external_id === id && isSameSource(own, row));
      const address = email === null ? null : lower(email);
      const matched = same.length > 0 ? same : byEmail.filter((row) => row.primary_email_lower === address);
      const others = same.length > 0 ? [] : matched.filter((row) => isSameSource(own, row));
      found.push({
        byAddress: same.length === 0,
        persons: [...new Set(matched.map((row) => row.person_id as string))],
        otherIds: others.flatMap((row) => sourceIdOf(own, row.external_id) ?? []),
      });
    }
  }
  return found;
}

function elsewhere(db: Db, { id, environmentId }: MatchingConnection) {
  const here = db('users as here')
    .where({ 'here.connection_id': id })
    .where('here.person_id', db.ref('u.person_id'))
    .whereNull('here.deleted_at')
    .select(db.raw('1'));
  return db('users as u')
    .join('connections as c', 'c.id', 'u.connection_id')
    .where({ 'u.environment_id': environmentId, 'u.active': true })
    .whereNot({ 'u.connection_id': id })
    .whereNull('u.deleted_at')
    .whereNotExists(here)
    .orderBy(['u.created_at', 'u.id'])
    .select('u.person_id', 'u.external_id', 'u.primary_email_lower', 'c.strategy', 'c.user_id_attribute');
}

/** The id that the source itself gave; null where the externalId is another one. */
function sourceIdOf(
  { strategy, userIdAttribute }: MatchingConnection,
  externalId: string | null,
): string | null {
  const isSourcesOwn = userIdAttribute === 'externalId' && externalId !== null;
  return isSourcesOwn && SOURCE_IDS[strategy].test(externalId) ? externalId : null;
}

function isSameSource(
  { strategy, userIdAttribute }: MatchingConnection,
  other: { readonly strategy: Strategy; readonly user_id_attribute: string },
): boolean {
  const family = SAME_SOURCE.find((strategies) => strategies.includes(strategy)) ?? [strategy];
  return family.includes(other.strategy) && other.user_id_attribute === userIdAttribute;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The form of ids that the source itself gives. Entra ID may send a nickname, which every tenant has its own of. */
const SOURCE_IDS: Readonly<Record<Strategy, RegExp>> = {
  okta: /^00u/,
  entra: UUID,
  auth0: /\|/,
  scim: /(?!)/,
  oktaApi: /^00u/,
  google: /^\d{15,25}$/,
  ldap: UUID,
  demo: /(?!)/,
  gitlabSelf: /(?!)/,
  gitlabSaas: /(?!)/,
  slack: /(?!)/,
};

/** Strategies with the same source, pushed or pulled: the same id means the same account. */
const SAME_SOURCE: readonly (readonly Strategy[])[] = [['okta', 'oktaApi']];
