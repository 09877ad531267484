/**
 * Sessions in a browser, and the codes of sign-in links that become sessions. Only hashes are stored. Each stands for
 * an admin token and ends with it.
 */

import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';

export interface SessionRecord {
  readonly id: string;
  readonly kind: 'session' | 'code';
  /** null: the session stands for ADMIN_TOKEN, as it was then. */
  readonly tokenId: string | null;
  readonly configuredHash: string | null;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Inserts a session, and deletes those that have ended. */
export async function insertSession(tx: Db, session: SessionRecord, secretHash: string): Promise<void> {
  await tx('sessions').where('expires_at', '<=', session.createdAt).delete();
  await tx('sessions').insert({
    ...{ id: session.id, kind: session.kind, secret_hash: secretHash, token_id: session.tokenId },
    configured_hash: session.configuredHash,
    ...{ created_at: session.createdAt, expires_at: session.expiresAt },
  });
}

export async function getSession(db: Db, id: string): Promise<SessionRecord | null> {
  const row = await db('sessions').where({ id, kind: 'session' }).first();
  return row ? toSession(row) : null;
}

/** Oldest first, without those that have ended at `now`; `limit` rows after the given one. */
export async function listSessions(
  db: Db,
  { now, limit, after }: { readonly now: string; readonly limit: number; readonly after: After | null },
): Promise<readonly SessionRecord[]> {
  const query = lasting(db, now).orderBy(['created_at', 'id']).limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toSession);
}

export async function countSessions(db: Db, now: string): Promise<number> {
  const row = await lasting(db, now).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

const lasting = (db: Db, now: string) =>
  db('sessions').where({ kind: 'session' }).where('expires_at', '>', now);

/** Answers whether this call deleted it: false where another was first, or it does not exist. Wants a transaction. */
export async function deleteSession(tx: Db, id: string): Promise<boolean> {
  const row = await forUpdate(tx, tx('sessions').where({ id })).first();
  if (!row) return false;
  await tx('sessions').where({ id }).delete();
  return true;
}

export function toSession(row: Record<string, unknown>): SessionRecord {
  return {
    id: row.id as string,
    kind: row.kind as SessionRecord['kind'],
    tokenId: row.token_id as string | null,
    configuredHash: row.configured_hash as string | null,
    createdAt: row.created_at as string,
    expiresAt: row.expires_at as string,
  };
}
