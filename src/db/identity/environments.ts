/** Environments: the tenants. A deleted one keeps its row, for its audit log. */

import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';
import { type Deletion, toDeletion } from './deletions.ts';

export interface EnvironmentRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Null unless it is being deleted or is deleted. */
  readonly deletion: Deletion | null;
  readonly deletedAt: string | null;
}

export type NewEnvironment = Omit<EnvironmentRecord, 'deletion' | 'deletedAt'>;

/** The environment of the first start. It also keeps the events that belong to no environment. */
export const DEFAULT_ENVIRONMENT_ID = 'default';

/** Null where it does not exist, or is deleted. */
export async function getEnvironment(db: Db, id: string): Promise<EnvironmentRecord | null> {
  const row = await present(db).where({ id }).first();
  return row ? toEnvironment(row) : null;
}

/** Deleted ones too, because their audit log can still be read. */
export async function getEnvironmentEvenDeleted(db: Db, id: string): Promise<EnvironmentRecord | null> {
  const row = await db('environments').where({ id }).first();
  return row ? toEnvironment(row) : null;
}

function present(db: Db) {
  return db('environments').whereNull('deleted_at');
}

/** As `getEnvironment`; until the transaction ends, nobody else changes it or adds to it. */
export async function lockEnvironment(db: Db, id: string): Promise<EnvironmentRecord | null> {
  const row = await forUpdate(db, present(db).where({ id })).first();
  return row ? toEnvironment(row) : null;
}

/** Oldest first; `limit` rows after the given one. `only`: just this environment. */
export async function listEnvironments(
  db: Db,
  limit: number,
  after: After | null,
  only: string | null,
): Promise<readonly EnvironmentRecord[]> {
  const query = present(db).orderBy(['created_at', 'id']).limit(limit);
  if (only !== null) query.where({ id: only });
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toEnvironment);
}

/** The ids of all that are not deleted. */
export async function everyEnvironmentId(db: Db): Promise<readonly string[]> {
  return present(db).orderBy(['created_at', 'id']).pluck('id');
}

export async function countEnvironments(db: Db, only: string | null): Promise<number> {
  const query = present(db).count({ n: '*' });
  if (only !== null) query.where({ id: only });
  return Number((await query.first())?.n ?? 0);
}

/** Throws a unique violation (`isUniqueViolation`) where the name is taken. */
export async function insertEnvironment(db: Db, environment: NewEnvironment): Promise<void> {
  await db('environments').insert(toRow(environment));
}

/** False where the id or the name is taken, because another replica was faster. */
export async function insertEnvironmentOnce(db: Db, environment: NewEnvironment): Promise<boolean> {
  const made = await db('environments').insert(toRow(environment)).onConflict().ignore().returning('id');
  return made.length > 0;
}

/** Throws a unique violation where the name is taken. */
export async function renameEnvironment(db: Db, id: string, name: string, at: string): Promise<void> {
  await db('environments').where({ id }).update({ name, updated_at: at });
}

function toRow(environment: NewEnvironment) {
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
    deletion: toDeletion(row),
    deletedAt: row.deleted_at as string | null,
  };
}
