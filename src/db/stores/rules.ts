/** Rules: which people, and which groups, a store is concerned with. */

import { fromBoolean, fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import type { After } from '../paging.ts';
import { raiseContextVersion } from './contextVersions.ts';

export interface RuleRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly name: string;
  /** Inactive rules do not count. */
  readonly active: boolean;
  /** A SCIM filter on users; null: everyone. */
  readonly populationExpression: string | null;
  /** The ids of SCIM groups, in one of which the person must be; empty: in any or none. */
  readonly groups: readonly string[];
  /** ISO times */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The rules of one store, oldest first. */
export async function rulesOfStore(db: Db, storeId: string): Promise<readonly RuleRecord[]> {
  const rows = await db('rules').where({ store_id: storeId }).orderBy(['created_at', 'id']);
  return rows.map(toRule);
}

/** The environment's rules, active or not, that name one of these groups. */
export async function rulesNaming(
  db: Db,
  environmentId: string,
  groupIds: readonly string[],
): Promise<readonly RuleRecord[]> {
  if (groupIds.length === 0) return [];
  const rows = await db('rules').where({ environment_id: environmentId }).orderBy(['created_at', 'id']);
  return rows.map(toRule).filter((rule) => rule.groups.some((id) => groupIds.includes(id)));
}

/** Null also for another tenant's rule. */
export async function getRule(db: Db, environmentId: string, id: string): Promise<RuleRecord | null> {
  const row = await db('rules').where({ environment_id: environmentId, id }).first();
  return row ? toRule(row) : null;
}

/** Oldest first, at most `limit`; `storeId` null: of every store. */
export async function listRules(
  db: Db,
  environmentId: string,
  storeId: string | null,
  limit: number,
  after: After | null,
): Promise<readonly RuleRecord[]> {
  const query = rulesOf(db, environmentId, storeId).orderBy(['created_at', 'id']).limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toRule);
}

/** The rows that `listRules` pages through, for counting. */
export function rulesOf(db: Db, environmentId: string, storeId: string | null) {
  const query = db('rules').where({ environment_id: environmentId });
  return storeId === null ? query : query.where({ store_id: storeId });
}

export async function insertRule(db: Db, rule: RuleRecord): Promise<void> {
  await db('rules').insert({ id: rule.id, ...toRow(rule) });
  await raiseContextVersion(db, rule.storeId);
}

export async function updateRule(db: Db, rule: RuleRecord): Promise<void> {
  await db('rules').where({ id: rule.id }).update(toRow(rule));
  await raiseContextVersion(db, rule.storeId);
}

export async function deleteRule(db: Db, { id, storeId }: RuleRecord): Promise<void> {
  await db('rules').where({ id }).delete();
  await raiseContextVersion(db, storeId);
}

function toRow(rule: RuleRecord) {
  return {
    environment_id: rule.environmentId,
    store_id: rule.storeId,
    name: rule.name,
    active: rule.active,
    population_expression: rule.populationExpression,
    group_ids: toJson(rule.groups),
    created_at: rule.createdAt,
    updated_at: rule.updatedAt,
  };
}

function toRule(row: Record<string, unknown>): RuleRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    name: row.name as string,
    active: fromBoolean(row.active),
    populationExpression: row.population_expression as string | null,
    groups: fromJson(row.group_ids),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
