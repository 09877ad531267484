/**
 * Memberships of SCIM groups, one row each. Adding or removing one touches that row alone, whatever the size of the
 * group. Whole groups are read page by page. A caller that writes here has locked the group's row.
 */

import type { Knex } from 'knex';
import { chunks } from '../chunks.ts';
import { fromJsonOrNull } from '../columns.ts';
import { writeTogether, writing } from '../knex/writing.ts';
import { jsonRows } from '../lists/values.ts';
import { type Db, dialectOf } from '../open.ts';
import { forgettingReturned } from '../stores/departedMembers.ts';

/** How many rows one read has; between two pages, other requests get their turn. */
const ROWS_PER_PAGE_MAX = 5000;

/** Of each live user of the connection among these, the person. Nobody deletes them until the transaction ends. */
export async function personsOfKnown(
  db: Db,
  connectionId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const persons = new Map<string, string>();
  for (const chunk of chunks(ids)) {
    const query = db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .whereIn('id', chunk)
      .orderBy('id')
      .select('id', 'person_id');
    if (dialectOf(db) === 'postgres') query.forKeyShare();
    for (const { id, person_id } of await query) persons.set(id, person_id);
  }
  return persons;
}

interface Added {
  readonly user_id: string;
}

/** Adds members, and answers those who were not members before. A record that they were in a deleted group ends. */
export async function addMembers(
  db: Db,
  groupId: string,
  userIds: readonly string[],
  at: string,
): Promise<readonly string[]> {
  const added: string[] = [];
  for (const chunk of chunks(userIds)) {
    const rows = chunk.map((userId) => ({ group_id: groupId, user_id: userId, created_at: at }));
    const adding = writing(addRows, { rows });
    const answered = await writeTogether<Added[]>(db, [forgettingReturned(groupId, chunk), adding]);
    added.push(...(answered ?? []).map(({ user_id }) => user_id));
  }
  return added;
}

function addRows(db: Db, { rows }: { readonly rows: readonly object[] }) {
  return db('group_members').insert(rows).onConflict(['group_id', 'user_id']).ignore().returning('user_id');
}

/** Removes members, and answers those who were members before, with the person of each. */
export async function removeMembers(
  db: Db,
  groupId: string,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const removed = new Map<string, string>();
  for (const chunk of chunks(userIds)) {
    // Two statements, because knex answers no deleted rows on SQLite.
    const present = () => db('group_members').where({ group_id: groupId }).whereIn('user_id', chunk);
    const person = db('users').where('users.id', db.ref('group_members.user_id')).select('person_id');
    const rows = await present().orderBy('user_id').select('user_id', person.as('person_id'));
    if (rows.length === 0) continue;
    await present().delete();
    for (const { user_id, person_id } of rows) removed.set(user_id, person_id);
  }
  return removed;
}

/** Every member's id, page by page. */
export async function* memberIdPages(db: Db, groupId: string): AsyncGenerator<readonly string[]> {
  for (let last: string | undefined; ; ) {
    const query = db('group_members')
      .where({ group_id: groupId })
      .orderBy('user_id')
      .limit(ROWS_PER_PAGE_MAX)
      .select('user_id');
    if (last !== undefined) query.where('user_id', '>', last);
    const rows: { user_id: string }[] = await query;
    yield rows.map((row) => row.user_id);
    if (rows.length < ROWS_PER_PAGE_MAX) return;
    last = rows.at(-1)?.user_id;
  }
}

export interface MemberRow {
  readonly userId: string;
  readonly display: string;
}

/** How many members one page holds at most, for callers that read page by page. */
export const MEMBERS_PER_PAGE = 2500;

/** One page of members after `afterId`, in the order of their ids, with the names that people know. */
export async function membersAfter(
  db: Db,
  groupId: string,
  afterId: string | null,
): Promise<readonly MemberRow[]> {
  // One look-up for each name: for some pages, PostgreSQL would run a join by reading all users.
  const display = db('users')
    .where('users.id', db.ref('group_members.user_id'))
    .select(db.raw('coalesce(display_name, user_name)'));
  const query = db('group_members')
    .where({ group_id: groupId })
    .orderBy('user_id')
    .limit(MEMBERS_PER_PAGE)
    .select('user_id as userId', display.as('display'));
  if (afterId !== null) query.where('user_id', '>', afterId);
  return query;
}

/** The same, page by page. It reads the next page while the caller works on the present one. */
export async function* memberPages(
  db: Db,
  groupId: string,
  afterId: string | null,
): AsyncGenerator<readonly MemberRow[]> {
  let reading = membersAfter(db, groupId, afterId);
  for (;;) {
    const page = await reading;
    const last = page.length < MEMBERS_PER_PAGE ? undefined : page.at(-1);
    if (last) {
      reading = membersAfter(db, groupId, last.userId);
      // A caller that stops here never awaits it.
      reading.catch(() => {});
    }
    yield page;
    if (!last) return;
  }
}

/** All members. */
export async function membersWithNames(db: Db, groupId: string): Promise<readonly MemberRow[]> {
  return (await Array.fromAsync(memberPages(db, groupId, null))).flat();
}

export interface MembershipRow {
  readonly userId: string;
  readonly groupId: string;
  readonly display: string;
}

/** The direct memberships of these users, as many as one page shows. */
export async function groupsOfUsers(db: Db, userIds: readonly string[]): Promise<readonly MembershipRow[]> {
  const memberships: MembershipRow[] = [];
  for (const chunk of chunks(userIds)) {
    const rows = await db('group_members')
      .join('groups', 'groups.id', 'group_members.group_id')
      .whereIn('group_members.user_id', chunk)
      .orderBy('groups.display_name_lower')
      .orderBy('groups.id')
      .select('group_members.user_id', 'groups.id', 'groups.display_name');
    for (const row of rows) {
      memberships.push({ userId: row.user_id, groupId: row.id, display: row.display_name });
    }
  }
  return memberships;
}

/** A column for a select from `users`, with what `groupsOfUsers` answers of each; `toMemberships` reads it. */
export function membershipsColumn(db: Db): Knex.Raw {
  const from = 'from group_members as m join groups as g on g.id = m.group_id where m.user_id = users.id';
  return jsonRows(db, 'g.id, g.display_name', 'g.display_name_lower, g.id', from, 'memberships');
}

export function toMemberships(userId: string, column: unknown): readonly MembershipRow[] {
  const rows = fromJsonOrNull<readonly [string, string][]>(column) ?? [];
  return rows.map(([groupId, display]) => ({ userId, groupId, display }));
}

/** Sorted, so that everybody who locks several groups does so in the same order. */
export async function groupIdsOfUser(db: Db, userId: string): Promise<readonly string[]> {
  const rows = await db('group_members').where({ user_id: userId }).orderBy('group_id').select('group_id');
  return rows.map((row: { group_id: string }) => row.group_id);
}

/** Ends every membership of one user and answers the groups. The caller has locked the user's row. */
export async function removeUserFromGroups(db: Db, userId: string): Promise<readonly string[]> {
  const groupIds = await groupIdsOfUser(db, userId);
  await db('group_members').where({ user_id: userId }).delete();
  return groupIds;
}

/** Removes all members of a group, and answers how many there were. */
export async function removeAllMembers(db: Db, groupId: string): Promise<number> {
  return db('group_members').where({ group_id: groupId }).delete();
}

/** Some members, for the audit log to name. */
export async function someMembers(db: Db, groupId: string, limit: number): Promise<readonly string[]> {
  const rows = await db('group_members')
    .where({ group_id: groupId })
    .orderBy('user_id')
    .limit(limit)
    .select('user_id');
  return rows.map((row: { user_id: string }) => row.user_id);
}
