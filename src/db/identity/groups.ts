/**
 * Groups: one row for each SCIM group that a connection delivered. Nothing here reads members, which are rows of
 * `groupMembers.ts`.
 */

import type { Resource } from '../../model/resource.ts';
import { groupNameCore } from '../../support/text/groupName.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, lower, toJson } from '../columns.ts';
import { updatingRow } from '../knex/writing.ts';
import {
  type ListPage,
  type PageByKey,
  type PageByPosition,
  pageByKey,
  pageByPosition,
} from '../lists/resources.ts';
import { type Db, forUpdate } from '../open.ts';
import { send } from '../transaction.ts';

export interface GroupRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly connectionId: string;
  readonly displayName: string;
  readonly externalId: string | null;
  /** Without members. */
  readonly resource: Resource;
  readonly version: number;
  /** ISO times */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deletedAt: string | null;
}

export type NewGroup = Pick<GroupRecord, 'id' | 'environmentId' | 'connectionId' | 'resource' | 'createdAt'>;

/** A unique violation means that a live group of the connection has the displayName already. */
export async function insertGroup(db: Db, group: NewGroup): Promise<GroupRecord> {
  const row = {
    id: group.id,
    environment_id: group.environmentId,
    connection_id: group.connectionId,
    ...resourceColumns(group.resource),
    version: 1,
    created_at: group.createdAt,
    updated_at: group.createdAt,
    deleted_at: null,
  };
  await db('groups').insert(row);
  return toGroup(row);
}

/** Saves the resource and raises the version. The caller has locked the row. */
export async function replaceGroupResource(
  db: Db,
  group: GroupRecord,
  resource: Resource,
  at: string,
): Promise<GroupRecord> {
  const columns = { ...resourceColumns(resource), version: group.version + 1, updated_at: at };
  await send(db, [updatingRow('groups', group.id, columns)]);
  return {
    ...group,
    displayName: columns.display_name,
    externalId: columns.external_id,
    resource,
    version: columns.version,
    updatedAt: at,
  };
}

/** For groups that lost a member because a user was deleted. */
export async function raiseGroupVersions(db: Db, ids: readonly string[], at: string): Promise<void> {
  for (const some of chunks(ids)) {
    await db('groups')
      .whereIn('id', some)
      .update({ version: db.raw('version + 1'), updated_at: at });
  }
}

/** Marks the group as deleted. The row stays, because links and events name it. */
export async function softDeleteGroup(
  db: Db,
  group: GroupRecord,
  at: string,
  filtered = false,
): Promise<void> {
  await db('groups')
    .where({ id: group.id })
    .update({ deleted_at: at, updated_at: at, version: group.version + 1, filtered });
}

/** The ids of deleted groups of the connection that had this `externalId`. */
export async function deletedGroupsAs(
  db: Db,
  connectionId: string,
  externalId: string,
): Promise<readonly string[]> {
  const rows = await db('groups')
    .where({ connection_id: connectionId, external_id: externalId })
    .whereNotNull('deleted_at')
    .orderBy('id')
    .select('id');
  return rows.map((row: { id: string }) => row.id);
}

/** A live group of the connection, or null. */
export async function findGroup(db: Db, connectionId: string, id: string): Promise<GroupRecord | null> {
  const row = await live(db).where({ id, connection_id: connectionId }).first();
  return row ? toGroup(row) : null;
}

/** Live groups of the connection, in no order. */
export async function findGroups(
  db: Db,
  connectionId: string,
  ids: readonly string[],
): Promise<readonly GroupRecord[]> {
  return (await live(db).where({ connection_id: connectionId }).whereIn('id', ids)).map(toGroup);
}

/** As `findGroup`; until the transaction ends, nobody else writes the group or its members. */
export async function lockGroup(db: Db, connectionId: string, id: string): Promise<GroupRecord | null> {
  const row = await forUpdate(db, live(db).where({ id, connection_id: connectionId })).first();
  return row ? toGroup(row) : null;
}

/** `ids`: in ascending order, so that two who lock several groups never wait for each other. */
export async function lockGroups(db: Db, ids: readonly string[]): Promise<void> {
  for (const some of chunks(ids)) {
    const chunk = some;
    await forUpdate(db, db('groups').whereIn('id', chunk).orderBy('id').select('id'));
  }
}

/** A live group of any connection of the environment, or null: for the admin API. */
export async function findGroupOfEnvironment(
  db: Db,
  environmentId: string,
  id: string,
): Promise<GroupRecord | null> {
  const row = await live(db).where({ id, environment_id: environmentId }).first();
  return row ? toGroup(row) : null;
}

export interface GroupOrTombstone extends GroupRecord {
  /** An admin deleted the connection and chose to keep accounts: the remote group stays as it is. */
  readonly keepRemote: boolean;
  /** Nobody deleted it: the settings of its connection leave it out. */
  readonly filtered: boolean;
}

/** The part of a group that decides the name of its remote group. */
export type NamedGroup = Pick<
  GroupOrTombstone,
  'id' | 'displayName' | 'externalId' | 'deletedAt' | 'keepRemote' | 'filtered'
>;

/**
 * Live groups of the store's environment that have no link there, and whose names have one of these cores or whose
 * `externalId` is one of these.
 */
export async function unlinkedGroups(
  db: Db,
  store: { readonly id: string; readonly environmentId: string },
  { cores, externalIds }: { readonly cores: readonly string[]; readonly externalIds: readonly string[] },
): Promise<readonly NamedGroup[]> {
  const unlinked = () =>
    db('groups as g')
      .where('g.environment_id', store.environmentId)
      .whereNull('g.deleted_at')
      .whereNotExists(
        db('links as l')
          .where({ 'l.store_id': store.id, 'l.kind': 'group' })
          .whereNot('l.state', 'removed')
          .where('l.subject_id', db.ref('g.id'))
          .select(db.raw('1')),
      )
      .select('g.id', 'g.display_name', 'g.external_id');
  const found = new Map<string, NamedGroup>();
  const take = (rows: readonly { id: string; display_name: string; external_id: string | null }[]) => {
    for (const { id, display_name: displayName, external_id: externalId } of rows)
      found.set(id, { id, displayName, externalId, deletedAt: null, keepRemote: false, filtered: false });
  };
  for (const some of chunks(cores)) take(await unlinked().whereIn('g.name_core', some));
  for (const some of chunks(externalIds)) {
    const connections = db('connections').where({ environment_id: store.environmentId }).select('id');
    take(await unlinked().whereIn('g.connection_id', connections).whereIn('g.external_id', some));
  }
  return [...found.values()];
}

/** A group by its id alone, deleted ones too, because stores must follow a deletion. */
export async function findGroupEvenDeleted(db: Db, id: string): Promise<GroupOrTombstone | null> {
  return (await findGroupsEvenDeleted(db, [id])).get(id) ?? null;
}

/** The same for many groups, by id. */
export async function findGroupsEvenDeleted(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, GroupOrTombstone>> {
  const found = new Map<string, GroupOrTombstone>();
  for (const some of chunks(ids)) {
    const rows = await db('groups')
      .join('connections', 'connections.id', 'groups.connection_id')
      .whereIn('groups.id', some)
      .select('groups.*', 'connections.keep_accounts');
    for (const row of rows) {
      const keepRemote = row.deleted_at !== null && fromBoolean(row.keep_accounts);
      found.set(row.id, { ...toGroup(row), keepRemote, filtered: fromBoolean(row.filtered) });
    }
  }
  return found;
}

export async function listGroups(db: Db, page: PageByPosition): Promise<ListPage<GroupRecord>> {
  const { total, rows } = await pageByPosition(db, 'groups', page);
  return { total, items: rows.map(toGroup) };
}

export async function listGroupsOfEnvironment(db: Db, page: PageByKey): Promise<readonly GroupRecord[]> {
  return (await pageByKey(db, 'groups', page)).map(toGroup);
}

function live(db: Db) {
  return db('groups').whereNull('deleted_at');
}

function resourceColumns(resource: Resource) {
  const displayName = resource.displayName as string;
  return {
    display_name: displayName,
    display_name_lower: lower(displayName),
    name_core: groupNameCore(displayName),
    external_id: typeof resource.externalId === 'string' ? resource.externalId : null,
    resource: toJson(resource),
  };
}

export function toGroup(row: Record<string, unknown>): GroupRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    connectionId: row.connection_id as string,
    displayName: row.display_name as string,
    externalId: row.external_id as string | null,
    resource: fromJson(row.resource),
    version: row.version as number,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
    deletedAt: row.deleted_at as string | null,
  };
}
