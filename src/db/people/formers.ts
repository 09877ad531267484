/**
 * People who have left, or over whose record an identity provider wrote somebody else, and who still have accounts.
 * Finds who of them had the identifiers of a newcomer. Of purged people, only keyed hashes are left.
 */

import type { Resource } from '../../model/resource.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, lower } from '../columns.ts';
import type { Db } from '../open.ts';

/** Hashes with a key that only this database has. */
export type Hash = (text: string) => string;

export type FormerKind = 'externalId' | 'userName' | 'email';

export interface Known {
  readonly environmentId: string;
  readonly connectionId: string;
  readonly resource: Resource;
  readonly primaryEmail: string | null;
  readonly hash: Hash;
}

export interface Former {
  readonly personId: string;
  readonly attribute: Exclude<FormerKind, 'externalId'>;
}

/**
 * Of those who had the userName or the address, another externalId, and accounts that still exist: the person who
 * left last. Null where there is nobody, or the newcomer has no externalId.
 */
export async function formerWithIdentifier(
  db: Db,
  newcomer: Known,
  newcomerId: string,
  onlyOfConnection: boolean,
): Promise<Former | null> {
  const { externalId } = newcomer.resource;
  if (typeof externalId !== 'string' || externalId === '') return null;
  const sought = { ...newcomer, ...namesOf(newcomer), externalId, newcomerId, onlyOfConnection };
  return (await tombstoneWith(db, sought)) ?? (await purgedWith(db, sought));
}

interface Sought extends Known, Names {
  readonly externalId: string;
  readonly newcomerId: string;
  readonly onlyOfConnection: boolean;
}

interface Names {
  readonly userName: string;
  readonly email: string | null;
}

function namesOf({ resource, primaryEmail }: Known): Names {
  return {
    userName: lower(resource.userName as string),
    email: primaryEmail === null ? null : lower(primaryEmail),
  };
}

async function tombstoneWith(db: Db, sought: Sought): Promise<Former | null> {
  const { environmentId, externalId, userName, email, newcomerId } = sought;
  const row = await db('users')
    .where('users.environment_id', environmentId)
    .where(sought.onlyOfConnection ? { 'users.connection_id': sought.connectionId } : {})
    .whereNotNull('users.deleted_at')
    .where((same) => {
      same.where('users.user_name_lower', userName);
      if (email !== null) same.orWhere('users.primary_email_lower', email);
    })
    .whereNotNull('users.external_id')
    .whereNotIn('users.external_id', ['', externalId])
    .whereNot('users.person_id', newcomerId)
    .whereNotExists(liveUserOf(db, 'users.person_id'))
    .whereExists(accountOf(db, 'users.person_id'))
    .orderBy([{ column: 'users.deleted_at', order: 'desc' }, 'users.id'])
    .first('users.person_id', 'users.user_name_lower');
  if (!row) return null;
  return { personId: row.person_id, attribute: row.user_name_lower === userName ? 'userName' : 'email' };
}

async function purgedWith(db: Db, sought: Sought): Promise<Former | null> {
  const { environmentId, externalId, userName, email, newcomerId, hash } = sought;
  const hashes = [hash(userName), ...(email === null ? [] : [hash(email)])];
  const row = await db('former_identifiers as had')
    .where('had.environment_id', environmentId)
    .where(sought.onlyOfConnection ? { 'had.connection_id': sought.connectionId } : {})
    .whereIn('had.hash', hashes)
    .whereNot('had.kind', 'externalId')
    .whereNot('had.person_id', newcomerId)
    .whereExists(
      db('former_identifiers as id')
        .where('id.person_id', db.ref('had.person_id'))
        .where('id.kind', 'externalId')
        .select(db.raw('1')),
    )
    .whereNotExists(
      db('former_identifiers as id')
        .where('id.person_id', db.ref('had.person_id'))
        .where({ 'id.kind': 'externalId', 'id.hash': hash(externalId) })
        .select(db.raw('1')),
    )
    .whereNotExists(liveUserOf(db, 'had.person_id'))
    .whereExists(accountOf(db, 'had.person_id'))
    .first('had.person_id', 'had.kind');
  return row ? { personId: row.person_id, attribute: row.kind } : null;
}

function liveUserOf(db: Db, column: string) {
  return db('users as live')
    .where('live.person_id', db.ref(column))
    .whereNull('live.deleted_at')
    .whereNull('live.purged_at')
    .select(db.raw('1'));
}

function accountOf(db: Db, column: string) {
  return db('links')
    .where({ 'links.kind': 'user' })
    .where('links.subject_id', db.ref(column))
    .whereNot('links.state', 'removed')
    .select(db.raw('1'));
}

/** Purged people of this connection who had the same externalId. */
export async function formersByExternalId(db: Db, arrival: Known): Promise<readonly string[]> {
  const { externalId } = arrival.resource;
  if (typeof externalId !== 'string' || externalId === '') return [];
  const rows = await db('former_identifiers')
    .where({ environment_id: arrival.environmentId, connection_id: arrival.connectionId })
    .where({ kind: 'externalId', hash: arrival.hash(externalId) })
    .select('person_id');
  return rows.map((row: { person_id: string }) => row.person_id);
}

/**
 * About which former people the connection asks an admin when a newcomer has their identifiers. A connection that
 * matches nobody is not trusted with other connections' people.
 */
export async function asksAbout(db: Db, connectionId: string): Promise<'nobody' | 'own' | 'anybody'> {
  const row = await db('connections')
    .where({ id: connectionId })
    .first('reused_identifiers', 'match_people', 'is_primary');
  if (row?.reused_identifiers !== 'Hold') return 'nobody';
  return fromBoolean(row.match_people) || fromBoolean(row.is_primary) ? 'anybody' : 'own';
}

/** Whether a purged person had an externalId, and another one than this. */
export async function hadOtherExternalId(
  db: Db,
  personId: string,
  externalId: string,
  hash: Hash,
): Promise<boolean> {
  const rows: { hash: string }[] = await db('former_identifiers')
    .where({ person_id: personId, kind: 'externalId' })
    .select('hash');
  return rows.length > 0 && rows.every((row) => row.hash !== hash(externalId));
}

/** Whether the person still has an account, on any store. */
export async function hasAccounts(db: Db, personId: string): Promise<boolean> {
  const link = db('links').where({ kind: 'user', subject_id: personId }).whereNot({ state: 'removed' });
  return (await link.first('id')) !== undefined;
}

/**
 * Keeps the hashes of a purged user whose person has accounts, and of one who came from a directory that is pulled, which
 * goes on to show them, that of the externalId. `leftExternalId`: for an inactive user.
 */
export async function rememberFormer(
  db: Db,
  user: Known & { readonly personId: string; readonly leftExternalId: string | null },
): Promise<void> {
  const { environmentId, connectionId, personId, leftExternalId, hash } = user;
  const isHolder = await hasAccounts(db, personId);
  const isPulled = await db('pulled_connections')
    .where({ connection_id: connectionId })
    .first('connection_id');
  if (!isHolder && !isPulled) return;
  const { userName, email } = namesOf(user);
  const names = [['userName', userName] as const, ['email', email] as const];
  const had: readonly (readonly [FormerKind, unknown])[] = [
    ...(isHolder ? names : []),
    ['externalId', user.resource.externalId],
    ['externalId', leftExternalId],
  ];
  const rows = had.flatMap(([kind, text]) => {
    if (typeof text !== 'string' || text === '') return [];
    const whose = { person_id: personId, connection_id: connectionId, environment_id: environmentId };
    return [{ ...whose, kind, hash: hash(text) }];
  });
  await db('former_identifiers')
    .insert(rows)
    .onConflict(['person_id', 'connection_id', 'kind', 'hash'])
    .ignore();
}

/** Whether any purged user of the connection is remembered by an externalId. */
export async function anyPurged(
  db: Db,
  { environmentId, connectionId }: Pick<Known, 'environmentId' | 'connectionId'>,
): Promise<boolean> {
  const whose = { environment_id: environmentId, connection_id: connectionId, kind: 'externalId' };
  return (await db('former_identifiers').where(whose).first('hash')) !== undefined;
}

/** Which of these externalIds purged users of the connection had. */
export async function purgedAmong(
  db: Db,
  { environmentId, connectionId, hash }: Pick<Known, 'environmentId' | 'connectionId' | 'hash'>,
  externalIds: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const some of chunks(externalIds)) {
    const byHash = new Map(some.map((id) => [hash(id), id]));
    const rows: { hash: string }[] = await db('former_identifiers')
      .where({ environment_id: environmentId, connection_id: connectionId, kind: 'externalId' })
      .whereIn('hash', [...byHash.keys()])
      .select('hash');
    found.push(...rows.flatMap((row) => byHash.get(row.hash) ?? []));
  }
  return [...new Set(found)];
}

/** When a person left, and when their data was purged. */
export interface Departed {
  readonly leftAt: string | null;
  readonly purgedAt: string | null;
}

/** For each person, the departure of the user that existed last. */
export async function departures(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, Departed>> {
  const found = new Map<string, Departed>();
  for (const some of chunks(personIds)) {
    const rows = await db('users')
      .whereIn('person_id', some)
      .orderByRaw('case when deleted_at is null then 1 else 0 end')
      .orderBy('deleted_at')
      .select('person_id', 'deactivated_at', 'deleted_at', 'purged_at');
    for (const row of rows) {
      const leftAt = row.deactivated_at ?? row.deleted_at;
      found.set(row.person_id, { leftAt, purgedAt: row.purged_at });
    }
  }
  return found;
}

/** Which of these purged people had an externalId. */
export async function withExternalIds(db: Db, personIds: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(personIds)) {
    const rows = await db('former_identifiers')
      .where({ kind: 'externalId' })
      .whereIn('person_id', some)
      .select('person_id');
    for (const row of rows) found.add(row.person_id);
  }
  return found;
}
