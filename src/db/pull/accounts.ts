/** Who may own an account at a vendor, and what stores have seen of its workspace. Reads only. */

import type { RemoteUser } from '../../model/remote.ts';
import { chunks } from '../chunks.ts';
import { fromJson, lower } from '../columns.ts';
import { PURGED } from '../identity/users.ts';
import type { Db } from '../open.ts';
import { toLink } from '../seen/links.ts';
import { type StoreRecord, toStore } from '../stores/stores.ts';
import { recordsPage } from './records.ts';

/** The stores of one workspace or instance, oldest first, whatever their status. */
export async function storesOfTenant(
  db: Db,
  { environmentId, type, tenantId }: Pick<StoreRecord, 'environmentId' | 'type' | 'tenantId'>,
): Promise<readonly StoreRecord[]> {
  if (tenantId === null) return [];
  const rows = await db('stores')
    .where({ environment_id: environmentId, type, tenant_id: tenantId })
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id']);
  return rows.map(toStore);
}

/** A store's accounts as it last saw them, in the order of their ids, after `after`. */
export async function accountsSeen(
  db: Db,
  { id }: Pick<StoreRecord, 'id'>,
  after: string,
  limit: number,
): Promise<readonly RemoteUser[]> {
  const rows = await db('observations')
    .where({ store_id: id, kind: 'user' })
    .where('remote_id', '>', after)
    .orderBy('remote_id')
    .limit(limit)
    .select('remote');
  return rows.map((row: { remote: unknown }) => fromJson<RemoteUser>(row.remote));
}

/**
 * Linked accounts that the store's last complete scan could not see, because the bridge made or found them after it.
 */
export async function accountsLinkedSince(
  db: Db,
  { id, scannedAt }: Pick<StoreRecord, 'id' | 'scannedAt'>,
  after: string,
  limit: number,
): Promise<readonly RemoteUser[]> {
  const seen = db('observations')
    .where({ store_id: id, kind: 'user' })
    .where('observations.remote_id', db.ref('links.remote_id'));
  const rows = await db('links')
    .where({ store_id: id, kind: 'user' })
    .whereNot({ state: 'removed' })
    .where('updated_at', '>=', scannedAt ?? '')
    .where('remote_id', '>', after)
    .whereNotExists(seen.select(db.raw('1')))
    .orderBy('remote_id')
    .limit(limit);
  return rows.map(toLink).map(({ remoteId, remoteName, state, observed }) => ({
    ...{ kind: 'user', remoteId, display: remoteName, identifier: null, attributes: observed },
    state: state === 'enabled' ? 'enabled' : 'disabled',
  }));
}

export interface Linked {
  readonly personId: string;
  /** The person was purged. */
  readonly isPurged: boolean;
}

/** The person whom one of the stores has linked with each account, by the account's id. */
export async function linkedPersons(
  db: Db,
  storeIds: readonly string[],
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, Linked>> {
  const found = new Map<string, Linked>();
  if (storeIds.length === 0) return found;
  for (const some of chunks(remoteIds)) {
    const rows = await db('links')
      .where({ kind: 'user' })
      .whereIn('store_id', storeIds)
      .whereIn('remote_id', some)
      .whereNot({ state: 'removed' })
      .select('remote_id', 'subject_id', 'remote_name');
    for (const row of rows)
      found.set(row.remote_id, { personId: row.subject_id, isPurged: row.remote_name === PURGED });
  }
  return found;
}

/** Which of these persons a connection still has. */
export async function livePersons(db: Db, personIds: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(personIds)) {
    const rows = await db('users').whereIn('person_id', some).whereNull('deleted_at').distinct('person_id');
    for (const row of rows) found.add(row.person_id);
  }
  return found;
}

/** Persons by a value, which is in lower case. */
export type PersonsBy = ReadonlyMap<string, readonly string[]>;

/** Active people whose externalId (with its case) or userName is one of these. */
export function personsBySubject(
  db: Db,
  environmentId: string,
  subjects: readonly string[],
): Promise<PersonsBy> {
  return grouped(subjects, async (some, add) => {
    const ids = new Set(some);
    const connections = db('connections').where({ environment_id: environmentId }).select('id');
    const rows = await activeUsers(db, environmentId)
      .whereIn('u.connection_id', connections)
      .where((any) => {
        any.whereIn('u.external_id', some).orWhereIn('u.user_name_lower', some.map(lower));
      })
      .select('u.person_id', 'u.external_id', 'u.user_name_lower');
    for (const row of rows) {
      if (ids.has(row.external_id)) add(row.external_id, row.person_id);
      add(row.user_name_lower, row.person_id);
    }
  });
}

/** Active people with one of these primary addresses. */
export function personsByEmail(db: Db, environmentId: string, emails: readonly string[]): Promise<PersonsBy> {
  return grouped(emails, async (some, add) => {
    const rows = await activeUsers(db, environmentId)
      .whereIn('u.primary_email_lower', some.map(lower))
      .select('u.person_id', 'u.primary_email_lower');
    for (const row of rows) add(row.primary_email_lower, row.person_id);
  });
}

/** Active people with one of these addresses, primary or not. */
export function personsByAnyEmail(
  db: Db,
  environmentId: string,
  emails: readonly string[],
): Promise<PersonsBy> {
  return grouped(emails, async (some, add) => {
    const rows = await activeUsers(db, environmentId)
      .join('user_emails as e', 'e.user_id', 'u.id')
      .whereIn('e.value_lower', some.map(lower))
      .select('u.person_id', 'e.value_lower');
    for (const row of rows) add(row.value_lower, row.person_id);
  });
}

/** People, active or not, with one of these names or addresses. */
export function personsByWord(db: Db, environmentId: string, words: readonly string[]): Promise<PersonsBy> {
  return grouped(words, async (some, add) => {
    const rows = await db('person_words')
      .where({ environment_id: environmentId })
      .whereIn('word', some.map(lower))
      // A first name alone makes nobody a candidate: many people of a company may have it.
      .where((kind) => {
        kind.whereIn('kind', ['email', 'userName']).orWhereLike('word', '% %');
      })
      .select('word', 'person_id');
    for (const row of rows) add(row.word, row.person_id);
  });
}

function activeUsers(db: Db, environmentId: string) {
  return db('users as u')
    .where({ 'u.environment_id': environmentId, 'u.active': true })
    .whereNull('u.deleted_at');
}

async function grouped(
  values: readonly string[],
  read: (some: readonly string[], add: (value: string, personId: string) => void) => Promise<void>,
): Promise<PersonsBy> {
  const found = new Map<string, Set<string>>();
  const add = (value: string, personId: string) => {
    const key = lower(value);
    found.set(key, (found.get(key) ?? new Set()).add(personId));
  };
  for (const some of chunks([...new Set(values)])) await read(some, add);
  return new Map([...found].map(([value, persons]) => [value, [...persons]]));
}

/** Active people by the further addresses that a pulled primary connection lists. */
export async function personsByAlias(db: Db, environmentId: string): Promise<PersonsBy> {
  const primary = await db('connections')
    .where({ environment_id: environmentId, is_primary: true })
    .whereNull('deleted_at')
    .first('id');
  const found = new Map<string, Set<string>>();
  for (let after = ''; primary; ) {
    const page = await recordsPage<{ readonly aliases?: readonly string[] }>(db, primary.id, after, 500);
    const last = page.at(-1);
    if (!last) break;
    after = last.sourceId;
    const listing = page.filter(({ record }) => (record.aliases ?? []).length > 0);
    const rows = await activeUsers(db, environmentId)
      .where({ 'u.connection_id': primary.id })
      .whereIn(
        'u.external_id',
        listing.map(({ sourceId }) => sourceId),
      )
      .select('u.external_id', 'u.person_id');
    const persons = new Map(rows.map((row: Record<string, string>) => [row.external_id, row.person_id]));
    for (const { sourceId, record } of listing) {
      const personId = persons.get(sourceId);
      for (const alias of personId === undefined ? [] : (record.aliases ?? []))
        found.set(lower(alias), (found.get(lower(alias)) ?? new Set()).add(personId as string));
    }
  }
  return new Map([...found].map(([alias, ids]) => [alias, [...ids]]));
}
