/** The accounts of `Demo` stores. With their groups, they are everything that the Demo connector works on. */

import type { Attributes } from '../model/desired.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { fromBoolean, fromJson, lower, toJson } from './columns.ts';
import {
  addMembers,
  createGroup,
  demoGroupsOfAccounts,
  listDemoGroups,
  listDemoMembers,
  removeMembers,
  toGroup,
  unlessTaken,
  type Written,
} from './demoGroups.ts';
import type { Db } from './open.ts';
import { countUpTo } from './paging.ts';

export interface DemoAccountRecord {
  readonly id: string;
  readonly identifierLower: string;
  readonly enabled: boolean;
  readonly attributes: Attributes;
}

export interface DemoAccountChange {
  readonly identifier?: string;
  readonly enabled?: boolean;
  readonly attributes?: Attributes;
}

/** In the order of their ids, after `afterId`. */
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
    countAccounts: (storeId: string) => countUpTo(db, db('demo_accounts').where({ store_id: storeId })),
    groupsOf: (accountIds: readonly string[]) => demoGroupsOfAccounts(db, accountIds),
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

/** Overwrites the named attributes, and keeps the others. */
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

function toAccount(row: Record<string, unknown>): DemoAccountRecord {
  return {
    id: row.id as string,
    identifierLower: row.identifier_lower as string,
    enabled: fromBoolean(row.enabled),
    attributes: fromJson(row.attributes),
  };
}
