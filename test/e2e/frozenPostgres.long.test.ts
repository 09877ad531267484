/** A PostgreSQL server that stands still, its connections open: every request gets its answer, and all goes on after. */

import { randomBytes } from 'node:crypto';
import { eventually } from '../bridge.ts';
import { type FreezablePostgres, startFreezablePostgres } from './frozen.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  readFirstStart,
  startBridge,
} from './process.ts';

const ANSWER_WITHIN_MS = 20_000;
const RECOVERED_WITHIN_MS = 20_000;
/** More than the bridge has connections. */
const REQUESTS = 30;

let server: FreezablePostgres;
let bridge: BridgeProcess;
let token: string;

beforeAll(async () => {
  server = await startFreezablePostgres();
  const directory = bridgeDirectory();
  const ENCRYPTION_KEY = randomBytes(32).toString('base64');
  const environment = { DATABASE_URL: `${server.url}/postgres`, ENCRYPTION_KEY, LOG_LEVEL: 'error' };
  bridge = await startBridge({ directory, environment });
  token = readFirstStart(directory).scimToken;
});
afterAll(async () => {
  await forgetBridges();
  await server.stop();
});

async function post(name: string): Promise<{ readonly status: number; readonly tookMs: number }> {
  const startedMs = performance.now();
  const { status } = await fetch(`${bridge.url}/scim/v2/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: `${name}@example.com`,
      active: true,
    }),
  });
  return { status, tookMs: performance.now() - startedMs };
}

it('answers 503 within 20 s while the server stands still, and 201 soon after', async () => {
  expect((await post('before')).status).toBe(201);
  await server.freeze();
  const refused = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => post(`during${n}`)));
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
  expect(Math.max(...refused.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWER_WITHIN_MS);
  // Connections are opened anew by now, and nobody answers them.
  const again = await post('again');
  expect(again.status).toBe(503);
  expect(again.tookMs).toBeLessThan(ANSWER_WITHIN_MS);
  expect((await fetch(`${bridge.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${bridge.url}/healthz`)).status).toBe(200);

  server.thaw();
  await eventually(async () => (await post('after')).status === 201 || undefined, RECOVERED_WITHIN_MS);
  await eventually(
    async () => (await fetch(`${bridge.url}/readyz`)).status === 200 || undefined,
    RECOVERED_WITHIN_MS,
  );
});
