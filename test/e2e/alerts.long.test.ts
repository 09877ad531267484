/**
 * Alerts of the real process: killed with -9 after the receiver has a message and before that is noted, it sends that
 * one again under the same id and loses none; two replicas send each once; a receiver that hangs is left after 10 s.
 */

import { randomBytes } from 'node:crypto';
import { eventually } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type Receiver, startReceiver } from '../receiver.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  readFirstStart,
  startBridge,
} from './process.ts';

const WITHIN_MS = 60_000;
const EVENTS = 12;

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.stop());
afterAll(forgetBridges);

interface Delivery {
  readonly id: string;
  readonly state: string;
  readonly attempts: readonly { readonly status: number; readonly durationMs: number }[];
}

/** An alert, or its deliveries. */
interface Answered {
  readonly id: string;
  readonly _embedded: { readonly deliveries: readonly Delivery[] };
}

async function ask({ url }: BridgeProcess, token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Answered;
}

const ALERTS = '/environments/default/alerts';
const alert = () => ({ name: 'SIEM', kind: 'webhook', target: { url: receiver.url }, events: ['audit.*'] });
const ids = () => receiver.received.map(({ headers }) => String(headers['webhook-id']));
const isSettled = (list: readonly Delivery[]) => list.every(({ state }) => state === 'delivered');

it('sends what it had sent once more, under the same id, after it was killed', async () => {
  const directory = bridgeDirectory();
  const first = await startBridge({ directory });
  const { adminToken } = readFirstStart(directory);
  const { id } = await ask(first, adminToken, 'POST', ALERTS, alert());
  // The receiver has it, and its answer never comes.
  receiver.answer(() => {});
  for (let n = 0; n < EVENTS; n++)
    await ask(first, adminToken, 'POST', '/environments', { name: `tenant ${n}` });
  for (let n = 0; n < EVENTS; n++)
    await ask(first, adminToken, 'POST', '/admin-tokens', { name: `token ${n}`, scopes: ['read'] });
  await eventually(async () => receiver.received[0], WITHIN_MS);
  await first.stop('SIGKILL');
  const [before] = receiver.received.splice(0);
  receiver.answer((response) => void response.end());
  const second = await startBridge({ directory });
  const list = () => ask(second, adminToken, 'GET', `${ALERTS}/${id}/deliveries`);
  const { deliveries } = await eventually(async () => {
    const { _embedded } = await list();
    return isSettled(_embedded.deliveries) ? _embedded : undefined;
  }, WITHIN_MS);
  expect(receiver.received[0]?.headers['webhook-id']).toBe(before?.headers['webhook-id']);
  expect(receiver.received[0]?.text).toBe(before?.text);
  expect(ids()).toEqual(deliveries.map(({ id }) => id).reverse());
  expect(deliveries.length).toBeGreaterThan(EVENTS);
  await second.stop('SIGTERM');
}, 180_000);

it('sends each message once from two replicas, and leaves a receiver that hangs after 10 s', async () => {
  const directory = bridgeDirectory();
  const environment = {
    DATABASE_URL: await freshDatabaseUrl('postgres', directory),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  };
  const one = await startBridge({ directory, environment });
  const two = await startBridge({ directory, environment });
  const { adminToken } = readFirstStart(directory);
  const { id } = await ask(one, adminToken, 'POST', ALERTS, alert());
  for (let n = 0; n < EVENTS; n++)
    await ask(n % 2 ? one : two, adminToken, 'POST', '/admin-tokens', {
      name: `token ${n}`,
      scopes: ['read'],
    });
  await eventually(async () => (receiver.received.length >= EVENTS ? true : undefined), WITHIN_MS);
  expect(ids()).toHaveLength(new Set(ids()).size);
  receiver.answer(() => {});
  await ask(one, adminToken, 'POST', `${ALERTS}/${id}/test`);
  const attempt = await eventually(async () => {
    const { _embedded } = await ask(two, adminToken, 'GET', `${ALERTS}/${id}/deliveries`);
    const found = _embedded.deliveries.find(({ attempts }) => attempts.some(({ status }) => status === 0));
    return found?.attempts[0];
  }, WITHIN_MS);
  expect(attempt).toMatchObject({ status: 0, error: 'no answer within 10 s' });
  for (const bridge of [one, two]) await bridge.stop('SIGTERM');
}, 180_000);
