/**
 * The membership ledger: every known membership of a remote group, and whose it is. `added` and `adopted` ones are
 * the bridge's; `foreign` ones were seen there and are not.
 */

import type { RemoteMember } from '../../model/remote.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import { displayUnlessPurged } from '../identity/retention.ts';
import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { forgetRefusedOfAccount, forgetRefusedOfGroup } from './refusedMemberships.ts';

export type LedgerOrigin = 'added' | 'adopted' | 'foreign';

export interface LedgerEntry {
  readonly remoteUserId: string;
  readonly origin: LedgerOrigin;
  readonly level: number | null;
  readonly display: string;
  /** The account was disabled since, and the vendor may have dropped the membership then. */
  readonly doubted?: boolean;
  /** The member gets what is wanted from a group above; there is no direct membership. */
  readonly inherited?: boolean;
}

const ROWS_PER_INSERT_MAX = 100;
/** Records memberships that a scan saw; an existing entry keeps its origin. `at`: an ISO time. */
export async function observeMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  members: readonly RemoteMember[],
  scanId: string,
  at: string,
): Promise<void> {
  for (let from = 0; from < members.length; from += ROWS_PER_INSERT_MAX) {
    const rows = members.slice(from, from + ROWS_PER_INSERT_MAX).map((member) => ({
      store_id: storeId,
      remote_group_id: remoteGroupId,
      remote_user_id: member.remoteId,
      origin: 'foreign',
      level: member.level,
      display: member.display,
      created_at: at,
      scan_id: scanId,
      doubted: false,
      inherited: false,
    }));
    await db('membership_ledger')
      .insert(rows)
      .onConflict(['store_id', 'remote_group_id', 'remote_user_id'])
      .merge(['level', 'display', 'scan_id', 'doubted', 'inherited']);
  }
}

/** How many of these members the scan has not seen yet. */
export async function countFreshMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  members: readonly RemoteMember[],
  scanId: string,
): Promise<number> {
  const ids = [...new Set(members.map(({ remoteId }) => remoteId))];
  let known = 0;
  for (let from = 0; from < ids.length; from += ROWS_PER_INSERT_MAX) {
    const row = await db('membership_ledger')
      .where({ store_id: storeId, remote_group_id: remoteGroupId, scan_id: scanId })
      .whereIn('remote_user_id', ids.slice(from, from + ROWS_PER_INSERT_MAX))
      .count({ n: '*' })
      .first();
    known += Number(row?.n ?? 0);
  }
  return ids.length - known;
}

/** Entries that the scan did not see. Ask only after a complete scan. */
export async function unseenMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  scanId: string,
): Promise<readonly LedgerEntry[]> {
  const rows = await db('membership_ledger')
    .where({ store_id: storeId, remote_group_id: remoteGroupId })
    .where((query) => query.whereNull('scan_id').orWhereNot({ scan_id: scanId }));
  return rows.map(toEntry);
}

/** Memberships through a group above, which no list of the group's own members shows. */
export async function inheritedMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
): Promise<readonly LedgerEntry[]> {
  const rows = await db('membership_ledger').where({
    store_id: storeId,
    remote_group_id: remoteGroupId,
    inherited: true,
  });
  return rows.map(toEntry);
}

/** Records that the read saw these members too. */
export async function markSeen(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  remoteUserIds: readonly string[],
  scanId: string,
): Promise<void> {
  for (const some of chunks(remoteUserIds))
    await db('membership_ledger')
      .where({ store_id: storeId, remote_group_id: remoteGroupId })
      .whereIn('remote_user_id', some)
      .update({ scan_id: scanId });
}

/**
 * What is known of these accounts' memberships, by remote id, without accounts that have none. `seenIn`: the id of a
 * read of all members, to leave out those that it did not see.
 */
export async function ledgerEntries(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  remoteUserIds: readonly string[],
  seenIn: string | null = null,
): Promise<ReadonlyMap<string, LedgerEntry>> {
  const found = new Map<string, LedgerEntry>();
  for (const some of chunks(remoteUserIds)) {
    const rows = await db('membership_ledger')
      .where({ store_id: storeId, remote_group_id: remoteGroupId, ...(seenIn ? { scan_id: seenIn } : {}) })
      .whereIn('remote_user_id', some);
    for (const row of rows) found.set(row.remote_user_id, toEntry(row));
  }
  return found;
}

/** Records memberships. If the person was purged since the change was planned, their name is not written again. */
export async function recordMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  entries: readonly LedgerEntry[],
  at: string,
): Promise<void> {
  for (let from = 0; from < entries.length; from += ROWS_PER_INSERT_MAX) {
    const some = entries.slice(from, from + ROWS_PER_INSERT_MAX);
    const rows = some.map((entry) => ({
      store_id: storeId,
      remote_group_id: remoteGroupId,
      remote_user_id: entry.remoteUserId,
      origin: entry.origin,
      level: entry.level,
      granted_level: entry.level,
      display: displayUnlessPurged(db, storeId, entry.remoteUserId, entry.display),
      created_at: at,
      doubted: false,
      inherited: entry.inherited ?? false,
    }));
    await db('membership_ledger')
      .insert(rows)
      .onConflict(['store_id', 'remote_group_id', 'remote_user_id'])
      .merge(['origin', 'level', 'granted_level', 'display', 'doubted', 'inherited']);
  }
}

export async function forgetMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  remoteUserIds: readonly string[],
): Promise<void> {
  for (const some of chunks(remoteUserIds)) {
    await db('membership_ledger')
      .where({ store_id: storeId, remote_group_id: remoteGroupId })
      .whereIn('remote_user_id', some)
      .delete();
  }
}

/** The account was disabled, or the vendor no longer shows it, and nobody says what happens to its memberships. */
export function doubtingMembershipsOf(storeId: string, remoteUserId: string): Write {
  return writing(doubt, { storeId, remoteUserId });
}

function doubt(
  db: Db,
  { storeId, remoteUserId }: { readonly storeId: string; readonly remoteUserId: string },
) {
  return db('membership_ledger')
    .where({ store_id: storeId, remote_user_id: remoteUserId })
    .update({ doubted: true });
}

/** The account is gone. */
export async function forgetAccount(db: Db, storeId: string, remoteUserId: string): Promise<void> {
  await db('membership_ledger').where({ store_id: storeId, remote_user_id: remoteUserId }).delete();
  await forgetRefusedOfAccount(db, storeId, remoteUserId);
}

/**
 * How many memberships of the remote group are known, whoever made them. `seenIn`: without those that this read of
 * the group did not see.
 */
export async function countMembers(
  db: Db,
  storeId: string,
  remoteGroupId: string,
  seenIn: string | null = null,
): Promise<number> {
  const row = await db('membership_ledger')
    .where({ store_id: storeId, remote_group_id: remoteGroupId, ...(seenIn ? { scan_id: seenIn } : {}) })
    .count({ n: '*' })
    .first();
  return Number(row?.n ?? 0);
}

/** Which of these remote groups have a member whom the bridge neither added nor adopted. */
export async function groupsWithOthers(
  db: Db,
  storeId: string,
  remoteGroupIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(remoteGroupIds)) {
    const rows: { remote_group_id: string }[] = await db('membership_ledger')
      .where({ store_id: storeId, origin: 'foreign', doubted: false })
      .whereIn('remote_group_id', some)
      .distinct('remote_group_id');
    for (const row of rows) found.add(row.remote_group_id);
  }
  return found;
}

/** Whether the bridge added or adopted a membership of the remote group. */
export async function ownsMembers(db: Db, storeId: string, remoteGroupId: string): Promise<boolean> {
  const row = await db('membership_ledger')
    .where({ store_id: storeId, remote_group_id: remoteGroupId })
    .whereNot({ origin: 'foreign' })
    .first('remote_user_id');
  return row !== undefined;
}

/** The remote group is gone, or nothing feeds it any more. */
export async function forgetGroup(db: Db, storeId: string, remoteGroupId: string): Promise<void> {
  await db('membership_ledger').where({ store_id: storeId, remote_group_id: remoteGroupId }).delete();
  await forgetRefusedOfGroup(db, storeId, remoteGroupId);
}

export interface HoldingGroup {
  readonly storeId: string;
  /** A SCIM group that feeds the remote group. */
  readonly groupId: string;
}

/**
 * On every working store: the SCIM groups that feed a remote group in which the person has a membership that the
 * bridge added or adopted.
 */
export async function groupsHoldingPerson(db: Db, personId: string): Promise<readonly HoldingGroup[]> {
  const rows: { storeId: string; groupId: string }[] = await db('links as account')
    .join('membership_ledger as e', (on) => {
      on.on('e.store_id', 'account.store_id').andOn('e.remote_user_id', 'account.remote_id');
    })
    .join('links as feeding', (on) => {
      on.on('feeding.store_id', 'account.store_id')
        .andOn('feeding.remote_id', 'e.remote_group_id')
        .andOnVal('feeding.kind', 'group');
    })
    .join('stores', 'stores.id', 'account.store_id')
    .where({ 'account.kind': 'user', 'account.subject_id': personId })
    .whereIn('stores.status', ['ACTIVE', 'DELETING'])
    .whereNull('stores.deleted_at')
    .whereNot({ 'account.state': 'removed' })
    .whereNot({ 'e.origin': 'foreign' })
    .groupBy('account.store_id', 'e.remote_group_id')
    .select('account.store_id as storeId')
    .min({ groupId: 'feeding.subject_id' });
  return rows;
}

function toEntry(row: Record<string, unknown>): LedgerEntry {
  return {
    remoteUserId: row.remote_user_id as string,
    origin: row.origin as LedgerOrigin,
    level: row.level === null ? null : Number(row.level),
    display: row.display as string,
    doubted: fromBoolean(row.doubted),
    inherited: fromBoolean(row.inherited),
  };
}
