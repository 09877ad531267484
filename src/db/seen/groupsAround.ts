/** The groups around one person: SCIM groups that have the person, and remote groups that have the account. */

import type { Knex } from 'knex';
import type { Db } from '../open.ts';

/** The live SCIM groups that have the person as a direct member, through any of their users. */
export async function groupsOfPerson(db: Db, personId: string): Promise<readonly string[]> {
  const rows: { group_id: string }[] = await membershipsOfPerson(db, personId).distinct('m.group_id');
  return rows.map((row) => row.group_id);
}

export interface GroupsAround {
  /** As `groupsOfPerson`. */
  readonly groupIds: readonly string[];
  /** As `groupsOfAccount`; none where no account is given. */
  readonly remoteGroupIds: readonly string[];
}

export async function groupsAround(
  db: Db,
  storeId: string,
  personId: string,
  remoteUserId: string | undefined,
): Promise<GroupsAround> {
  const query = membershipsOfPerson(db, personId).select({
    group_id: 'm.group_id',
    remote_group_id: db.raw('null'),
  });
  if (remoteUserId !== undefined)
    query.unionAll(
      accountMemberships(db, storeId, remoteUserId).select({
        group_id: db.raw('null'),
        remote_group_id: 'remote_group_id',
      }),
    );
  const rows: { group_id: string | null; remote_group_id: string | null }[] = await query;
  return {
    groupIds: [...new Set(rows.flatMap((row) => row.group_id ?? []))],
    remoteGroupIds: rows.flatMap((row) => row.remote_group_id ?? []),
  };
}

/** Rows of `group_members as m`. */
export function membershipsOfPerson(db: Db, personId: string): Knex.QueryBuilder {
  return db('group_members as m')
    .join('users as u', 'u.id', 'm.user_id')
    .where('u.person_id', personId)
    .whereNull('u.deleted_at');
}

/** Remote groups in which the account has a membership that the bridge added or adopted. */
export async function groupsOfAccount(
  db: Db,
  storeId: string,
  remoteUserId: string,
): Promise<readonly string[]> {
  const rows = await accountMemberships(db, storeId, remoteUserId).select('remote_group_id');
  return rows.map((row: { remote_group_id: string }) => row.remote_group_id);
}

function accountMemberships(db: Db, storeId: string, remoteUserId: string) {
  return db('membership_ledger')
    .where({ store_id: storeId, remote_user_id: remoteUserId })
    .whereNot({ origin: 'foreign' });
}
