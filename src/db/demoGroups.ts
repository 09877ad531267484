/** The groups of `Demo` stores, and their members. */

import { newId } from '../support/ids.ts';
import { chunks } from './chunks.ts';
import { lower } from './columns.ts';
import { type Db, isUniqueViolation } from './open.ts';

export interface DemoGroupRecord {
  readonly id: string;
  readonly name: string;
}

export interface DemoMemberRecord {
  readonly accountId: string;
  readonly identifierLower: string;
}

export type Written = 'done' | 'missing' | 'taken';

/** In the order of their ids, after `afterId`. */
export async function listDemoGroups(
  db: Db,
  storeId: string,
  afterId: string | null,
  limit: number,
): Promise<DemoGroupRecord[]> {
  const query = db('demo_groups').where({ store_id: storeId }).orderBy('id').limit(limit);
  const rows = await (afterId === null ? query : query.where('id', '>', afterId));
  return rows.map(toGroup);
}

/** In the order of their account ids, after `afterAccountId`. */
export async function listDemoMembers(
  db: Db,
  groupId: string,
  afterAccountId: string | null,
  limit: number,
): Promise<DemoMemberRecord[]> {
  const query = db('demo_members as m')
    .join('demo_accounts as a', 'a.id', 'm.account_id')
    .where('m.group_id', groupId)
    .select('m.account_id', 'a.identifier_lower')
    .orderBy('m.account_id')
    .limit(limit);
  const rows = await (afterAccountId === null ? query : query.where('m.account_id', '>', afterAccountId));
  return rows.map((row) => ({
    accountId: row.account_id as string,
    identifierLower: row.identifier_lower as string,
  }));
}

/** The groups of each account, by account id, without accounts that have none. */
export async function demoGroupsOfAccounts(
  db: Db,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, readonly DemoGroupRecord[]>> {
  const found = new Map<string, DemoGroupRecord[]>();
  for (const some of chunks(accountIds)) {
    const rows = await db('demo_members as m')
      .join('demo_groups as g', 'g.id', 'm.group_id')
      .whereIn('m.account_id', some)
      .orderBy(['g.name_lower', 'g.id'])
      .select('m.account_id', 'g.id', 'g.name');
    for (const row of rows) {
      const groups = found.get(row.account_id) ?? [];
      found.set(row.account_id, [...groups, toGroup(row)]);
    }
  }
  return found;
}

export async function createGroup(
  db: Db,
  at: string,
  storeId: string,
  name: string,
): Promise<DemoGroupRecord | null> {
  const row = {
    id: newId(),
    store_id: storeId,
    name,
    name_lower: lower(name),
    created_at: at,
    updated_at: at,
  };
  const inserted = await db('demo_groups')
    .insert(row)
    .onConflict(['store_id', 'name_lower'])
    .ignore()
    .returning('id');
  return inserted.length > 0 ? toGroup(row) : null;
}

export function addMembers(
  db: Db,
  storeId: string,
  groupId: string,
  accountIds: readonly string[],
): Promise<('done' | 'already' | 'missing')[]> {
  return db.transaction(async (tx) => {
    const there = await tx('demo_accounts')
      .where({ store_id: storeId })
      .whereIn('id', [...accountIds])
      .pluck('id');
    const known = new Set<string>(there);
    const before = await membersAmong(tx, groupId, accountIds);
    const added = [...known].filter((id) => !before.has(id));
    if (added.length > 0) {
      await tx('demo_members')
        .insert(added.map((id) => ({ group_id: groupId, account_id: id })))
        .onConflict(['group_id', 'account_id'])
        .ignore();
    }
    return accountIds.map((id) => {
      if (!known.has(id)) return 'missing';
      return before.has(id) ? 'already' : 'done';
    });
  });
}

export function removeMembers(
  db: Db,
  groupId: string,
  accountIds: readonly string[],
): Promise<('done' | 'already')[]> {
  return db.transaction(async (tx) => {
    const before = await membersAmong(tx, groupId, accountIds);
    await tx('demo_members')
      .where({ group_id: groupId })
      .whereIn('account_id', [...before])
      .del();
    return accountIds.map((id) => (before.has(id) ? 'done' : 'already'));
  });
}

async function membersAmong(db: Db, groupId: string, accountIds: readonly string[]): Promise<Set<string>> {
  const ids = await db('demo_members')
    .where({ group_id: groupId })
    .whereIn('account_id', [...accountIds])
    .pluck('account_id');
  return new Set(ids);
}

/** Runs an update that a unique name may refuse. */
export async function unlessTaken(update: () => Promise<number>): Promise<Written> {
  try {
    return (await update()) > 0 ? 'done' : 'missing';
  } catch (error) {
    if (isUniqueViolation(error)) return 'taken';
    throw error;
  }
}

export function toGroup(row: Record<string, unknown>): DemoGroupRecord {
  return { id: row.id as string, name: row.name as string };
}
