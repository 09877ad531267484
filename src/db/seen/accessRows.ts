/** Every known membership on a store, page by page, and which of them the directory wants. Reads only. */

import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import type { LedgerOrigin } from './ledger.ts';

export interface MembershipKey {
  readonly remoteGroupId: string;
  readonly remoteUserId: string;
}

export interface MembershipRow extends MembershipKey {
  readonly origin: LedgerOrigin;
  readonly level: number | null;
  /** The account's name, as it was last seen there. */
  readonly display: string;
}

/** At most `limit` memberships, in the order of their keys. */
export async function membershipsPage(
  db: Db,
  storeId: string,
  after: MembershipKey | null,
  limit: number,
): Promise<readonly MembershipRow[]> {
  const query = db('membership_ledger')
    .where({ store_id: storeId })
    .orderBy(['remote_group_id', 'remote_user_id'])
    .limit(limit);
  if (after)
    query.whereRaw('(remote_group_id, remote_user_id) > (?, ?)', [after.remoteGroupId, after.remoteUserId]);
  return (await query).map((row: Record<string, unknown>) => ({
    remoteGroupId: row.remote_group_id as string,
    remoteUserId: row.remote_user_id as string,
    origin: row.origin as LedgerOrigin,
    level: row.level === null ? null : Number(row.level),
    display: row.display as string,
  }));
}

export interface FedGroup {
  readonly remoteName: string;
  /** The SCIM groups that feed the remote group. */
  readonly groupIds: readonly string[];
}

/** By the id of the remote group, without groups that nothing feeds. */
export async function fedGroups(
  db: Db,
  storeId: string,
  remoteGroupIds: readonly string[],
): Promise<ReadonlyMap<string, FedGroup>> {
  const found = new Map<string, FedGroup>();
  for (const some of chunks(remoteGroupIds)) {
    const rows: { remote_id: string; remote_name: string; subject_id: string }[] = await db('links')
      .where({ store_id: storeId, kind: 'group' })
      .whereNot({ state: 'removed' })
      .whereIn('remote_id', some)
      .orderBy('id')
      .select('remote_id', 'remote_name', 'subject_id');
    for (const { remote_id: id, remote_name: remoteName, subject_id: groupId } of rows)
      found.set(id, { remoteName, groupIds: [...(found.get(id)?.groupIds ?? []), groupId] });
  }
  return found;
}

/** Which of these people are active members of which of these SCIM groups, as `group person`. */
export async function activeMembers(
  db: Db,
  groupIds: readonly string[],
  personIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const groups of chunks(groupIds))
    for (const people of chunks(personIds)) {
      const rows: { group_id: string; person_id: string }[] = await db('users')
        .join('group_members', 'group_members.user_id', 'users.id')
        .whereIn('users.person_id', people)
        .whereIn('group_members.group_id', groups)
        .where('users.active', true)
        .whereNull('users.deleted_at')
        .select('group_members.group_id', 'users.person_id');
      for (const row of rows) found.add(`${row.group_id} ${row.person_id}`);
    }
  return found;
}
