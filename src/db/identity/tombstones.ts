/**
 * A connection that is being deleted: which users and groups go next, whom that affects on which store, what stores
 * still have to do because of it, and what the bridge forgets where accounts are kept.
 */

import type { Kind } from '../../model/subject.ts';
import { type Db, forUpdate } from '../open.ts';
import { type LinkRecord, toLink } from '../seen/links.ts';
import { type GroupRecord, toGroup } from './groups.ts';
import { EXTERNAL_ID_THEN, toUser, type UserRecord } from './users.ts';

/** The next live users of the connection, locked. */
export async function usersToSoftDelete(
  tx: Db,
  connectionId: string,
  limit: number,
): Promise<readonly UserRecord[]> {
  const query = tx('users')
    .where({ connection_id: connectionId })
    .whereNull('deleted_at')
    // In the order of the index on live userNames.
    .orderBy('user_name_lower')
    .limit(limit);
  return (await forUpdate(tx, query)).map(toUser);
}

/** The next live groups of the connection, locked. */
export async function groupsToSoftDelete(
  tx: Db,
  connectionId: string,
  limit: number,
): Promise<readonly GroupRecord[]> {
  const query = tx('groups')
    .where({ connection_id: connectionId })
    .whereNull('deleted_at')
    .orderBy('display_name_lower')
    .limit(limit);
  return (await forUpdate(tx, query)).map(toGroup);
}

/** As `softDeleteUser` and `removeUserFromGroups`, for many users. */
export async function softDeleteUsers(tx: Db, ids: readonly string[], at: string): Promise<void> {
  await tx('user_emails').whereIn('user_id', ids).delete();
  await tx('group_members').whereIn('user_id', ids).delete();
  await tx('users')
    .whereIn('id', ids)
    .update({
      ...{ deleted_at: at, updated_at: at, version: tx.raw('version + 1') },
      external_id: tx.raw(EXTERNAL_ID_THEN),
    });
}

/** Removes at most `limit` members, and answers how many. */
export async function removeSomeMembers(tx: Db, groupId: string, limit: number): Promise<number> {
  const some = tx('group_members')
    .where({ group_id: groupId })
    .orderBy('user_id')
    .limit(limit)
    .select('user_id');
  return tx('group_members').where({ group_id: groupId }).whereIn('user_id', some).delete();
}

/** Holds for the person's last user: no other one is live, or was deleted later. */
const LAST_OF = `not exists (
  select 1 from users as other
  where other.person_id = users.person_id and other.id <> users.id
    and (other.deleted_at is null
      or other.deleted_at > users.deleted_at
      or (other.deleted_at = users.deleted_at and other.id > users.id)))`;

/**
 * Rows of `links` or `tasks` about deleted people and groups that no connection had after this one. Where accounts
 * are kept, the bridge forgets these rows; otherwise the deletion waits for the tasks among them.
 */
function departedIn(db: Db, table: 'links' | 'tasks', kind: Kind, connectionId: string) {
  const query = db(table).where(`${table}.kind`, kind);
  if (kind === 'group') {
    return query
      .join('groups', 'groups.id', `${table}.subject_id`)
      .where('groups.connection_id', connectionId)
      .whereNotNull('groups.deleted_at');
  }
  return query
    .join('users', 'users.person_id', `${table}.subject_id`)
    .where('users.connection_id', connectionId)
    .whereNotNull('users.deleted_at')
    .whereRaw(LAST_OF);
}

/** Whether deleted people whom no connection had after this one still have accounts. */
export async function lastHadLinks(db: Db, connectionId: string): Promise<boolean> {
  return (await departedIn(db, 'links', 'user', connectionId).first('links.id')) !== undefined;
}

export async function nextToForget(
  tx: Db,
  kind: Kind,
  connectionId: string,
  limit: number,
): Promise<readonly string[]> {
  for (const table of ['links', 'tasks'] as const) {
    const rows: { id: string }[] = await departedIn(tx, table, kind, connectionId)
      .distinct({ id: `${table}.subject_id` })
      .limit(limit);
    if (rows.length > 0) return rows.map((row) => row.id);
  }
  return [];
}

export interface Forgotten {
  readonly links: readonly LinkRecord[];
  /** Stores on which a held loss was forgotten, so that their brake may be released. */
  readonly storeIds: readonly string[];
}

/** Deletes every row that connects the subjects with their accounts or groups, on every store. */
export async function forgetSubjects(tx: Db, kind: Kind, ids: readonly string[]): Promise<Forgotten> {
  const of = (table: string) => tx(table).where({ kind }).whereIn('subject_id', ids);
  const links: LinkRecord[] = (await of('links').orderBy('id')).map(toLink);
  const held: { store_id: string }[] = await of('losses').distinct('store_id').select('store_id');
  for (const table of ['tasks', 'losses', 'sync_statuses', 'links']) await of(table).delete();
  if (kind === 'user') {
    await tx('leavers').whereIn('person_id', ids).delete();
    await tx('spared_accounts').whereIn('person_id', ids).delete();
  }
  const remotes = links.map((link) => [link.storeId, link.remoteId]);
  const column = kind === 'user' ? 'remote_user_id' : 'remote_group_id';
  await tx('refused_memberships')
    .whereIn(['store_id', column], remotes as never)
    .delete();
  if (kind === 'user') await ledgerOf(tx, column, remotes).delete();
  else await forgetMembershipsOf(tx, remotes);
  return { links, storeIds: held.map((row) => row.store_id) };
}

/**
 * Where another SCIM group feeds the same remote group, the bridge reads its members again, and memberships that the
 * other group does not want count as foreign.
 */
async function forgetMembershipsOf(tx: Db, remotes: readonly (readonly string[])[]): Promise<void> {
  await ledgerOf(tx, 'remote_group_id', remotes).delete();
  await tx('links')
    .where({ kind: 'group' })
    .whereIn(['store_id', 'remote_id'], remotes as never)
    .update({ members_read_at: null });
}

function ledgerOf(tx: Db, column: string, remotes: readonly (readonly string[])[]) {
  return tx('membership_ledger').whereIn(['store_id', column], remotes as never);
}

export interface AffectedPeople {
  /** Users of these connections. */
  readonly users: number;
  readonly groups: number;
  /** People whom no other connection has. */
  readonly leaving: number;
  /** The stores where such people have accounts. */
  readonly stores: readonly { readonly name: string; readonly people: number }[];
}

/** Whom the deletion of these connections, all of one environment, would affect. */
export async function affectedPeople(db: Db, connectionIds: readonly string[]): Promise<AffectedPeople> {
  const users = () => db('users').whereIn('users.connection_id', connectionIds).whereNull('users.deleted_at');
  const leaving = () =>
    users().whereNotExists(
      db('users as other')
        .where('other.person_id', db.ref('users.person_id'))
        .whereNull('other.deleted_at')
        .whereNotIn('other.connection_id', connectionIds)
        .select(db.raw('1')),
    );
  const groups = db('groups').whereIn('connection_id', connectionIds).whereNull('deleted_at');
  const linked: { store_id: string; people: string | number }[] = await db('links')
    .where({ kind: 'user' })
    .whereIn('subject_id', leaving().select('users.person_id'))
    .whereNot({ state: 'removed' })
    .groupBy('store_id')
    .select('store_id')
    .count({ people: '*' });
  const people = new Map(linked.map((row) => [row.store_id, Number(row.people)]));
  const stores: { id: string; name: string }[] = await db('stores')
    .whereIn('id', [...people.keys()])
    .orderBy(['created_at', 'id'])
    .select('id', 'name');
  const count = async (query: ReturnType<Db>) => Number((await query.first())?.n ?? 0);
  return {
    users: await count(users().count({ n: '*' })),
    groups: await count(groups.count({ n: '*' })),
    leaving: await count(leaving().countDistinct({ n: 'users.person_id' })),
    stores: stores.map(({ id, name }) => ({ name, people: people.get(id) ?? 0 })),
  };
}

/** Whether a store has work that the deletion may have caused, or waits for an admin's decision about it. */
export async function storesStillWork(
  db: Db,
  connection: { readonly id: string; readonly environmentId: string },
): Promise<boolean> {
  const run = await db('sync_runs')
    .where({ environment_id: connection.environmentId })
    .whereIn('cause', ['settings', 'activation'])
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .first('id');
  if (run) return true;
  for (const kind of ['user', 'group'] as const) {
    const task = await onWorkingStores(departedIn(db, 'tasks', kind, connection.id)).first('tasks.id');
    if (task) return true;
  }
  return false;
}

export interface Waiting {
  readonly store: { readonly id: string; readonly name: string };
  readonly pending: number;
  readonly held: number;
  readonly parked: number;
}

/** What the deletion of the connection waits for, by store. */
export async function storesWaitedFor(db: Db, connectionId: string): Promise<readonly Waiting[]> {
  const stores = new Map<string, Waiting>();
  for (const kind of ['user', 'group'] as const) {
    const rows: { id: string; name: string; state: 'pending' | 'held' | 'parked'; n: string | number }[] =
      await onWorkingStores(departedIn(db, 'tasks', kind, connectionId))
        .groupBy('stores.id', 'stores.name', 'tasks.state')
        .select('stores.id', 'stores.name', 'tasks.state')
        .countDistinct({ n: 'tasks.id' });
    for (const { id, name, state, n } of rows) {
      const known = stores.get(id) ?? { store: { id, name }, pending: 0, held: 0, parked: 0 };
      stores.set(id, { ...known, [state]: known[state] + Number(n) });
    }
  }
  return [...stores.values()];
}

/** The deletion does not wait for an inactive store: it catches up when an admin activates it. */
function onWorkingStores(query: ReturnType<typeof departedIn>) {
  return query
    .join('stores', 'stores.id', 'tasks.store_id')
    .whereIn('stores.status', ['ACTIVE', 'DELETING'])
    .whereNull('stores.deleted_at');
}
