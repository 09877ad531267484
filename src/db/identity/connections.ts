/**
 * Connections: where identities come from. A deleted one keeps its row, because deleted users and the audit log name
 * it. Only `deletions.ts`, and code that reads deleted users, still sees it.
 */

import { onlyEnriches, PULLED_STRATEGIES, type PulledStrategy } from '../../model/pull/pull.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';
import { raiseContextVersions } from '../stores/contextVersions.ts';
import { type Deletion, toDeletion } from './deletions.ts';

export const PUSHED_STRATEGIES = ['okta', 'entra', 'auth0', 'scim'] as const;
export const STRATEGIES = [...PUSHED_STRATEGIES, ...PULLED_STRATEGIES] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const UNKNOWN_ATTRIBUTES = ['Reject', 'Ignore'] as const;
export type UnknownAttributes = (typeof UNKNOWN_ATTRIBUTES)[number];

export const REUSED_IDENTIFIERS = ['Hold', 'SamePerson'] as const;
export type ReusedIdentifiers = (typeof REUSED_IDENTIFIERS)[number];

/** Which SCIM attribute feeds an attribute of the directory; see `directory/inbound.ts`. */
export interface InboundMapping {
  readonly attribute: string;
  /** A path; null where nothing feeds the attribute. */
  readonly scim: string | null;
}

export interface ConnectionRecord {
  readonly id: string;
  readonly environmentId: string;
  /** Unique in its environment. */
  readonly name: string;
  /** A short name, unique in its environment, that rules and mappings use. */
  readonly handle: string;
  readonly strategy: Strategy;
  /**
   * Its users are the speaking users of their persons. It is the oldest connection of its environment that is not
   * being deleted.
   */
  readonly isPrimary: boolean;
  /** What happens to a request with attributes that no schema knows. */
  readonly unknownAttributes: UnknownAttributes;
  /** Its users are matched with the people of other connections. */
  readonly matchPeople: boolean;
  /**
   * What happens where a newcomer has the identifier of somebody who left: `Hold` asks an admin whether they are the
   * same person.
   */
  readonly reusedIdentifiers: ReusedIdentifiers;
  /** Days from deactivation or deletion to the purge of personal data; null: never purged. */
  readonly retentionDays: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Hours without a request after which an event says so; null: never. */
  readonly silentAfterHours: number | null;
  /** The SCIM attribute that identifies users at the identity provider. */
  readonly userIdAttribute: string;
  /** What differs from the default mapping; null where nothing does. */
  readonly mapping: readonly InboundMapping[] | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Null unless an admin deleted it: its tokens are gone then, and its users and groups follow page by page. */
  readonly deletion: Deletion | null;
}

type Matching = 'matchPeople' | 'reusedIdentifiers' | 'silentAfterHours';

/** Left out, the settings for matching people and for silence are the defaults. */
export type NewConnection = Omit<ConnectionRecord, 'deletion' | Matching> &
  Partial<Pick<ConnectionRecord, Matching>>;

/**
 * The attribute that stays the same when a user is renamed at the identity provider. Okta, Entra ID and Auth0 send
 * their own id as externalId; from other clients only the userName is certain.
 */
export const USER_ID_ATTRIBUTES: Readonly<Record<Strategy, string>> = {
  ...(Object.fromEntries(PULLED_STRATEGIES.map((pulled) => [pulled, 'externalId'])) as Record<
    PulledStrategy,
    string
  >),
  okta: 'externalId',
  entra: 'externalId',
  auth0: 'externalId',
  scim: 'userName',
};

/** Null where this environment has no such connection. */
export async function getConnection(
  db: Db,
  environmentId: string,
  id: string,
): Promise<ConnectionRecord | null> {
  const row = await present(db, environmentId).where({ id }).first();
  return row ? toConnection(row) : null;
}

/** As `getConnection`; until the transaction ends, nobody else changes it or adds to it. */
export async function lockConnection(
  db: Db,
  environmentId: string,
  id: string,
): Promise<ConnectionRecord | null> {
  const row = await forUpdate(db, present(db, environmentId).where({ id })).first();
  return row ? toConnection(row) : null;
}

/** As `lockConnection`, by id alone, deleted ones included: for the process that goes on with a deletion. */
export async function lockConnectionEvenDeleted(db: Db, id: string): Promise<ConnectionRecord | null> {
  const row = await forUpdate(db, db('connections').where({ id })).first();
  return row ? toConnection(row) : null;
}

/** Oldest first; `limit` rows after the given one. */
export async function listConnections(
  db: Db,
  environmentId: string,
  limit: number,
  after: After | null,
): Promise<readonly ConnectionRecord[]> {
  const query = present(db, environmentId).orderBy(['created_at', 'id']).limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toConnection);
}

/** All that are not deleted, oldest first. */
export async function everyConnection(db: Db, environmentId: string): Promise<readonly ConnectionRecord[]> {
  return (await present(db, environmentId).orderBy(['created_at', 'id'])).map(toConnection);
}

/** The mappings of an environment's connections, by connection, without those that have the default mapping. */
export async function inboundMappings(
  db: Db,
  environmentId: string,
): Promise<ReadonlyMap<string, readonly InboundMapping[]>> {
  const rows = await db('connections')
    .where({ environment_id: environmentId })
    .whereNotNull('mapping')
    .select('id', 'mapping');
  return new Map(rows.map((row: { id: string; mapping: unknown }) => [row.id, fromJson(row.mapping)]));
}

export async function countConnections(db: Db, environmentId: string): Promise<number> {
  const row = await present(db, environmentId).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

function present(db: Db, environmentId: string) {
  return db('connections').where({ environment_id: environmentId }).whereNull('deleted_at');
}

/**
 * Makes the oldest other connection that brings people and is not being deleted the primary one, and answers it. Null
 * where `connection` was not the primary one, or there is no other. The caller has locked the environment.
 */
export async function passOnPrimary(db: Db, connection: ConnectionRecord): Promise<ConnectionRecord | null> {
  if (!connection.isPrimary) return null;
  await db('connections').where({ id: connection.id }).update({ is_primary: false });
  const settings = db('pulled_connections')
    .where('connection_id', db.ref('connections.id'))
    .select('settings');
  const others = await present(db, connection.environmentId)
    .whereNot({ id: connection.id })
    .whereNull('deletion')
    // A connection that brings nobody yet comes last.
    .orderByRaw(
      'case when exists (select 1 from users where users.connection_id = connections.id and users.deleted_at is null) then 0 else 1 end',
    )
    .orderBy(['created_at', 'id'])
    .select('id', 'strategy', settings.as('settings'));
  const successor = others.find(
    ({ strategy, settings }) => !onlyEnriches(strategy, fromJsonOrNull(settings)),
  );
  if (!successor) return null;
  return makePrimary(db, successor.id);
}

/**
 * The primary connection of the environment, if it has never brought a user. The caller has locked the environment.
 */
export async function primaryWithoutUsers(db: Db, environmentId: string): Promise<ConnectionRecord | null> {
  const row = await present(db, environmentId)
    .where({ is_primary: true })
    .whereNotExists(db('users').where('users.connection_id', db.ref('connections.id')).select(db.raw('1')))
    .first();
  return row ? toConnection(row) : null;
}

/**
 * Makes this connection the primary one, because it brought the first user of its environment before `from`. Answers
 * it as it is now.
 */
export async function takePrimary(db: Db, id: string, from: ConnectionRecord): Promise<ConnectionRecord> {
  await db('connections').where({ id: from.id }).update({ is_primary: false, match_people: false });
  return makePrimary(db, id);
}

/** Other connections' users are matched with the users of the primary one. */
async function makePrimary(db: Db, id: string): Promise<ConnectionRecord> {
  await db('connections').where({ id }).update({ is_primary: true, match_people: true });
  return toConnection(await db('connections').where({ id }).first());
}

/** Throws a unique violation (`isUniqueViolation`) where the name is taken. */
export async function insertConnection(db: Db, connection: NewConnection): Promise<void> {
  await db('connections').insert({
    id: connection.id,
    environment_id: connection.environmentId,
    is_primary: connection.isPrimary,
    created_at: connection.createdAt,
    ...settingsRow(connection),
  });
}

/** Saves what an admin may change. Throws a unique violation where the name is taken. */
export async function updateConnection(db: Db, connection: ConnectionRecord): Promise<void> {
  await db('connections').where({ id: connection.id }).update(settingsRow(connection));
  // Every store sees its users through its mapping.
  await raiseContextVersions(db, connection.environmentId);
}

function settingsRow(connection: NewConnection) {
  return {
    name: connection.name,
    handle: connection.handle,
    strategy: connection.strategy,
    unknown_attributes: connection.unknownAttributes,
    match_people: connection.matchPeople ?? connection.isPrimary,
    reused_identifiers: connection.reusedIdentifiers ?? 'Hold',
    retention_days: connection.retentionDays,
    metadata: toJson(connection.metadata),
    silent_after_hours: connection.silentAfterHours ?? null,
    silence_said_at: null,
    user_id_attribute: connection.userIdAttribute,
    mapping: connection.mapping === null ? null : toJson(connection.mapping),
    updated_at: connection.updatedAt,
  };
}

export function toConnection(row: Record<string, unknown>): ConnectionRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    name: row.name as string,
    handle: row.handle as string,
    strategy: row.strategy as Strategy,
    isPrimary: fromBoolean(row.is_primary),
    unknownAttributes: row.unknown_attributes as UnknownAttributes,
    matchPeople: fromBoolean(row.match_people),
    reusedIdentifiers: row.reused_identifiers as ReusedIdentifiers,
    retentionDays: row.retention_days as number | null,
    metadata: fromJson(row.metadata),
    silentAfterHours: (row.silent_after_hours as number | null | undefined) ?? null,
    userIdAttribute: row.user_id_attribute as string,
    mapping: fromJsonOrNull(row.mapping),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
    deletion: toDeletion(row),
  };
}
