/**
 * Persons: who a user is, across re-creation and connections. A user is attached once, when it is made,
 * and never moved.
 */

import type { Resource } from '../../model/resource.ts';
import { newId } from '../../support/ids.ts';
import { fromBoolean, lower } from '../columns.ts';
import { type Db, dialectOf, forUpdate } from '../open.ts';
import type { SqlCondition } from './lists.ts';
import { toUser, type UserRecord } from './users.ts';

export interface Arrival {
  readonly environmentId: string;
  readonly connectionId: string;
  readonly resource: Resource;
  /** As the connection maps it. */
  readonly primaryEmail: string | null;
  /**
   * Holds on rows of `users` with the same value of the connection's `userIdAttribute`; null where there is
   * no value.
   */
  readonly sameUserId: SqlCondition | null;
}

export interface Attachment {
  readonly personId: string;
  /**
   * `returned`: a deleted user of this connection; `matched`: another connection's user; `new`: to be made.
   */
  readonly how: 'returned' | 'matched' | 'new';
}

/**
 * The person whom a new user belongs to: a deleted user of the same connection with the same user id, else
 * externalId or userName; else an active user of another connection with the same primary e-mail; else a new
 * person, whom the caller makes. Two live users of one connection are never one person.
 */
export async function attachPerson(db: Db, arrival: Arrival): Promise<Attachment> {
  const { tombstones, hasOtherConnections } = await candidatesToReturn(db, arrival);
  const returned = await firstFree(db, arrival.connectionId, tombstones);
  if (returned) return { personId: returned, how: 'returned' };
  const matched = hasOtherConnections ? await personElsewhere(db, arrival) : null;
  if (matched) return { personId: matched, how: 'matched' };
  return { personId: newId(), how: 'new' };
}

/**
 * Deleted users that are looked at. More than a few of one name are rare: somebody made it again and again.
 */
const CANDIDATES_MAX = 20;

/**
 * In one round trip: deleted users who may be back, the likeliest first, and whether there are other
 * connections.
 */
async function candidatesToReturn(
  db: Db,
  arrival: Arrival,
): Promise<{ tombstones: readonly { person_id: string }[]; hasOtherConnections: boolean }> {
  const others =
    'exists(select 1 from connections where environment_id = ? and id <> ? and deleted_at is null) as others';
  const rows = await db
    .from(db.raw('(select 1 as one) as arrival'))
    .joinRaw('left join (?) as tombstones on 1 = 1', [tombstonesLike(db, arrival)] as never)
    .orderBy(BY_LIKELIHOOD)
    .select('person_id', db.raw(others, [arrival.environmentId, arrival.connectionId]));
  return {
    tombstones: rows.filter((row: { person_id: string | null }) => row.person_id !== null),
    hasOtherConnections: fromBoolean(rows[0]?.others),
  };
}

const BY_LIKELIHOOD = [
  { column: 'unlike', order: 'asc' },
  { column: 'deleted_at', order: 'desc' },
  { column: 'id', order: 'desc' },
];

function tombstonesLike(db: Db, { connectionId, resource, sameUserId }: Arrival) {
  const { userName, externalId } = resource;
  const unlike = sameUserId ? `case when ${sameUserId.sql} then 0 else 1 end` : '1';
  return db('users')
    .where({ connection_id: connectionId })
    .whereNotNull('deleted_at')
    .where((same) => {
      same.where({ user_name_lower: lower(userName as string) });
      if (typeof externalId === 'string' && externalId !== '') same.orWhere({ external_id: externalId });
      if (sameUserId) same.orWhereRaw(sameUserId.sql, sameUserId.bindings as never);
    })
    .orderBy(BY_LIKELIHOOD)
    .limit(CANDIDATES_MAX)
    .select(
      'person_id',
      'deleted_at',
      'id',
      db.raw(`${unlike} as unlike`, (sameUserId?.bindings ?? []) as never),
    );
}

async function personElsewhere(db: Db, arrival: Arrival): Promise<string | null> {
  const email = arrival.primaryEmail;
  if (email === null) return null;
  await lockMatching(db, arrival.environmentId);
  const candidates = await db('users')
    .where({ environment_id: arrival.environmentId, primary_email_lower: lower(email), active: true })
    .whereNot({ connection_id: arrival.connectionId })
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id'])
    .limit(CANDIDATES_MAX)
    .select('person_id');
  return firstFree(db, arrival.connectionId, candidates);
}

/** Two connections that create one person at the same time must not both find nobody. */
async function lockMatching(db: Db, environmentId: string): Promise<void> {
  if (dialectOf(db) === 'sqlite') return;
  await db('environments').where({ id: environmentId }).forNoKeyUpdate().first('id');
}

/** The first of these persons who has no live user in the connection; its row is locked. */
async function firstFree(
  db: Db,
  connectionId: string,
  candidates: readonly { person_id: string }[],
): Promise<string | null> {
  for (const id of new Set(candidates.map((candidate) => candidate.person_id))) {
    await forUpdate(db, db('persons').where({ id })).first('id');
    const taken = await db('users')
      .where({ person_id: id, connection_id: connectionId })
      .whereNull('deleted_at')
      .first('id');
    if (!taken) return id;
  }
  return null;
}

/**
 * The live user that speaks for the person: the primary connection's, else the oldest; null when none is
 * live. It may be inactive.
 */
export async function speakingUser(db: Db, personId: string): Promise<UserRecord | null> {
  return (await speakingUsers(db, [personId])).get(personId) ?? null;
}

const IDS_PER_QUERY_MAX = 500;

/** The same for many people, by person id; those without a live user are absent. */
export async function speakingUsers(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, UserRecord>> {
  const found = new Map<string, UserRecord>();
  for (let from = 0; from < personIds.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .whereIn('users.person_id', personIds.slice(from, from + IDS_PER_QUERY_MAX))
      .whereNull('users.deleted_at')
      .orderBy('connections.is_primary', 'desc')
      .orderBy('users.created_at')
      .orderBy('users.id')
      .select('users.*');
    for (const user of rows.map(toUser)) if (!found.has(user.personId)) found.set(user.personId, user);
  }
  return found;
}

export interface DeletedUser extends UserRecord {
  /**
   * An admin deleted the connection and chose to keep accounts: the bridge leaves this person's accounts
   * alone.
   */
  readonly keepRemote: boolean;
}

/** The user of the person that was deleted last; null where none was deleted. */
export async function lastDeletedUser(db: Db, personId: string): Promise<DeletedUser | null> {
  return (await lastDeletedUsers(db, [personId])).get(personId) ?? null;
}

/** The same for many people, by person id; people without a deleted user are absent. */
export async function lastDeletedUsers(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, DeletedUser>> {
  const found = new Map<string, DeletedUser>();
  for (let from = 0; from < personIds.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .whereIn('users.person_id', personIds.slice(from, from + IDS_PER_QUERY_MAX))
      .whereNotNull('users.deleted_at')
      .orderBy('users.deleted_at', 'desc')
      .orderBy('users.id', 'desc')
      .select('users.*', 'connections.keep_accounts');
    for (const row of rows) {
      const departed = { ...toUser(row), keepRemote: fromBoolean(row.keep_accounts) };
      if (!found.has(departed.personId)) found.set(departed.personId, departed);
    }
  }
  return found;
}

/**
 * By the id of a user, live or deleted, or of a person: then the speaking user, else the one deleted last.
 */
export async function findUserOrPerson(
  db: Db,
  environmentId: string,
  id: string,
): Promise<UserRecord | null> {
  const own = await db('users').where({ environment_id: environmentId, id }).first();
  if (own) return toUser(own);
  const someone = (await speakingUser(db, id)) ?? (await lastDeletedUser(db, id));
  return someone?.environmentId === environmentId ? someone : null;
}
