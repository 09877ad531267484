/**
 * The first start makes the environment `default`, its primary connection and, unless `ADMIN_TOKEN` is set, the first
 * two tokens. Later starts, and other replicas, find them and show no secret.
 */

import type { Knex } from 'knex';
import { ADMIN_SCOPES, SCIM_SCOPES } from '../auth/scopes.ts';
import { hashToken, newToken } from '../auth/tokens.ts';
import { auditedAdminToken, auditedConnection, auditedScimToken } from '../control/identity/audited.ts';
import { type AdminTokenRecord, insertAdminToken } from '../db/access/adminTokens.ts';
import { insertScimToken, type ScimTokenRecord } from '../db/access/scimTokens.ts';
import { appendEvent } from '../db/events.ts';
import { insertConnection, type NewConnection, USER_ID_ATTRIBUTES } from '../db/identity/connections.ts';
import {
  DEFAULT_ENVIRONMENT_ID,
  getEnvironment,
  insertEnvironmentOnce,
} from '../db/identity/environments.ts';
import type { Db } from '../db/open.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import type { EventKind } from '../model/eventKinds.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';

const DAY_MS = 24 * 60 * 60_000;
/** The first token was shown on a terminal or in a file, so it ends after this time unless an admin renews it. */
const ADMIN_TOKEN_DAYS = 30;

export interface Bootstrapped {
  /** False where an earlier start, or another replica, did it. */
  readonly created: boolean;
  /** In clear. Nobody can read it later. */
  readonly scimToken?: string;
  readonly adminToken?: string;
}

/** Runs after the migrations. Several replicas may call it at the same time. */
export async function bootstrap(
  db: Knex,
  clock: Clock,
  given: { readonly adminTokenGiven: boolean },
): Promise<Bootstrapped> {
  if (await getEnvironment(db, DEFAULT_ENVIRONMENT_ID)) return { created: false };
  const now = clock.now();
  const at = isoTime(now);
  const cause: Cause = { correlationId: newId(), actor: SYSTEM };
  return db.transaction(async (tx) => {
    const id = DEFAULT_ENVIRONMENT_ID;
    const won = await insertEnvironmentOnce(tx, { id, name: 'default', createdAt: at, updatedAt: at });
    if (!won) return { created: false };
    await appendFirstStartEvent(tx, at, cause, 'environment.created', { id, name: 'default' });
    const connection = await createConnection(tx, at, cause);
    if (given.adminTokenGiven) return { created: true };
    return {
      created: true,
      adminToken: await createAdminToken(tx, now, cause),
      scimToken: await createScimToken(tx, at, cause, connection.id),
    };
  });
}

async function createConnection(db: Db, at: string, cause: Cause): Promise<NewConnection> {
  const connection: NewConnection = {
    id: newId(),
    environmentId: DEFAULT_ENVIRONMENT_ID,
    name: 'default',
    handle: 'default',
    strategy: 'scim',
    isPrimary: true,
    unknownAttributes: 'Reject',
    retentionDays: null,
    metadata: {},
    userIdAttribute: USER_ID_ATTRIBUTES.scim,
    mapping: null,
    createdAt: at,
    updatedAt: at,
  };
  await insertConnection(db, connection);
  await appendFirstStartEvent(db, at, cause, 'connection.created', auditedConnection(connection));
  return connection;
}

async function createAdminToken(db: Db, now: number, cause: Cause): Promise<string> {
  const token = newToken('admin');
  const at = isoTime(now);
  const record: AdminTokenRecord = {
    id: newId(),
    name: 'first start',
    scopes: ADMIN_SCOPES,
    environmentId: null,
    createdAt: at,
    validUntil: isoTime(now + ADMIN_TOKEN_DAYS * DAY_MS),
    lastUsedAt: null,
  };
  await insertAdminToken(db, record, hashToken(token));
  await appendFirstStartEvent(db, at, cause, 'admin-token.created', auditedAdminToken(record));
  return token;
}

async function createScimToken(db: Db, at: string, cause: Cause, connectionId: string): Promise<string> {
  const token = newToken('scim');
  const record: ScimTokenRecord = {
    id: newId(),
    environmentId: DEFAULT_ENVIRONMENT_ID,
    connectionId,
    name: 'first start',
    scopes: SCIM_SCOPES,
    createdAt: at,
    validUntil: null,
    lastUsedAt: null,
  };
  await insertScimToken(db, record, hashToken(token));
  await appendFirstStartEvent(db, at, cause, 'scim-token.created', auditedScimToken(record));
  return token;
}

async function appendFirstStartEvent(
  db: Db,
  at: string,
  cause: Cause,
  kind: EventKind,
  after: unknown,
): Promise<void> {
  await appendEvent(db, at, {
    environmentId: DEFAULT_ENVIRONMENT_ID,
    cause,
    kind,
    outcome: 'success',
    after,
  });
}
