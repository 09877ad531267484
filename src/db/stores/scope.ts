/**
 * Who meets the condition that a store's rules make together, asked in SQL. A condition is about rows of `users`, and
 * only the speaking user of a person counts. Nothing here knows what the condition says.
 */

import { chunks } from '../chunks.ts';
import type { SqlCondition } from '../lists/resources.ts';
import type { Db } from '../open.ts';
import { ranges } from '../seen/memberDifferences.ts';

/** The persons of those among these users who meet the condition. */
export async function peopleMeeting(
  db: Db,
  userIds: readonly string[],
  condition: SqlCondition,
): Promise<ReadonlySet<string>> {
  const people = new Set<string>();
  for (const some of chunks(userIds)) {
    const rows = await db('users')
      .whereIn('users.id', some)
      .whereRaw(condition.sql, condition.bindings as never)
      .select('users.person_id');
    for (const row of rows) people.add(row.person_id);
  }
  return people;
}

/** Holds for the user that `speakingUsers` chooses: no other live user of the person comes before it. */
const IS_SPEAKING_USER = `not exists (
  select 1 from users as senior join connections as theirs on theirs.id = senior.connection_id
  where senior.person_id = users.person_id and senior.deleted_at is null and senior.id <> users.id
    and (theirs.is_primary > own.is_primary
      or (theirs.is_primary = own.is_primary
        and (senior.created_at < users.created_at
          or (senior.created_at = users.created_at and senior.id < users.id)))))`;

/** How many people of the directory meet `met` but not `unmet`. Null stands for a condition that everybody meets. */
export async function countMeeting(
  db: Db,
  environmentId: string,
  met: SqlCondition | null,
  unmet: SqlCondition | null,
): Promise<number> {
  if (unmet === null) return 0;
  const query = db('users')
    .join('connections as own', 'own.id', 'users.connection_id')
    .where('users.environment_id', environmentId)
    .whereNull('users.deleted_at')
    .whereRaw(IS_SPEAKING_USER)
    .whereRaw(`not coalesce(${unmet.sql}, false)`, unmet.bindings as never);
  if (met !== null) query.whereRaw(met.sql, met.bindings as never);
  const row = await query.count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/**
 * People of the directory who have an account on the store and do not meet the condition, range by range; a range may
 * be empty. Two kinds are left out, because the bridge knows of them already: people whose `REMOVE_AFTER_DAYS` count,
 * and people with a recorded loss that was planned because they are gone.
 */
export async function* linkedOutside(
  db: Db,
  storeId: string,
  condition: SqlCondition,
): AsyncGenerator<readonly string[]> {
  for await (const range of ranges(db, 'links', { store_id: storeId, kind: 'user' }, 'subject_id')) {
    const rows = await db('links')
      .join('users', 'users.person_id', 'links.subject_id')
      .join('connections as own', 'own.id', 'users.connection_id')
      .where({ 'links.store_id': storeId, 'links.kind': 'user' })
      .where('links.subject_id', '>', range.after)
      .where('links.subject_id', '<=', range.last)
      .where((state) => {
        state.whereIn('links.state', ['enabled', 'invited']);
        state.orWhere((counting) =>
          counting.where('links.state', 'disabled').whereNull('links.removal_since'),
        );
      })
      .whereNull('users.deleted_at')
      // The bridge does nothing about purged people.
      .whereNull('users.purged_at')
      .whereRaw(IS_SPEAKING_USER)
      .whereRaw(`not coalesce(${condition.sql}, false)`, condition.bindings as never)
      .whereNotExists(
        db('losses as l')
          .where({ 'l.store_id': storeId, 'l.kind': 'user', 'l.desired': 'gone', 'l.standing': true })
          .where('l.subject_id', db.ref('links.subject_id'))
          .select(db.raw('1')),
      )
      .select('links.subject_id');
    yield rows.map((row: { subject_id: string }) => row.subject_id);
  }
}

/** Direct members of a SCIM group who have no enabled account on the store or are not in sync, range by range. */
export async function* unsettledMembers(
  db: Db,
  storeId: string,
  groupId: string,
): AsyncGenerator<readonly string[]> {
  for await (const range of ranges(db, 'group_members', { group_id: groupId }, 'user_id')) {
    const rows = await db('group_members as m')
      .join('users as u', 'u.id', 'm.user_id')
      .leftJoin('links as l', (on) => {
        on.on('l.subject_id', 'u.person_id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'user');
      })
      .leftJoin('sync_statuses as s', (on) => {
        on.on('s.subject_id', 'u.person_id').andOnVal('s.store_id', storeId).andOnVal('s.kind', 'user');
      })
      .where('m.group_id', groupId)
      .where('m.user_id', '>', range.after)
      .where('m.user_id', '<=', range.last)
      .whereNull('u.deleted_at')
      .where((unsettled) => {
        unsettled.whereNull('l.state').orWhereNot('l.state', 'enabled');
        unsettled.orWhereNull('s.status').orWhereNot('s.status', 'synced');
      })
      .distinct('u.person_id');
    yield rows.map((row: { person_id: string }) => row.person_id);
  }
}
