/** Every identity provider's session against the real process, each with a connection made by an admin. */

import type { Reply } from '../conformance/scim/endpoint.ts';
import {
  playSession,
  publishedSchemas,
  type Schemas,
  type Session,
  sessions,
} from '../conformance/scim/sessionPlayer.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  readFirstStart,
  startBridge,
} from './process.ts';

let bridge: BridgeProcess;
let adminToken: string;
let schemas: Schemas;

beforeAll(async () => {
  const directory = bridgeDirectory();
  bridge = await startBridge({ directory });
  adminToken = readFirstStart(directory).adminToken;
  schemas = await publishedSchemas(await connect({ name: 'schemas' }));
});
afterAll(forgetBridges);

async function admin(path: string, body: unknown): Promise<Record<string, string>> {
  const response = await fetch(`${bridge.url}/v1/environments/default${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as Record<string, string>;
}

async function connect({ name, unknownAttributes = 'Reject' }: Pick<Session, 'name' | 'unknownAttributes'>) {
  const { id } = await admin('/connections', { name, strategy: 'scim', unknownAttributes });
  const { token } = await admin(`/connections/${id}/scim-configuration/tokens`, {});
  return { request: (...args: RequestArguments) => request(token ?? '', ...args) };
}

type RequestArguments = [method: string, path: string, body?: unknown, headers?: Record<string, string>];

async function request(token: string, ...[method, path, body, headers]: RequestArguments): Promise<Reply> {
  const response = await fetch(`${bridge.url}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === '' ? null : JSON.parse(text),
  };
}

it.each(sessions.map((session) => [session.name, session] as const))('%s', async (_, session) => {
  await playSession(await connect(session), session, schemas);
});
