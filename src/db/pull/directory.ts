/** The users and groups that a pulled connection has brought, by their ids at the source. Reads only. */

import type { Knex } from 'knex';
import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import { type GroupRecord, toGroup } from '../identity/groups.ts';
import { toUser, type UserRecord } from '../identity/users.ts';
import type { Db } from '../open.ts';

/** The connection's live users with these ids, by id. */
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

/** Which of these ids belong to users, or groups, that the connection has deleted. */
export async function deletedSourceIds(
  db: Db,
  connectionId: string,
  kind: Kind,
  sourceIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(sourceIds)) {
    const rows = await db(kind === 'user' ? 'users' : 'groups')
      .where({ connection_id: connectionId })
      .whereNotNull('deleted_at')
      .whereIn('external_id', some)
      .select('external_id');
    for (const row of rows) found.add(row.external_id as string);
  }
  return found;
}

/** What a line shows of a user in the directory. */
export interface NamedUser {
  readonly id: string;
  readonly personId: string;
  readonly userName: string;
}

/** As `usersBySourceId`, with their names only. */
export async function namesBySourceId(
  db: Db,
  connectionId: string,
  sourceIds: readonly string[],
): Promise<ReadonlyMap<string, NamedUser>> {
  const found = new Map<string, NamedUser>();
  for (const some of chunks(sourceIds)) {
    const rows = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .whereIn('external_id', some)
      .select('external_id', 'id', 'person_id', 'user_name');
    for (const { external_id, id, person_id: personId, user_name: userName } of rows)
      found.set(external_id, { id, personId, userName });
  }
  return found;
}

/**
 * The id at the source of the user who has each name, by userName in lower case; empty for a user who did not come
 * from the source.
 */
export async function holdersOfNames(
  db: Db,
  connectionId: string,
  namesLower: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const some of chunks(namesLower)) {
    const rows = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .whereIn('user_name_lower', some)
      .select('user_name_lower', 'external_id');
    for (const row of rows) found.set(row.user_name_lower, row.external_id ?? '');
  }
  return found;
}

/** The users of a connection, as ids only, because all of them are in memory at once. */
export interface KnownUsers {
  /** The id in the directory, by the id at the source. */
  readonly ids: ReadonlyMap<string, string>;
  /** By the source's own ids. */
  readonly inactive: ReadonlySet<string>;
}

const KNOWN_AT_ONCE = 1_000;

/** Every live user of the connection that came from the source. */
export async function knownUsers(db: Db, connectionId: string): Promise<KnownUsers> {
  const ids = new Map<string, string>();
  const inactive = new Set<string>();
  const live = () => db('users').where({ connection_id: connectionId }).whereNull('deleted_at');
  for await (const rows of fromSource(live, ['active'])) {
    for (const row of rows) {
      const sourceId = row.external_id as string;
      ids.set(sourceId, row.id as string);
      if (!fromBoolean(row.active)) inactive.add(sourceId);
    }
  }
  return { ids, inactive };
}

/** The part of a group that is compared. */
export interface KnownGroup {
  readonly id: string;
  readonly displayName: string;
  /** When the source changed the group, as far as a run has believed it. */
  readonly changedAt: string | null;
}

/** Every live group of the connection that came from the source, by its id there. */
export async function knownGroups(db: Db, connectionId: string): Promise<ReadonlyMap<string, KnownGroup>> {
  const known = new Map<string, KnownGroup>();
  const live = () => db('groups').where({ connection_id: connectionId }).whereNull('deleted_at');
  for await (const rows of fromSource(live, ['display_name', 'source_changed_at'])) {
    for (const row of rows)
      known.set(row.external_id as string, {
        id: row.id as string,
        displayName: row.display_name as string,
        changedAt: row.source_changed_at as string | null,
      });
  }
  return known;
}

/** Page by page, in the order of the index on live rows. */
async function* fromSource(
  live: () => Knex.QueryBuilder,
  columns: readonly string[],
): AsyncGenerator<readonly Record<string, unknown>[]> {
  for (let after: readonly [string, string] = ['', '']; ; ) {
    const rows: Record<string, unknown>[] = await live()
      .whereNotNull('external_id')
      .whereRaw('(created_at, id) > (?, ?)', [...after])
      .orderBy(['created_at', 'id'])
      .limit(KNOWN_AT_ONCE)
      .select('external_id', 'created_at', 'id', ...columns);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = [last.created_at as string, last.id as string];
  }
}

/** The live group of the connection with this id at the source. */
export async function groupBySourceId(
  db: Db,
  connectionId: string,
  sourceId: string,
): Promise<GroupRecord | null> {
  const row = await db('groups')
    .where({ connection_id: connectionId, external_id: sourceId })
    .whereNull('deleted_at')
    .first();
  return row ? toGroup(row) : null;
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

/** Which of these groups have one of these people, who are named by their ids at the source. */
export async function groupsWithSome(
  db: Db,
  groupIds: readonly string[],
  sourceIds: readonly string[],
): Promise<readonly string[]> {
  const among = new Set(groupIds);
  const found = new Set<string>();
  for (const some of chunks(sourceIds)) {
    const ids: string[] = await db('group_members as m')
      .join('users as u', 'u.id', 'm.user_id')
      .whereIn('u.external_id', some)
      .distinct('m.group_id')
      .pluck('m.group_id');
    for (const id of ids) if (among.has(id)) found.add(id);
  }
  return [...found];
}

export interface SyncedGroup {
  /** The source's own id. */
  readonly id: string;
  readonly name: string;
  readonly membersCount: number;
}

/** In the order of their ids at the source, after `after`. */
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
