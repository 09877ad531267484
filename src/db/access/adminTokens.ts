/** Admin tokens. Only hashes are stored; `auth/tokens` makes them. */

import { fromJson, toJson } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';

export interface AdminTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly ('read' | 'write')[];
  /** null: every environment */
  readonly environmentId: string | null;
  readonly createdAt: string;
  /** null: until it is revoked */
  readonly validUntil: string | null;
  readonly lastUsedAt: string | null;
}

export async function getAdminToken(db: Db, id: string): Promise<AdminTokenRecord | null> {
  const row = await db('admin_tokens').where({ id }).first();
  return row ? toAdminToken(row) : null;
}

export async function insertAdminToken(db: Db, token: AdminTokenRecord, tokenHash: string): Promise<void> {
  await db('admin_tokens').insert({
    id: token.id,
    name: token.name,
    token_hash: tokenHash,
    scopes: toJson(token.scopes),
    environment_id: token.environmentId,
    created_at: token.createdAt,
    valid_until: token.validUntil,
    last_used_at: token.lastUsedAt,
  });
}

/** Oldest first; `limit` rows after the given one. */
export async function listAdminTokens(
  db: Db,
  limit: number,
  after: After | null,
): Promise<readonly AdminTokenRecord[]> {
  const query = db('admin_tokens').orderBy(['created_at', 'id']).limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toAdminToken);
}

/** The tokens of this environment; null: those of every environment. */
export async function adminTokensOf(
  db: Db,
  environmentId: string | null,
): Promise<readonly AdminTokenRecord[]> {
  return (await db('admin_tokens').where({ environment_id: environmentId })).map(toAdminToken);
}

export async function countAdminTokens(db: Db): Promise<number> {
  const row = await db('admin_tokens').count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** As `getAdminToken`, and nobody else changes it until the transaction ends. */
export async function lockAdminToken(tx: Db, id: string): Promise<AdminTokenRecord | null> {
  const row = await forUpdate(tx, tx('admin_tokens').where({ id })).first();
  return row ? toAdminToken(row) : null;
}

/** Sets when the token ends, an ISO time; null: when it is revoked. */
export async function writeAdminTokenEnd(tx: Db, id: string, validUntil: string | null): Promise<void> {
  await tx('admin_tokens').where({ id }).update({ valid_until: validUntil });
}

/**
 * Deletes a token and answers it; null where there is none. Wants a transaction: SQLite's delete returns no
 * rows.
 */
export async function deleteAdminToken(db: Db, id: string): Promise<AdminTokenRecord | null> {
  const row = await forUpdate(db, db('admin_tokens').where({ id })).first();
  await db('admin_tokens').where({ id }).delete();
  return row ? toAdminToken(row) : null;
}

/** Deletes the tokens of an environment, and answers them. Wants a transaction. */
export async function deleteAdminTokensOf(
  db: Db,
  environmentId: string,
): Promise<readonly AdminTokenRecord[]> {
  const bound = () => db('admin_tokens').where({ environment_id: environmentId });
  const rows = await forUpdate(db, bound());
  await bound().delete();
  return rows.map(toAdminToken);
}

/**
 * Notes that the token was used at `at`, unless a later use is noted. Does nothing where the token is gone.
 */
export async function touchAdminToken(db: Db, id: string, at: string): Promise<void> {
  await db('admin_tokens')
    .where({ id })
    .andWhere((q) => q.whereNull('last_used_at').orWhere('last_used_at', '<', at))
    .update({ last_used_at: at });
}

export function toAdminToken(row: Record<string, unknown>): AdminTokenRecord {
  return {
    id: row.id as string,
    name: row.name as string,
    scopes: fromJson(row.scopes),
    environmentId: row.environment_id as string | null,
    createdAt: row.created_at as string,
    validUntil: row.valid_until as string | null,
    lastUsedAt: row.last_used_at as string | null,
  };
}
