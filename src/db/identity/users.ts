/**
 * Users: one row for each SCIM user that a connection delivered, deleted ones too. Writes keep the look-up columns
 * and the e-mail rows in step with the resource; nothing else may change them.
 */

import { isDeepStrictEqual } from 'node:util';
import { emailsOf, isActive, primaryEmail, type Resource } from '../../model/resource.ts';
import { fromBoolean, fromJson, lower, toJson } from '../columns.ts';
import { type Insert, insertingTogether, insertTogether, updatingRow } from '../knex/writing.ts';
import { type PageByKey, pageByKey } from '../lists/resources.ts';
import { type Db, forUpdate } from '../open.ts';
import { type Hash, rememberFormer } from '../people/formers.ts';
import { lookalikeOf } from '../people/lookalikes.ts';
import { forgetWords, wordsOfUser } from '../people/words.ts';
import { send } from '../transaction.ts';
import { mappedColumns } from './mappedColumns.ts';

export interface UserRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly connectionId: string;
  readonly personId: string;
  readonly userName: string;
  readonly externalId: string | null;
  readonly active: boolean;
  readonly resource: Resource;
  readonly version: number;
  /** ISO times */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deletedAt: string | null;
  /** For an inactive user: the externalId that it had when it was last active. */
  readonly leftExternalId: string | null;
  /** When the personal data was purged; null while it is there. */
  readonly purgedAt: string | null;
}

export type NewUser = Pick<
  UserRecord,
  'id' | 'environmentId' | 'connectionId' | 'personId' | 'resource' | 'createdAt'
> & {
  /** The resource as the connection maps it; absent: as it is. */
  readonly mapped?: Resource;
  /** True where the person is inserted with the user. */
  readonly isNewPerson?: boolean;
  /** False where the caller knows that no address looks like this one. */
  readonly mayLookAlike?: boolean;
};

/**
 * Inserts the user, and other rows in the same round trip. A unique violation means that a live user of the
 * connection has the userName already.
 */
export async function insertUser(
  db: Db,
  user: NewUser,
  together: readonly Insert[] = [],
): Promise<UserRecord> {
  const columns = resourceColumns(user.resource, user.mapped);
  const address = columns.primary_email_lower;
  const row = {
    id: user.id,
    environment_id: user.environmentId,
    connection_id: user.connectionId,
    person_id: user.personId,
    ...columns,
    looks_like: user.mayLookAlike === false ? null : await lookalikeOf(db, { ...user, address }),
    deactivated_at: isActive(user.resource) ? null : user.createdAt,
    left_external_id: isActive(user.resource) ? null : textOrNull(user.resource.externalId),
    version: 1,
    created_at: user.createdAt,
    updated_at: user.createdAt,
    deleted_at: null,
  };
  const person = {
    id: user.personId,
    environment_id: user.environmentId,
    speaker_connection_id: user.connectionId,
    created_at: user.createdAt,
  };
  const inserts = [
    { table: 'persons', rows: user.isNewPerson ? [person] : [] },
    { table: 'users', rows: [row] },
    { table: 'user_emails', rows: emailRows(user.connectionId, user.id, user.resource) },
    wordsOfUser(user, user.resource),
    ...together,
  ];
  await send(db, insertingTogether(db, inserts));
  return toUser(row);
}

/** Saves the resource and raises the version. The caller has locked the row. `mapped`: as the connection maps both. */
export async function replaceUserResource(
  db: Db,
  user: UserRecord,
  resource: Resource,
  at: string,
  mapped: { readonly from: Resource; readonly to: Resource } = { from: user.resource, to: resource },
): Promise<UserRecord> {
  const columns = { ...resourceColumns(resource, mapped.to), version: user.version + 1, updated_at: at };
  const address = columns.primary_email_lower;
  const isNew = address !== lowerOrNull(primaryEmail(mapped.from));
  const looks = isNew ? { looks_like: await lookalikeOf(db, { ...user, address }) } : {};
  // Once the identity provider sends a userName again, the user no longer counts as purged.
  const purgedAt = columns.user_name === placeholder(user.id) ? user.purgedAt : null;
  const leftExternalId = columns.active
    ? null
    : user.active
      ? (columns.external_id ?? user.externalId)
      : user.leftExternalId;
  const left = user.active && !columns.active ? { deactivated_at: at } : {};
  const since = columns.active ? { deactivated_at: null } : left;
  const changed = { ...columns, ...since, ...looks, left_external_id: leftExternalId, purged_at: purgedAt };
  await send(db, [updatingRow('users', user.id, changed)]);
  if (emailKey(user.resource) !== emailKey(resource)) {
    await db('user_emails').where({ user_id: user.id }).delete();
    const rows = emailRows(user.connectionId, user.id, resource);
    await insertTogether(db, [{ table: 'user_emails', rows }]);
  }
  const words = wordsOfUser(user, resource);
  if (!isDeepStrictEqual(words, wordsOfUser(user, user.resource)) || user.purgedAt !== purgedAt) {
    await forgetWords(db, user.id);
    await insertTogether(db, [words]);
  }
  return {
    ...user,
    userName: columns.user_name,
    externalId: columns.external_id,
    active: columns.active,
    resource,
    version: columns.version,
    updatedAt: at,
    leftExternalId,
    purgedAt,
  };
}

/** What replaces personal data. */
export const PURGED = '[purged]';

/** The userName of a purged user: unique, and it tells nothing. */
function placeholder(userId: string): string {
  return `purged-${userId}`;
}

/** Empties the user, who stays active, inactive or deleted. False where somebody wrote to the user meanwhile. */
export async function purgeUser(db: Db, user: UserRecord, at: string, hash: Hash): Promise<boolean> {
  const resource = { userName: placeholder(user.id), active: user.active };
  const row = await db('users').where({ id: user.id }).first('primary_email_lower');
  const purged = await db('users')
    .where({ id: user.id, version: user.version })
    .whereNull('purged_at')
    .update({
      ...resourceColumns(resource),
      looks_like: null,
      left_external_id: null,
      version: user.version + 1,
      ...{ updated_at: at, purged_at: at },
    });
  if (purged === 0) return false;
  await rememberFormer(db, { ...user, primaryEmail: row.primary_email_lower as string | null, hash });
  await db('user_emails').where({ user_id: user.id }).delete();
  await forgetWords(db, user.id);
  return true;
}

/** Marks the user as deleted, or as filtered out. The row stays, because links and events name the person. */
export async function softDeleteUser(db: Db, user: UserRecord, at: string, filtered = false): Promise<void> {
  await db('user_emails').where({ user_id: user.id }).delete();
  await db('users')
    .where({ id: user.id })
    .update({
      ...{ deleted_at: at, updated_at: at, version: user.version + 1, filtered },
      external_id: db.raw(EXTERNAL_ID_THEN),
    });
}

/**
 * The externalId by which a person who is gone is recognised: the one they left with. Another person who is written
 * over the inactive record brings an externalId of their own.
 */
export const EXTERNAL_ID_THEN = "coalesce(nullif(left_external_id, ''), external_id)";

/** The same for a user that was read. */
export function externalIdThen({ leftExternalId, externalId }: UserRecord): string | null {
  return leftExternalId || externalId;
}

/** A live user of the connection, or null. */
export async function findUser(db: Db, connectionId: string, id: string): Promise<UserRecord | null> {
  const row = await live(db).where({ id, connection_id: connectionId }).first();
  return row ? toUser(row) : null;
}

/** Live users of the connection, in no order. */
export async function findUsers(
  db: Db,
  connectionId: string,
  ids: readonly string[],
): Promise<readonly UserRecord[]> {
  return (await live(db).where({ connection_id: connectionId }).whereIn('id', ids)).map(toUser);
}

/** As `findUser`; until the transaction ends, nobody else writes the row. */
export async function lockUser(db: Db, connectionId: string, id: string): Promise<UserRecord | null> {
  const row = await forUpdate(db, live(db).where({ id, connection_id: connectionId })).first();
  return row ? toUser(row) : null;
}

/** A live user of any connection of the environment, or null: for the admin API. */
export async function findUserOfEnvironment(
  db: Db,
  environmentId: string,
  id: string,
): Promise<UserRecord | null> {
  const row = await live(db).where({ id, environment_id: environmentId }).first();
  return row ? toUser(row) : null;
}

export async function listUsersOfEnvironment(db: Db, page: PageByKey): Promise<readonly UserRecord[]> {
  return (await pageByKey(db, 'users', page)).map(toUser);
}

/** For a query on live users of any connection. */
export function live(db: Db) {
  return db('users').whereNull('deleted_at');
}

function resourceColumns(resource: Resource, mapped = resource) {
  const userName = resource.userName as string;
  return {
    user_name: userName,
    user_name_lower: lower(userName),
    external_id: textOrNull(resource.externalId),
    display_name: textOrNull(resource.displayName),
    display_name_lower: lowerOrNull(resource.displayName),
    ...mappedColumns(mapped),
    active: isActive(resource),
    resource: toJson(resource),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function lowerOrNull(value: unknown): string | null {
  return typeof value === 'string' ? lower(value) : null;
}

function emailKey(resource: Resource): string {
  return emailsOf(resource)
    .map((email) => lower(email.value))
    .join('\n');
}

function emailRows(connectionId: string, userId: string, resource: Resource): readonly object[] {
  const values = [...new Set(emailsOf(resource).map((email) => lower(email.value)))];
  return values.map((value) => ({ connection_id: connectionId, user_id: userId, value_lower: value }));
}

export function toUser(row: Record<string, unknown>): UserRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    connectionId: row.connection_id as string,
    personId: row.person_id as string,
    userName: row.user_name as string,
    externalId: row.external_id as string | null,
    active: fromBoolean(row.active),
    resource: fromJson(row.resource),
    version: row.version as number,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
    deletedAt: row.deleted_at as string | null,
    leftExternalId: (row.left_external_id ?? null) as string | null,
    purgedAt: (row.purged_at ?? null) as string | null,
  };
}
