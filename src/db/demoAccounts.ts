/**
 * The accounts, groups and memberships of `Demo` stores. `demoAccounts` is what the Demo connector works
 * on; the plain lists are what the admin API shows.
 */

import type { Attributes } from '../model/desired.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { fromBoolean, fromJson, lower, toJson } from './columns.ts';
import { type Db, isUniqueViolation } from './open.ts';
import { countUpTo } from './paging.ts';

export interface DemoAccountRecord {
  readonly id: string;
  readonly identifierLower: string;
  readonly enabled: boolean;
  readonly attributes: Attributes;
}

export interface DemoGroupRecord {
  readonly id: string;
  readonly name: string;
}

export interface DemoAccountChange {
  readonly identifier?: string;
  readonly enabled?: boolean;
  readonly attributes?: Attributes;
}

type Written = 'done' | 'missing' | 'taken';

export interface DemoMemberRecord {
  readonly accountId: string;
  readonly identifierLower: string;
}

/** In the order of their ids, those after `afterId`. */
export async function listDemoAccounts(
  db: Db,
  storeId: string,
  afterId: string | null,
  limit: number,
): Promise<DemoAccountRecord[]> {
  const query = db('demo_accounts').where({ store_id: storeId }).orderBy('id').limit(limit);
  const rows = await (afterId === null ? query : query.where('id', '>', afterId));
  return rows.map(toAccount);
}

/** Null where there are too many to count in passing. */
export function countDemoAccounts(db: Db, storeId: string): Promise<number | null> {
  return countUpTo(db, db('demo_accounts').where({ store_id: storeId }));
}

/** In the order of their ids, those after `afterId`. */
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

/** In the order of their account ids, those after `afterAccountId`. */
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

/** The groups of each account, by account id; accounts in none are absent. */
export async function demoGroupsOfAccounts(
  db: Db,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, readonly DemoGroupRecord[]>> {
  const found = new Map<string, DemoGroupRecord[]>();
  for (let from = 0; from < accountIds.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('demo_members as m')
      .join('demo_groups as g', 'g.id', 'm.group_id')
      .whereIn('m.account_id', accountIds.slice(from, from + IDS_PER_QUERY_MAX))
      .orderBy(['g.name_lower', 'g.id'])
      .select('m.account_id', 'g.id', 'g.name');
    for (const row of rows) {
      const groups = found.get(row.account_id) ?? [];
      found.set(row.account_id, [...groups, toGroup(row)]);
    }
  }
  return found;
}

const IDS_PER_QUERY_MAX = 500;

/** Has the shape of the Demo connector's `DemoAccounts`. */
export function demoAccounts(db: Db, clock: Clock) {
  const now = () => isoTime(clock.now());
  const accountRow = (storeId: string, by: Record<string, string>) =>
    db('demo_accounts')
      .where({ store_id: storeId, ...by })
      .first();
  const groupRow = (storeId: string, by: Record<string, string>) =>
    db('demo_groups')
      .where({ store_id: storeId, ...by })
      .first();
  return {
    createAccount: (storeId: string, account: { identifier: string; attributes: Attributes }) =>
      createAccount(db, now(), storeId, account),
    async account(storeId: string, id: string) {
      const row = await accountRow(storeId, { id });
      return row ? toAccount(row) : null;
    },
    async accountByIdentifier(storeId: string, identifier: string) {
      const row = await accountRow(storeId, { identifier_lower: lower(identifier) });
      return row ? toAccount(row) : null;
    },
    accounts: (storeId: string, afterId: string | null, limit: number) =>
      listDemoAccounts(db, storeId, afterId, limit),
    updateAccount: (storeId: string, id: string, change: DemoAccountChange) =>
      updateAccount(db, now(), storeId, id, change),
    async deleteAccount(storeId: string, id: string): Promise<Written> {
      return (await db('demo_accounts').where({ store_id: storeId, id }).del()) > 0 ? 'done' : 'missing';
    },
    createGroup: (storeId: string, name: string) => createGroup(db, now(), storeId, name),
    async group(storeId: string, id: string) {
      const row = await groupRow(storeId, { id });
      return row ? toGroup(row) : null;
    },
    async groupByName(storeId: string, name: string) {
      const row = await groupRow(storeId, { name_lower: lower(name) });
      return row ? toGroup(row) : null;
    },
    groups: (storeId: string, afterId: string | null, limit: number) =>
      listDemoGroups(db, storeId, afterId, limit),
    renameGroup: (storeId: string, id: string, name: string) =>
      unlessTaken(() =>
        db('demo_groups')
          .where({ store_id: storeId, id })
          .update({ name, name_lower: lower(name), updated_at: now() }),
      ),
    async deleteGroup(storeId: string, id: string): Promise<Written> {
      return (await db('demo_groups').where({ store_id: storeId, id }).del()) > 0 ? 'done' : 'missing';
    },
    members: (groupId: string, afterAccountId: string | null, limit: number) =>
      listDemoMembers(db, groupId, afterAccountId, limit),
    addMembers: (storeId: string, groupId: string, accountIds: readonly string[]) =>
      addMembers(db, storeId, groupId, accountIds),
    removeMembers: (groupId: string, accountIds: readonly string[]) => removeMembers(db, groupId, accountIds),
  };
}

async function createAccount(
  db: Db,
  at: string,
  storeId: string,
  account: { readonly identifier: string; readonly attributes: Attributes },
): Promise<DemoAccountRecord | null> {
  const row = {
    id: newId(),
    store_id: storeId,
    identifier_lower: lower(account.identifier),
    enabled: true,
    attributes: toJson(account.attributes),
    created_at: at,
    updated_at: at,
  };
  const inserted = await db('demo_accounts')
    .insert(row)
    .onConflict(['store_id', 'identifier_lower'])
    .ignore()
    .returning('id');
  return inserted.length > 0 ? toAccount(row) : null;
}

/** Attributes are laid over those that are there. */
function updateAccount(
  db: Db,
  at: string,
  storeId: string,
  id: string,
  change: DemoAccountChange,
): Promise<Written> {
  return unlessTaken(() =>
    db.transaction(async (tx): Promise<number> => {
      const where = { store_id: storeId, id };
      const row = await tx('demo_accounts').where(where).first('attributes');
      if (!row) return 0;
      return await tx('demo_accounts')
        .where(where)
        .update({
          ...(change.identifier === undefined ? {} : { identifier_lower: lower(change.identifier) }),
          ...(change.enabled === undefined ? {} : { enabled: change.enabled }),
          attributes: toJson({ ...fromJson<Attributes>(row.attributes), ...change.attributes }),
          updated_at: at,
        });
    }),
  );
}

async function unlessTaken(update: () => Promise<number>): Promise<Written> {
  try {
    return (await update()) > 0 ? 'done' : 'missing';
  } catch (error) {
    if (isUniqueViolation(error)) return 'taken';
    throw error;
  }
}

async function createGroup(
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

function addMembers(
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

function removeMembers(
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

function toAccount(row: Record<string, unknown>): DemoAccountRecord {
  return {
    id: row.id as string,
    identifierLower: row.identifier_lower as string,
    enabled: fromBoolean(row.enabled),
    attributes: fromJson(row.attributes),
  };
}

function toGroup(row: Record<string, unknown>): DemoGroupRecord {
  return { id: row.id as string, name: row.name as string };
}
