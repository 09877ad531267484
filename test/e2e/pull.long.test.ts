/** A run over a directory whose process is killed: while it reads, nothing is changed; while it applies, all of it is. */

import { eventually } from '../bridge.ts';
import { type OktaEmulator, startOktaEmulator } from '../emulator/okta.ts';
import type { EmulatedRequest } from '../emulator/server.ts';
import { type BridgeProcess, bridgeDirectory, forgetBridges, startBridge } from './process.ts';

const PEOPLE = 450;
const WITHIN_MS = 120_000;
const directory = bridgeDirectory();
let okta: OktaEmulator;
let bridge: BridgeProcess;
beforeAll(async () => {
  okta = await startOktaEmulator();
  for (let n = 0; n < PEOPLE; n++)
    okta.state.addUser({ login: `p${n}@acme.example`, profile: { title: 'Engineer' } });
  bridge = await startBridge({ directory, environment });
});
afterAll(async () => {
  await forgetBridges();
  await okta.close();
});

const environment = { ADMIN_TOKEN: 'a-token-of-an-admin-that-is-long-enough-0123456789' };

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the test says what it must be
async function admin(method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(`${bridge.url}/v1/environments/default${path}`, {
    method,
    headers: { authorization: `Bearer ${environment.ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status >= 400) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.json();
}

async function kill(): Promise<void> {
  await bridge.stop('SIGKILL');
  bridge = await startBridge({ directory, environment });
}

it('applies nothing half, and does the run anew', async () => {
  const secondPage = ({ path, query }: EmulatedRequest) => path === '/api/v1/users' && query.has('after');
  okta.faults.inject({ fault: { kind: 'hang' }, matches: secondPage });
  const made = await admin('POST', '/connections', {
    ...{ name: 'Okta', strategy: 'oktaApi', sync: { enabled: false } },
    configuration: {
      ...{ ORG_URL: okta.url, CLIENT_ID: okta.app.clientId, KEY_ID: okta.app.keyId },
      PRIVATE_KEY: okta.privateKey,
    },
  });
  const path = `/connections/${made.id}`;
  const first = await admin('POST', `${path}/activate?apply=true`);
  const read = (id: string) => admin('GET', `${path}/syncs/${id}`);
  const ended = (id: string) =>
    eventually(async () => {
      const run = await read(id);
      return ['QUEUED', 'RUNNING'].includes(run.state) ? undefined : run;
    }, WITHIN_MS);
  await eventually(async () => (await read(first.id)).progress.read > 0 || undefined, WITHIN_MS);
  await kill();
  expect(await admin('GET', path)).toMatchObject({ counts: { users: 0, groups: 0 } });
  expect(await ended(first.id)).toMatchObject({
    state: 'DONE',
    progress: { read: PEOPLE },
    summary: { created: PEOPLE },
  });
  expect(await admin('GET', path)).toMatchObject({ counts: { users: PEOPLE } });

  for (const { id } of okta.state.users.values()) okta.state.setProfile(id, { title: 'Lead' });
  const second = await admin('POST', `${path}/syncs`, { full: true });
  const changes = async () =>
    (await admin('GET', `${path}/syncs/${second.id}/changes?limit=1000`))._embedded.changes as {
      readonly state: string;
    }[];
  await eventually(
    async () => (await changes()).some(({ state }) => state === 'done') || undefined,
    WITHIN_MS,
  );
  await kill();
  expect(await ended(second.id)).toMatchObject({ state: 'DONE', summary: { updated: PEOPLE } });
  const { _embedded } = await admin('GET', `/events?kind=user.updated&limit=1000`);
  const written = _embedded.events.map(({ subject }: { subject: { id: string } }) => subject.id);
  expect(written).toHaveLength(PEOPLE);
  expect(new Set(written).size).toBe(PEOPLE);
}, 300_000);

it('has a leaver out of a store within one interval of deltas, and a second', async () => {
  const store = await admin('POST', '/propagation/stores', {
    ...{ name: 'Demo', type: 'Demo', status: 'ACTIVE', configuration: {} },
  });
  const [connection] = (await admin('GET', '/connections'))._embedded.connections.filter(
    ({ mode }: { mode: string }) => mode === 'pull',
  );
  const path = `/connections/${connection.id}`;
  await admin('PATCH', path, { sync: { enabled: true, intervalMinutes: 1 } });
  const enabled = async () => {
    const { _embedded } = await admin('GET', `/propagation/stores/${store.id}/accounts?limit=1000`);
    return _embedded.accounts.filter(({ state }: { state: string }) => state === 'enabled').length;
  };
  await eventually(async () => (await enabled()) === PEOPLE || undefined, WITHIN_MS);
  const lastAt = async () => (await admin('GET', path)).lastSync.at;
  const before = await lastAt();
  await eventually(async () => (await lastAt()) !== before || undefined, WITHIN_MS);
  // The worst moment: right after a run.
  const [leaver] = okta.state.users.values();
  okta.state.setStatus(leaver?.id ?? '', 'SUSPENDED');
  const left = Date.now();
  await eventually(async () => (await enabled()) === PEOPLE - 1 || undefined, WITHIN_MS);
  const tookMs = Date.now() - left;
  expect(await admin('GET', path)).toMatchObject({ lastSync: { status: 'DONE' } });
  expect(tookMs).toBeLessThan(61_000);
}, 300_000);
