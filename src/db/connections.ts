/** Connections: where identities come from. */

import { fromBoolean, fromJson, fromJsonOrNull, toJson } from './columns.ts';
import { type Db, forUpdate } from './open.ts';
import type { After } from './paging.ts';

export const STRATEGIES = ['okta', 'entra', 'auth0', 'scim'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const UNKNOWN_ATTRIBUTES = ['Reject', 'Ignore'] as const;
export type UnknownAttributes = (typeof UNKNOWN_ATTRIBUTES)[number];

/** Which SCIM attribute feeds an attribute of the directory. `directory/inbound.ts` says what that means. */
export interface InboundMapping {
  readonly attribute: string;
  /** A path; null: nothing does. */
  readonly scim: string | null;
}

export interface ConnectionRecord {
  readonly id: string;
  readonly environmentId: string;
  /** Unique in its environment. */
  readonly name: string;
  readonly strategy: Strategy;
  /** The first connection of its environment, for good: its users speak for their persons. */
  readonly isPrimary: boolean;
  /** What happens to a request with attributes that no schema knows. */
  readonly unknownAttributes: UnknownAttributes;
  /** Days after deactivation; null: kept. */
  readonly retentionDays: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The SCIM attribute that tells users apart at the identity provider. */
  readonly userIdAttribute: string;
  /** What differs from the default; null: nothing does. */
  readonly mapping: readonly InboundMapping[] | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/**
 * What users keep whatever happens to their names. Okta, Entra ID and Auth0 send their own id as externalId;
 * of other clients nothing is certain but the userName.
 */
export const USER_ID_ATTRIBUTES: Readonly<Record<Strategy, string>> = {
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
  const row = await db('connections').where({ environment_id: environmentId, id }).first();
  return row ? toConnection(row) : null;
}

/** As `getConnection`, and nobody else changes it, or adds to it, until the transaction ends. */
export async function lockConnection(
  db: Db,
  environmentId: string,
  id: string,
): Promise<ConnectionRecord | null> {
  const row = await forUpdate(db, db('connections').where({ environment_id: environmentId, id })).first();
  return row ? toConnection(row) : null;
}

/** Oldest first; `limit` rows after the given one. */
export async function listConnections(
  db: Db,
  environmentId: string,
  limit: number,
  after: After | null,
): Promise<readonly ConnectionRecord[]> {
  const query = db('connections')
    .where({ environment_id: environmentId })
    .orderBy(['created_at', 'id'])
    .limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toConnection);
}

/** By connection, where there is one: what an environment maps otherwise than by default. */
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
  const row = await db('connections').where({ environment_id: environmentId }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** Throws a unique violation (`isUniqueViolation`) where the name is taken. */
export async function insertConnection(db: Db, connection: ConnectionRecord): Promise<void> {
  await db('connections').insert({
    id: connection.id,
    environment_id: connection.environmentId,
    is_primary: connection.isPrimary,
    created_at: connection.createdAt,
    ...settingsRow(connection),
  });
}

/** Writes what an admin may change. Throws a unique violation where the name is taken. */
export async function updateConnection(db: Db, connection: ConnectionRecord): Promise<void> {
  await db('connections').where({ id: connection.id }).update(settingsRow(connection));
}

function settingsRow(connection: ConnectionRecord) {
  return {
    name: connection.name,
    strategy: connection.strategy,
    unknown_attributes: connection.unknownAttributes,
    retention_days: connection.retentionDays,
    metadata: toJson(connection.metadata),
    user_id_attribute: connection.userIdAttribute,
    mapping: connection.mapping === null ? null : toJson(connection.mapping),
    updated_at: connection.updatedAt,
  };
}

/** True where users or groups hang on it, deleted ones included: their history does. */
export async function connectionHasResources(db: Db, id: string): Promise<boolean> {
  for (const table of ['users', 'groups']) {
    if (await db(table).where({ connection_id: id }).first('id')) return true;
  }
  return false;
}

/** With its tokens and the attributes seen; users and groups must be gone. */
export async function deleteConnection(db: Db, id: string): Promise<void> {
  await db('scim_tokens').where({ connection_id: id }).delete();
  await db('attributes_seen').where({ connection_id: id }).delete();
  await db('connections').where({ id }).delete();
}

export function toConnection(row: Record<string, unknown>): ConnectionRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    name: row.name as string,
    strategy: row.strategy as Strategy,
    isPrimary: fromBoolean(row.is_primary),
    unknownAttributes: row.unknown_attributes as UnknownAttributes,
    retentionDays: row.retention_days as number | null,
    metadata: fromJson(row.metadata),
    userIdAttribute: row.user_id_attribute as string,
    mapping: fromJsonOrNull(row.mapping),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
