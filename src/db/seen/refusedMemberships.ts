/** Memberships that a vendor refused to give or to take, by account and remote group. */

import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';

export interface RefusedMembership {
  readonly remoteUserId: string;
  readonly op: 'grant' | 'revoke';
  readonly level: number | null;
  /** The vendor's words. */
  readonly words: string;
  /** ISO time: for a grant, when it was last refused; for a revoke, which stays owed, when it was first refused. */
  readonly refusedAt: string;
  /** Something else than the vendor answered: the change is sent again. */
  readonly unanswered: boolean;
}

export async function refusedIn(
  db: Db,
  storeId: string,
  remoteGroupId: string,
): Promise<readonly RefusedMembership[]> {
  const rows = await db('refused_memberships').where({ store_id: storeId, remote_group_id: remoteGroupId });
  return rows.map(toRefused);
}

export interface RefusedThere extends RefusedMembership {
  readonly groupName: string;
}

/** The refusals of the person's account, in the order of the groups' names. */
export async function refusedOfPerson(
  db: Db,
  storeId: string,
  personId: string,
): Promise<readonly RefusedThere[]> {
  const rows = await db('refused_memberships as r')
    .join('links as account', (on) => {
      on.on('account.store_id', 'r.store_id')
        .andOn('account.remote_id', 'r.remote_user_id')
        .andOnVal('account.kind', 'user')
        .andOnVal('account.state', '<>', 'removed');
    })
    .join('links as feeding', (on) => {
      on.on('feeding.store_id', 'r.store_id')
        .andOn('feeding.remote_id', 'r.remote_group_id')
        .andOnVal('feeding.kind', 'group');
    })
    .where({ 'r.store_id': storeId, 'account.subject_id': personId })
    .orderBy('feeding.remote_name')
    .select('r.*', 'feeding.remote_name as group_name');
  const byGroup = new Map(rows.map((row: Record<string, unknown>) => [row.remote_group_id, row]));
  return [...byGroup.values()].map((row) => ({ ...toRefused(row), groupName: row.group_name as string }));
}

export async function saveRefused(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  refused: readonly RefusedMembership[],
): Promise<void> {
  for (const some of chunks(refused)) {
    await db('refused_memberships')
      .insert(
        some.map(({ remoteUserId, op, level, words, refusedAt, unanswered }) => ({
          store_id: storeId,
          remote_group_id: remoteGroupId,
          remote_user_id: remoteUserId,
          op,
          level,
          words,
          refused_at: refusedAt,
          unanswered,
        })),
      )
      .onConflict(['store_id', 'remote_group_id', 'remote_user_id'])
      .merge(['op', 'level', 'words', 'refused_at', 'unanswered']);
  }
}

export async function forgetRefused(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  remoteUserIds: readonly string[],
): Promise<void> {
  for (const some of chunks(remoteUserIds))
    await db('refused_memberships')
      .where({ store_id: storeId, remote_group_id: remoteGroupId })
      .whereIn('remote_user_id', some)
      .delete();
}

/** For an account that is gone, or can be used again. */
export async function forgetRefusedOfAccount(db: Db, storeId: string, remoteUserId: string): Promise<void> {
  await db('refused_memberships').where({ store_id: storeId, remote_user_id: remoteUserId }).delete();
}

/** For a remote group that is gone, or that nothing feeds any more. */
export async function forgetRefusedOfGroup(db: Db, storeId: string, remoteGroupId: string): Promise<void> {
  await db('refused_memberships').where({ store_id: storeId, remote_group_id: remoteGroupId }).delete();
}

function toRefused(row: Record<string, unknown>): RefusedMembership {
  return {
    remoteUserId: row.remote_user_id as string,
    op: row.op as RefusedMembership['op'],
    level: row.level === null ? null : Number(row.level),
    words: row.words as string,
    refusedAt: row.refused_at as string,
    unanswered: fromBoolean(row.unanswered),
  };
}
