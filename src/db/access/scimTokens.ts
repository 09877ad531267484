/** The SCIM tokens of a connection. Only hashes are stored; `auth/tokens` makes them. */

import { fromJson, toJson } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';
import { forgetActivity } from './connectionActivity.ts';

export interface ScimTokenRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly connectionId: string;
  /** null: nobody named it. */
  readonly name: string | null;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  /** null: until it is revoked */
  readonly validUntil: string | null;
  readonly lastUsedAt: string | null;
}

export async function insertScimToken(db: Db, token: ScimTokenRecord, tokenHash: string): Promise<void> {
  await db('scim_tokens').insert({
    id: token.id,
    environment_id: token.environmentId,
    connection_id: token.connectionId,
    token_hash: tokenHash,
    name: token.name,
    scopes: toJson(token.scopes),
    created_at: token.createdAt,
    valid_until: token.validUntil,
    last_used_at: token.lastUsedAt,
  });
}

/** Oldest first, expired ones too: an admin who rotates tokens wants to see them. */
export async function listScimTokens(db: Db, connectionId: string): Promise<readonly ScimTokenRecord[]> {
  const rows = await db('scim_tokens')
    .where({ connection_id: connectionId })
    .orderBy(['created_at', 'id'])
    .limit(SCIM_TOKENS_MAX);
  return rows.map(toScimToken);
}

/** The names of the tokens of every connection of the environment. */
export async function namesOfScimTokens(
  db: Db,
  environmentId: string,
): Promise<readonly { readonly name: string | null }[]> {
  return db('scim_tokens').where({ environment_id: environmentId }).select('name');
}

/** How many tokens one connection may have at once. */
export const SCIM_TOKENS_MAX = 100;

export async function countScimTokens(db: Db, connectionId: string): Promise<number> {
  const row = await db('scim_tokens').where({ connection_id: connectionId }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/**
 * Deletes a token of the connection and answers it; null where there is none. Wants a transaction, because
 * SQLite's delete returns no rows.
 */
export async function deleteScimToken(
  db: Db,
  connectionId: string,
  id: string,
): Promise<ScimTokenRecord | null> {
  const one = () => db('scim_tokens').where({ connection_id: connectionId, id });
  const row = await forUpdate(db, one()).first();
  await one().delete();
  return row ? toScimToken(row) : null;
}

/**
 * Deletes a connection's tokens, and what the bridge knows of its clients' requests. Answers how many tokens it
 * deleted.
 */
export async function revokeScimTokensOf(tx: Db, connectionId: string): Promise<number> {
  await tx('attributes_seen').where({ connection_id: connectionId }).delete();
  await forgetActivity(tx, connectionId);
  return tx('scim_tokens').where({ connection_id: connectionId }).delete();
}

/**
 * Notes that the token was used at `at`, unless a later use is noted. Does nothing where the token is gone.
 */
export async function touchScimToken(db: Db, id: string, at: string): Promise<void> {
  await db('scim_tokens')
    .where({ id })
    .andWhere((q) => q.whereNull('last_used_at').orWhere('last_used_at', '<', at))
    .update({ last_used_at: at });
}

export function toScimToken(row: Record<string, unknown>): ScimTokenRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    connectionId: row.connection_id as string,
    name: row.name as string | null,
    scopes: fromJson(row.scopes),
    createdAt: row.created_at as string,
    validUntil: row.valid_until as string | null,
    lastUsedAt: row.last_used_at as string | null,
  };
}
