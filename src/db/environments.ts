/** Environments: the tenants. */

import { type Db, forUpdate } from './open.ts';
import type { After } from './paging.ts';

export interface EnvironmentRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The environment of the first start. It also keeps the audit of what belongs to no environment. */
export const DEFAULT_ENVIRONMENT_ID = 'default';

export async function getEnvironment(db: Db, id: string): Promise<EnvironmentRecord | null> {
  const row = await db('environments').where({ id }).first();
  return row ? toEnvironment(row) : null;
}

/** As `getEnvironment`, and nobody else changes it, or adds to it, until the transaction ends. */
export async function lockEnvironment(db: Db, id: string): Promise<EnvironmentRecord | null> {
  const row = await forUpdate(db, db('environments').where({ id })).first();
  return row ? toEnvironment(row) : null;
}

/** Oldest first; `limit` rows after the given one. `only` narrows to one environment. */
export async function listEnvironments(
  db: Db,
  limit: number,
  after: After | null,
  only: string | null,
): Promise<readonly EnvironmentRecord[]> {
  const query = db('environments').orderBy(['created_at', 'id']).limit(limit);
  if (only !== null) query.where({ id: only });
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toEnvironment);
}

export async function countEnvironments(db: Db, only: string | null): Promise<number> {
  const query = db('environments').count({ n: '*' });
  if (only !== null) query.where({ id: only });
  return Number((await query.first())?.n ?? 0);
}

/** Throws a unique violation (`isUniqueViolation`) where the name is taken. */
export async function insertEnvironment(db: Db, environment: EnvironmentRecord): Promise<void> {
  await db('environments').insert(toRow(environment));
}

/** False where the id, or the name, is taken: another replica was faster. */
export async function insertEnvironmentOnce(db: Db, environment: EnvironmentRecord): Promise<boolean> {
  const made = await db('environments').insert(toRow(environment)).onConflict().ignore().returning('id');
  return made.length > 0;
}

/** Throws a unique violation where the name is taken. */
export async function renameEnvironment(db: Db, id: string, name: string, at: string): Promise<void> {
  await db('environments').where({ id }).update({ name, updated_at: at });
}

/** How much still hangs on an environment: deleted people and stores count, for their history does. */
export async function environmentContents(
  db: Db,
  id: string,
): Promise<{ readonly connections: number; readonly stores: number; readonly users: number }> {
  const count = async (table: string): Promise<number> => {
    const row = await db(table).where({ environment_id: id }).count({ n: '*' }).first();
    return Number(row?.n ?? 0);
  };
  return {
    connections: await count('connections'),
    stores: await count('stores'),
    users: await count('persons'),
  };
}

export async function deleteEnvironment(db: Db, id: string): Promise<void> {
  await db('environments').where({ id }).delete();
}

function toRow(environment: EnvironmentRecord) {
  return {
    id: environment.id,
    name: environment.name,
    created_at: environment.createdAt,
    updated_at: environment.updatedAt,
  };
}

function toEnvironment(row: Record<string, unknown>): EnvironmentRecord {
  return {
    id: row.id as string,
    name: row.name as string,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
