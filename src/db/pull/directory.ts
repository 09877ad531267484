/** The users and groups that a pulled connection has brought, by their ids at the source. Reads only. */

import { chunks } from '../chunks.ts';
import { type GroupRecord, toGroup } from '../identity/groups.ts';
import { toUser, type UserRecord } from '../identity/users.ts';
import type { Db } from '../open.ts';

/** Those of these ids that the connection has, deleted ones not. */
export async function usersBySourceId(
  db: Db,
  connectionId: string,
  sourceIds: readonly string[],
): Promise<ReadonlyMap<string, UserRecord>> {
  const found = new Map<string, UserRecord>();
  for (const some of chunks(sourceIds)) {
    const rows = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .whereIn('external_id', some);
    for (const row of rows) found.set(row.external_id as string, toUser(row));
  }
  return found;
}

/** Those of these ids whose users the connection has deleted, and has not brought again. */
export async function deletedSourceIds(
  db: Db,
  connectionId: string,
  sourceIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(sourceIds)) {
    const rows = await db('users')
      .where({ connection_id: connectionId })
      .whereNotNull('deleted_at')
      .whereIn('external_id', some)
      .select('external_id');
    for (const row of rows) found.add(row.external_id as string);
  }
  return found;
}

export interface Known {
  readonly id: string;
  readonly sourceId: string;
  readonly personId: string;
  readonly active: boolean;
  readonly userName: string;
}

/** Every live user of the connection that came from the source; small rows, because all are in memory at once. */
export async function knownUsers(db: Db, connectionId: string): Promise<ReadonlyMap<string, Known>> {
  const rows = await db('users')
    .where({ connection_id: connectionId })
    .whereNull('deleted_at')
    .whereNotNull('external_id')
    .select('id', 'external_id', 'person_id', 'active', 'user_name');
  return new Map(
    rows.map((row: Record<string, unknown>) => [
      row.external_id as string,
      {
        id: row.id as string,
        sourceId: row.external_id as string,
        personId: row.person_id as string,
        active: row.active === true || row.active === 1,
        userName: row.user_name as string,
      },
    ]),
  );
}

/** Every group, or the one with this id. */
export async function groupsBySourceId(
  db: Db,
  connectionId: string,
  sourceId?: string,
): Promise<ReadonlyMap<string, GroupRecord>> {
  const query = db('groups').where({ connection_id: connectionId }).whereNull('deleted_at');
  const rows = await (sourceId === undefined
    ? query.whereNotNull('external_id')
    : query.where({ external_id: sourceId }));
  return new Map(rows.map((row: Record<string, unknown>) => [row.external_id as string, toGroup(row)]));
}

/** The members of a group, by their ids at the source. */
export async function memberSourceIds(db: Db, groupId: string): Promise<ReadonlySet<string>> {
  const rows = await db('group_members as m')
    .join('users as u', 'u.id', 'm.user_id')
    .where({ 'm.group_id': groupId })
    .whereNotNull('u.external_id')
    .select('u.external_id');
  return new Set(rows.map((row: { external_id: string }) => row.external_id));
}

export interface SyncedGroup {
  /** At the source. */
  readonly id: string;
  readonly name: string;
  readonly membersCount: number;
}

/** In the order of their ids at the source, those after `after`. */
export async function listSyncedGroups(
  db: Db,
  connectionId: string,
  after: string,
  limit: number,
): Promise<readonly SyncedGroup[]> {
  const rows = await syncedGroups(db, connectionId)
    .where('groups.external_id', '>', after)
    .orderBy('groups.external_id')
    .limit(limit)
    .select(
      ...['groups.external_id', 'groups.display_name'],
      db('group_members').where('group_id', db.ref('groups.id')).count().as('members'),
    );
  return rows.map((row: Record<string, unknown>) => ({
    id: row.external_id as string,
    name: row.display_name as string,
    membersCount: Number(row.members),
  }));
}

export async function countSyncedGroups(db: Db, connectionId: string): Promise<number> {
  const row = await syncedGroups(db, connectionId).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

function syncedGroups(db: Db, connectionId: string) {
  return db('groups')
    .where({ connection_id: connectionId })
    .whereNull('deleted_at')
    .whereNotNull('external_id');
}
