/**
 * Which person a user belongs to when it arrives. A user is attached once; only an answer to the question whether two
 * people are one moves it.
 */

import type { Resource } from '../../model/resource.ts';
import { newId } from '../../support/ids.ts';
import { fromBoolean, lower } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { SqlCondition } from '../lists/resources.ts';
import { type Db, dialectOf, forUpdate } from '../open.ts';
import { workingStores } from '../queue/tasks.ts';
import { personsElsewhere } from './elsewhere.ts';
import { formersByExternalId, type Hash } from './formers.ts';

export interface Arrival {
  readonly environmentId: string;
  readonly connectionId: string;
  readonly resource: Resource;
  /** As the connection maps it. */
  readonly primaryEmail: string | null;
  /**
   * Holds on rows of `users` with the same value of the connection's `userIdAttribute`; null where there is
   * no value, or where it is the userName.
   */
  readonly sameUserId: SqlCondition | null;
  readonly hash: Hash;
}

export interface Attachment {
  readonly personId: string;
  /**
   * `returned`: a deleted user of this connection; `matched`: another connection's user; `new`: to be made.
   */
  readonly how: 'returned' | 'matched' | 'new';
  readonly connection: ArrivingThrough;
}

/** How a connection takes those who arrive, as it is in the transaction. */
export interface ArrivingThrough {
  readonly isPrimary: boolean;
  readonly matchPeople: boolean;
  readonly asks: boolean;
  readonly strategy: Strategy;
  readonly userIdAttribute: string;
  readonly hasOthers: boolean;
  /** Some store of the environment is worked on. */
  readonly hasStores: boolean;
  /** Somebody who is gone had one of the identifiers: a purged person, or a deleted user. */
  readonly mayBeFormer: boolean;
}

/**
 * A deleted user of the same connection with the same externalId, or with the same userName where not both have a
 * different externalId; else, where the connection matches people, an active user of another connection with the same
 * id at the source, or with the same primary e-mail; else a new person, whom the caller makes. Two live users of one
 * connection are never one person.
 */
export async function attachPerson(db: Db, arrival: Arrival): Promise<Attachment> {
  const { connection, tombstones } = await arriving(db, arrival);
  const same = tombstones.filter((user) => !connection.asks || !isSomebodyElse(user, arrival));
  const known = connection.asks && connection.mayBeFormer ? await formersByExternalId(db, arrival) : [];
  const returned = await firstFree(db, arrival.connectionId, [
    ...same.map((user) => user.person_id),
    ...known,
  ]);
  if (returned) return { personId: returned, how: 'returned', connection };
  const matches = connection.matchPeople && connection.hasOthers;
  const matched = matches ? await personElsewhere(db, arrival, connection) : null;
  if (matched) return { personId: matched, how: 'matched', connection };
  return { personId: newId(), how: 'new', connection };
}

interface Tombstone {
  readonly person_id: string;
  readonly external_id: string | null;
  /** The connection's own user id is the same. */
  readonly same_id: unknown;
}

function isSomebodyElse({ external_id: was, same_id }: Tombstone, { resource }: Arrival): boolean {
  const is = resource.externalId;
  return !fromBoolean(same_id) && isText(was) && isText(is) && was !== is;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/**
 * Deleted users that are looked at. More than a few of one name are rare: somebody made it again and again.
 */
const CANDIDATES_MAX = 20;

/** In one round trip: the connection and what is around it, and deleted users who may be back, the likeliest first. */
async function arriving(
  db: Db,
  arrival: Arrival,
): Promise<{ readonly connection: ArrivingThrough; readonly tombstones: readonly Tombstone[] }> {
  const others =
    'exists(select 1 from connections as others where others.environment_id = own.environment_id and others.id <> own.id and others.deleted_at is null) as has_others';
  const rows = await db('connections as own')
    .where('own.id', arrival.connectionId)
    .joinRaw('left join (?) as tombstones on 1 = 1', [tombstonesLike(db, arrival)] as never)
    .orderBy(BY_LIKELIHOOD)
    .select(
      ...['own.is_primary', 'own.match_people', 'own.reused_identifiers', 'own.strategy'],
      ...['own.user_id_attribute', 'tombstones.person_id', 'tombstones.external_id', 'tombstones.same_id'],
      db.raw(others),
      db.raw('exists ? as has_stores', [workingStores(db, arrival.environmentId).select(db.raw('1'))]),
      db.raw('exists ? as has_purged', [purgedLike(db, arrival)]),
      ...goneLike(db, arrival),
    );
  const [own] = rows;
  if (!own) throw new Error(`there is no connection ${arrival.connectionId}`);
  return {
    connection: {
      isPrimary: fromBoolean(own.is_primary),
      matchPeople: fromBoolean(own.match_people),
      asks: own.reused_identifiers === 'Hold',
      strategy: own.strategy,
      userIdAttribute: own.user_id_attribute,
      hasOthers: fromBoolean(own.has_others),
      hasStores: fromBoolean(own.has_stores),
      mayBeFormer: [own.has_purged, own.has_gone_name, own.has_gone_email].some(fromBoolean),
    },
    tombstones: rows.filter((row: { person_id: string | null }) => row.person_id !== null),
  };
}

function purgedLike(db: Db, { environmentId, resource, primaryEmail, hash }: Arrival) {
  const known = [
    resource.externalId,
    lower(resource.userName as string),
    primaryEmail && lower(primaryEmail),
  ];
  return db('former_identifiers')
    .where({ environment_id: environmentId })
    .whereIn('hash', known.filter(isText).map(hash))
    .select(db.raw('1'));
}

/** Two tests, so that each goes by its own index. */
function goneLike(db: Db, { environmentId, resource, primaryEmail }: Arrival) {
  const gone = (by: Record<string, string>) =>
    db('users')
      .where({ environment_id: environmentId, ...by })
      .whereNotNull('deleted_at')
      .select(db.raw('1'));
  const userName = { user_name_lower: lower(resource.userName as string) };
  const email = primaryEmail === null ? null : { primary_email_lower: lower(primaryEmail) };
  return [
    db.raw('exists ? as has_gone_name', [gone(userName)]),
    email === null ? db.raw('false as has_gone_email') : db.raw('exists ? as has_gone_email', [gone(email)]),
  ];
}

const BY_LIKELIHOOD = [
  { column: 'unlike', order: 'asc' },
  { column: 'tombstones.deleted_at', order: 'desc' },
  { column: 'tombstones.id', order: 'desc' },
];

function tombstonesLike(db: Db, { connectionId, resource, sameUserId }: Arrival) {
  const { userName, externalId } = resource;
  const sameId = sameUserId ? `case when ${sameUserId.sql} then 1 else 0 end` : '0';
  const sameIdBindings = (sameUserId?.bindings ?? []) as never[];
  return db('users')
    .where({ connection_id: connectionId })
    .whereNotNull('deleted_at')
    .where((same) => {
      same.where({ user_name_lower: lower(userName as string) });
      if (isText(externalId)) same.orWhere({ external_id: externalId });
      if (sameUserId) same.orWhereRaw(sameUserId.sql, sameIdBindings);
    })
    .orderBy([
      { column: 'unlike', order: 'asc' },
      { column: 'deleted_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(CANDIDATES_MAX)
    .select(
      ...['person_id', 'external_id', 'deleted_at', 'id'],
      db.raw(`${sameId} as same_id`, sameIdBindings),
      db.raw(`case when external_id = ? then 0 else 1 - (${sameId}) end as unlike`, [
        isText(externalId) ? externalId : null,
        ...sameIdBindings,
      ] as never),
    );
}

async function personElsewhere(
  db: Db,
  { environmentId, connectionId, resource, primaryEmail }: Arrival,
  connection: ArrivingThrough,
): Promise<string | null> {
  await lockMatching(db, environmentId);
  const externalId = isText(resource.externalId) ? resource.externalId : null;
  const own = { ...connection, id: connectionId, environmentId };
  const [found] = await personsElsewhere(db, own, [{ externalId, email: primaryEmail }]);
  return firstFree(db, connectionId, found?.persons ?? []);
}

/** Two connections that create one person at the same time must not both find nobody. */
async function lockMatching(db: Db, environmentId: string): Promise<void> {
  if (dialectOf(db) === 'sqlite') return;
  await db('environments').where({ id: environmentId }).forNoKeyUpdate().first('id');
}

/** The first of these persons who has no live user in the connection; its row is locked. */
async function firstFree(db: Db, connectionId: string, personIds: readonly string[]): Promise<string | null> {
  for (const id of new Set(personIds)) {
    await forUpdate(db, db('persons').where({ id })).first('id');
    const taken = await db('users')
      .where({ person_id: id, connection_id: connectionId })
      .whereNull('deleted_at')
      .first('id');
    if (!taken) return id;
  }
  return null;
}
