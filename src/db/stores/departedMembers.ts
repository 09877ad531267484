/**
 * Who was a member of a group when it was deleted, kept where a rule names the group: nobody left it, it was deleted
 * with its members. A person's record ends once they are a member of the group that replaces it.
 */

import { chunks } from '../chunks.ts';
import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

/** Records the members. Call it before the group's memberships end. */
export async function recordDeparted(tx: Db, groupId: string): Promise<void> {
  const already = tx('departed_members').where({ group_id: groupId }).select('person_id');
  const members = tx('group_members')
    .join('users', 'users.id', 'group_members.user_id')
    .where('group_members.group_id', groupId)
    .whereNotIn('users.person_id', already)
    .distinct(tx.raw('? as group_id', [groupId]), 'users.person_id');
  await tx(tx.raw('?? (??, ??)', ['departed_members', 'group_id', 'person_id'])).insert(members);
}

/** Moves the records to the group that replaces the deleted one. */
export async function moveDeparted(tx: Db, fromId: string, toId: string): Promise<void> {
  const already = tx('departed_members').where({ group_id: toId }).select('person_id');
  await tx('departed_members').where({ group_id: fromId }).whereIn('person_id', already).delete();
  await tx('departed_members').where({ group_id: fromId }).update({ group_id: toId });
  const members = tx('group_members')
    .join('users', 'users.id', 'group_members.user_id')
    .where('group_members.group_id', toId)
    .select('users.person_id');
  await tx('departed_members').where({ group_id: toId }).whereIn('person_id', members).delete();
}

/** Ends the records of a few users who are members again. */
export function forgettingReturned(groupId: string, userIds: readonly string[]): Write {
  return writing(forgetReturned, { groupId, userIds });
}

interface Returned {
  readonly groupId: string;
  readonly userIds: readonly string[];
}

function forgetReturned(tx: Db, { groupId, userIds }: Returned) {
  const people = tx('users').whereIn('id', userIds).select('person_id');
  return tx('departed_members').where({ group_id: groupId }).whereIn('person_id', people).delete();
}

/** For these people, by person: the name of a deleted group, among these, that they were in. */
export async function departedFrom(
  db: Db,
  groupIds: readonly string[],
  personIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (groupIds.length === 0) return found;
  for (const some of chunks(personIds)) {
    const rows = await db('departed_members')
      .join('groups', 'groups.id', 'departed_members.group_id')
      .whereIn('departed_members.group_id', groupIds)
      .whereIn('departed_members.person_id', some)
      .select('departed_members.person_id', 'groups.display_name');
    for (const row of rows) found.set(row.person_id, row.display_name);
  }
  return found;
}
