/** What a Slack workspace says of people whom a directory brings, in a process that is killed while it reads. */

import { eventually } from '../bridge.ts';
import type { EmulatedRequest } from '../emulator/server.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { type BridgeProcess, bridgeDirectory, forgetBridges, startBridge } from './process.ts';

/** More than one page of what is kept at once. */
const STRANGERS = 600;
const WITHIN_MS = 60_000;
const directory = bridgeDirectory();
const environment = { ADMIN_TOKEN: 'a-token-of-an-admin-that-is-long-enough-0123456789' };
let slack: SlackEmulator;
let bridge: BridgeProcess;
beforeAll(async () => {
  slack = await startSlackEmulator();
  bridge = await startBridge({ directory, environment });
});
afterAll(async () => {
  await forgetBridges();
  await slack.close();
});

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the test says what it must be
type Json = any;

async function admin(method: string, path: string, body?: unknown): Promise<Json> {
  const response = await fetch(`${bridge.url}/v1/environments/default${path}`, {
    method,
    headers: { authorization: `Bearer ${environment.ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status >= 400) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.json();
}

const ended = (path: string, id: string): Promise<Json> =>
  eventually(async () => {
    const run = await admin('GET', `${path}/syncs/${id}`);
    return ['QUEUED', 'RUNNING'].includes(run.state) ? undefined : run;
  }, WITHIN_MS);

it('adds what Slack says, once, and rules go by it', async () => {
  const made = await admin('POST', '/connections', { name: 'Made up', strategy: 'demo' });
  const people = `/connections/${made.id}`;
  expect(await ended(people, (await admin('POST', `${people}/activate?apply=true`)).id)).toMatchObject({
    state: 'DONE',
  });
  const users: Json[] = (await admin('GET', '/users?limit=1000'))._embedded.users;
  const known = users.filter(({ active }) => active).slice(0, 40);
  for (const [n, { userName, emails }] of known.entries())
    slack.addUser({
      userName: userName.split('@')[0],
      email: emails[0].value,
      title: n < 7 ? 'Guide' : 'Other',
    });
  for (let n = 0; n < STRANGERS; n++)
    slack.addUser({ userName: `stranger${n}`, email: `stranger${n}@elsewhere.example` });

  const { id } = await admin('POST', '/connections', {
    ...{ name: 'Workspace', handle: 'slack', strategy: 'slack', sync: { enabled: false } },
    configuration: {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      ...{ API_BASE_URL: slack.apiUrl, SCIM_BASE_URL: slack.scimUrl },
    },
  });
  const path = `/connections/${id}`;
  expect(await admin('POST', `${path}/check`)).toMatchObject({ status: 'OK' });
  const identities = async () => {
    const shown = await Promise.all(known.map(({ person }) => admin('GET', `/people/${person.id}`)));
    return shown.flatMap((person) => person.identities);
  };
  const isLater = ({ path: asked, query }: EmulatedRequest) =>
    asked.endsWith('/Users') && Number(query.get('startIndex') ?? 1) > 1;
  slack.faults.inject({ fault: { kind: 'hang' }, matches: isLater });
  const run = await admin('POST', `${path}/activate?apply=true`);
  await eventually(
    async () => (await admin('GET', `${path}/syncs/${run.id}`)).progress.read > 0 || undefined,
    WITHIN_MS,
  );
  await bridge.stop('SIGKILL');
  bridge = await startBridge({ directory, environment });
  expect(await identities()).toEqual([]);
  expect(await ended(path, run.id)).toMatchObject({
    state: 'DONE',
    summary: { created: known.length, deleted: 0 },
  });
  const found = await identities();
  expect(found).toHaveLength(known.length);
  expect(found.filter(({ attributes }) => attributes.title === 'Guide')).toHaveLength(7);
  const { _embedded } = await admin('GET', `${path}/unmatched?limit=1000`);
  expect(_embedded.unmatched).toHaveLength(STRANGERS + 1);

  const store = await admin('POST', '/propagation/stores', {
    name: 'Guides',
    type: 'Demo',
    configuration: {},
  });
  await admin('POST', '/propagation/rules', {
    ...{ name: 'guides', storeId: store.id, active: true },
    populationExpression: 'identities.slack.title eq "Guide"',
  });
  await admin('PATCH', `/propagation/stores/${store.id}`, { status: 'ACTIVE' });
  const enabled = async () => {
    const { _embedded: shown } = await admin('GET', `/propagation/stores/${store.id}/accounts?limit=1000`);
    return shown.accounts.filter(({ state }: Json) => state === 'enabled').length;
  };
  await eventually(async () => (await enabled()) === 7 || undefined, WITHIN_MS);
  const second = await admin('POST', `${path}/syncs`, {});
  expect(await ended(path, second.id)).toMatchObject({
    state: 'DONE',
    summary: { created: 0, updated: 0, deleted: 0 },
  });
}, 240_000);
