/**
 * A SCIM endpoint for tests: the real router and the real authentication over a real database, listening
 * on loopback.
 */

import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Knex } from 'knex';
import { createAddressLimit } from '../../../src/auth/addressLimit.ts';
import { createKnownTokens } from '../../../src/auth/knownTokens.ts';
import { createScimAuthenticator } from '../../../src/auth/scim.ts';
import { SCIM_SCOPES } from '../../../src/auth/scopes.ts';
import { hashToken, newToken } from '../../../src/auth/tokens.ts';
import { hashWith } from '../../../src/db/access/identifierKey.ts';
import { insertScimToken } from '../../../src/db/access/scimTokens.ts';
import { insertConnection, type UnknownAttributes } from '../../../src/db/identity/connections.ts';
import { insertEnvironmentOnce } from '../../../src/db/identity/environments.ts';
import { createScimRouter, SCIM_PATH, type ScimDeps } from '../../../src/scim/router.ts';
import { isoTime, systemClock } from '../../../src/support/clock.ts';
import { newId } from '../../../src/support/ids.ts';
import { createLog } from '../../../src/support/log.ts';

export const PUBLIC_URL = 'https://bridge.example.com';
export const BASE = PUBLIC_URL + SCIM_PATH;
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into JSON of any shape
  readonly body: any;
}

export interface Client {
  readonly connectionId: string;
  readonly environmentId: string;
  readonly token: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** `operations` become a PatchOp message. */
  patch(path: string, operations: readonly unknown[], headers?: Record<string, string>): Promise<Reply>;
  delete(path: string, headers?: Record<string, string>): Promise<Reply>;
  /** Ids in the order of creation. */
  newUsers(count: number, prefix?: string): Promise<readonly string[]>;
}

export interface EndpointUnderTest {
  readonly db: Knex;
  readonly port: number;
  /** How often the worker was woken. */
  wakes(): number;
  connect(options?: ConnectOptions): Promise<Client>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly environmentId?: string;
  readonly isPrimary?: boolean;
  readonly unknownAttributes?: UnknownAttributes;
  readonly scopes?: readonly string[];
}

/** However busy the machine is, tests get the result of what they ask for. */
const PATIENT_MS = 60_000;

export async function startEndpoint(
  db: Knex,
  limits: Pick<ScimDeps, 'concurrentRequestsMax' | 'bytesInHandMax' | 'answerWithinMs'> = {},
): Promise<EndpointUnderTest> {
  const log = createLog(process.env.TEST_LOG ?? 'silent');
  let wakes = 0;
  const wake = { signal: () => void wakes++ };
  const authenticate = createScimAuthenticator({
    ...{ db, clock: systemClock, log },
    tokens: createKnownTokens(db, systemClock),
    addressLimit: createAddressLimit(systemClock),
  });
  const app = express();
  app.set('etag', false);
  // As the bridge does: by that its answers are known, and held to their description.
  app.use((_request, response, next) => {
    response.set('X-Correlation-Id', newId());
    next();
  });
  app.use(
    SCIM_PATH,
    createScimRouter({
      ...{ db, clock: systemClock, log, wake, publicUrl: PUBLIC_URL, authenticate },
      identifierHash: async () => hashWith(Buffer.from('a key for tests')),
      answerWithinMs: PATIENT_MS,
      ...limits,
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    db,
    port,
    wakes: () => wakes,
    connect: (options = {}) => connect(db, port, options),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function connect(db: Knex, port: number, options: ConnectOptions): Promise<Client> {
  const {
    environmentId = 'default',
    isPrimary = false,
    unknownAttributes = 'Reject',
    scopes = SCIM_SCOPES,
  } = options;
  const at = isoTime(systemClock.now());
  const connectionId = newId();
  await insertEnvironmentOnce(db, { id: environmentId, name: environmentId, createdAt: at, updatedAt: at });
  await insertConnection(db, {
    id: connectionId,
    environmentId,
    name: `okta-${connectionId}`,
    handle: connectionId,
    strategy: 'okta',
    isPrimary,
    unknownAttributes,
    retentionDays: null,
    metadata: {},
    userIdAttribute: 'userName',
    mapping: null,
    createdAt: at,
    updatedAt: at,
  });
  const token = newToken('scim');
  await insertScimToken(
    db,
    {
      ...{ id: newId(), environmentId, connectionId, name: null, scopes },
      ...{ createdAt: at, validUntil: null, lastUsedAt: at },
    },
    hashToken(token),
  );
  return client(`http://127.0.0.1:${port}${SCIM_PATH}`, token, { connectionId, environmentId });
}

function client(url: string, token: string, ids: Pick<Client, 'connectionId' | 'environmentId'>): Client {
  const request: Client['request'] = async (method, path, body, headers = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array || body === undefined;
    const text = isRaw ? body : JSON.stringify(body);
    const type = text === undefined ? {} : { 'Content-Type': 'application/scim+json' };
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...type, ...headers },
      ...(text !== undefined && { body: text as string }),
    });
    const answered = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text: answered,
      body: answered === '' ? null : JSON.parse(answered),
    };
  };
  const self: Client = {
    ...ids,
    token,
    request,
    get: (path, headers) => request('GET', path, undefined, headers),
    post: (path, body, headers) => request('POST', path, body, headers),
    put: (path, body, headers) => request('PUT', path, body, headers),
    patch: (path, operations, headers) =>
      request('PATCH', path, { schemas: [PATCH_OP], Operations: operations }, headers),
    delete: (path, headers) => request('DELETE', path, undefined, headers),
    newUsers: async (count, prefix = 'user') => {
      const made: string[] = [];
      for (let n = 1; n <= count; n++) {
        const { body } = await request('POST', '/Users', { schemas: [USER], userName: `${prefix}${n}` });
        made.push(body.id);
      }
      return made;
    },
  };
  return self;
}

/** What every error must look like: the four keys and no other (RFC 7644 §3.12). */
export function expectScimError(reply: Reply, status: number, scimType?: string): void {
  expect({ status: reply.status, detail: reply.body?.detail }).toEqual({
    status,
    detail: expect.any(String),
  });
  expect(reply.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(reply.body).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType && { scimType }),
    detail: expect.any(String),
  });
}

export function someone(userName: string, more: Record<string, unknown> = {}) {
  return {
    schemas: [USER],
    userName,
    name: { givenName: 'Barbara', familyName: 'Jensen' },
    emails: [{ primary: true, value: addressOf(userName), type: 'work' }],
    displayName: 'Barbara Jensen',
    active: true,
    ...more,
  };
}

function addressOf(userName: string): string {
  return userName.includes('@') ? userName : `${userName}@example.com`;
}
