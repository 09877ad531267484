/**
 * Every token and session of the bridge at one moment, by its hash, with a version that tells a process whether this
 * is still current.
 */

import { type ConnectionRecord, toConnection } from '../identity/connections.ts';
import { kept } from '../knex/kept.ts';
import type { Db } from '../open.ts';
import { type AdminTokenRecord, toAdminToken } from './adminTokens.ts';
import { type ScimTokenRecord, toScimToken } from './scimTokens.ts';
import { type SessionRecord, toSession } from './sessions.ts';

export interface ScimAccess {
  readonly token: ScimTokenRecord;
  readonly connection: ConnectionRecord;
}

export interface SessionAccess {
  readonly session: SessionRecord;
  /** null: the session stands for ADMIN_TOKEN. */
  readonly token: AdminTokenRecord | null;
}

/** Includes tokens and sessions that have ended. */
export interface Access {
  readonly version: string;
  readonly scim: ReadonlyMap<string, ScimAccess>;
  readonly admin: ReadonlyMap<string, AdminTokenRecord>;
  readonly sessions: ReadonlyMap<string, SessionAccess>;
}

/** Whatever changes a token, or its connection, changes this in the same transaction. */
export async function accessVersion(db: Db): Promise<string> {
  const row = await readVersion(db, {});
  return String(row?.version);
}

const readVersion = kept<{ readonly version: number | string } | undefined, object>((db) =>
  db('access_version').first('version'),
);

/** Reads everything; what it answers is at least as new as its version says. */
export async function readAccess(db: Db): Promise<Access> {
  const version = await accessVersion(db);
  const connections = new Map<string, ConnectionRecord>();
  for (const row of await db('connections').whereNull('deletion')) {
    const connection = toConnection(row);
    connections.set(connection.id, connection);
  }
  const scim = new Map<string, ScimAccess>();
  for (const row of await db('scim_tokens')) {
    const token = toScimToken(row);
    const connection = connections.get(token.connectionId);
    if (connection) scim.set(row.token_hash, { token, connection });
  }
  const admin = new Map<string, AdminTokenRecord>();
  const byId = new Map<string, AdminTokenRecord>();
  for (const row of await db('admin_tokens')) {
    const token = toAdminToken(row);
    admin.set(row.token_hash, token);
    byId.set(token.id, token);
  }
  const sessions = new Map<string, SessionAccess>();
  for (const row of await db('sessions')) {
    const session = toSession(row);
    const token = session.tokenId === null ? null : byId.get(session.tokenId);
    if (token !== undefined) sessions.set(row.secret_hash, { session, token });
  }
  return { version, scim, admin, sessions };
}
