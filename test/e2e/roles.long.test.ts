/** Real processes that share the work on one PostgreSQL: some answer requests, some call the vendors. */

import { randomBytes } from 'node:crypto';
import knex, { type Knex } from 'knex';
import { eventually, patch, person, type Reply } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  type FirstStart,
  forgetBridges,
  readFirstStart,
  runToExit,
  startBridge,
} from './process.ts';

const TEST_MS = 120_000;
/** Well below a second, after which a worker would have looked for itself. */
const AT_ONCE_MS = 500;
const REST_MS = 100;
const ROUNDS = 9;

let directory: string;
let environment: Record<string, string>;
let db: Knex;
let slack: SlackEmulator;
let api: BridgeProcess;
let first: FirstStart;

const start = (ROLE: string) => startBridge({ directory, environment: { ...environment, ROLE } });

beforeEach(async () => {
  directory = bridgeDirectory();
  slack = await startSlackEmulator();
  const DATABASE_URL = await freshDatabaseUrl('postgres', directory);
  environment = { DATABASE_URL, ENCRYPTION_KEY: randomBytes(32).toString('base64'), LOG_LEVEL: 'error' };
  db = knex({ client: 'pg', connection: DATABASE_URL, pool: { min: 0, max: 2 } });
  api = await start('api');
  first = readFirstStart(directory);
}, TEST_MS);
afterEach(async () => {
  await forgetBridges();
  await Promise.all([db.destroy(), slack.close()]);
}, TEST_MS);

async function ask(url: string, token: string, method: string, body?: unknown): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

const addStore = (status = 'ACTIVE') =>
  ask(`${first.adminUrl}/environments/default/propagation/stores`, first.adminToken, 'POST', {
    type: 'Slack',
    name: 'Slack',
    status,
    configuration: {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: slack.apiUrl,
      SCIM_BASE_URL: slack.scimUrl,
    },
  });
const scim = (method: string, path: string, body: unknown) =>
  ask(first.scimUrl + path, first.scimToken, method, body);

const becomes = (holds: () => boolean) => eventually(async () => holds() || undefined, TEST_MS / 2);

/** Whoever finds something to do now was told of it. */
async function workersRest(): Promise<void> {
  await eventually(async () => ((await db('tasks').first('id')) ? undefined : true), TEST_MS / 2);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
}

type Sent = { readonly method: string; readonly path: string };
const isCheck = ({ path }: Sent) => path.endsWith('/auth.test');

/** The vendor keeps the next such request waiting; resolves with how to end that once a worker has sent it. */
async function held(matches: (request: Sent) => boolean): Promise<() => void> {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  slack.forgetRequests();
  slack.faults.inject({ fault: { kind: 'hold', until }, matches });
  return eventually(async () => (slack.requests.some(matches) ? release : undefined), TEST_MS);
}

it(
  'brings a change to the vendor at once, from one process through another',
  async () => {
    const workers = [await start('worker'), await start('worker')];
    expect(await addStore()).toMatchObject({ status: 201, body: { status: 'ACTIVE' } });
    const { body: ann } = await scim('POST', '/Users', person('ann'));
    const hasTitle = (title: string | undefined) => () =>
      [...slack.users.values()].some(
        ({ emails, profile }) => emails[0]?.value === 'ann@acme.example' && profile.title === title,
      );
    await becomes(hasTitle(undefined));
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const wanted = `title ${round}`;
      await workersRest();
      const reply = await scim(
        'PATCH',
        `/Users/${ann.id}`,
        patch({ op: 'replace', value: { title: wanted } }),
      );
      expect(reply.status).toBe(200);
      const answeredAt = performance.now();
      await becomes(hasTitle(wanted));
      took.push(performance.now() - answeredAt);
    }
    expect(took.sort((a, b) => a - b)[(ROUNDS - 1) / 2]).toBeLessThan(AT_ONCE_MS);

    const [url] = workers.map((worker) => worker.url);
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await fetch(url + path)).status).toBe(200);
    for (const path of ['/scim/v2/Users', '/v1/environments', '/']) {
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${first.adminToken}` } });
      expect(answer.status).toBe(404);
    }
  },
  TEST_MS,
);

it(
  'has the next worker answer where the first dies with the question in hand',
  async () => {
    const worker = await start('worker');
    const answer = addStore();
    const release = await held(isCheck);
    await worker.stop('SIGKILL');
    release();
    await start('worker');
    expect(await answer).toMatchObject({ status: 201, body: { status: 'ACTIVE' } });
    expect(await db('inquiries')).toEqual([]);
  },
  TEST_MS,
);

it(
  'saves nothing where the process dies that was asked',
  async () => {
    await start('worker');
    const answer = addStore().catch(() => 'cut');
    const release = await held(isCheck);
    await api.stop('SIGKILL');
    release();
    expect(await answer).toBe('cut');
    const left = await eventually(() => db('inquiries').whereNotNull('answer').first(), TEST_MS);
    expect(left.secrets).toBeNull();
    expect(await db('stores')).toEqual([]);
  },
  TEST_MS,
);

it(
  'goes on with the preview of a worker that was killed',
  async () => {
    const worker = await start('worker');
    const stores = `${first.adminUrl}/environments/default/propagation/stores`;
    const { id } = (await addStore('INACTIVE')).body;
    for (const name of ['ann', 'bea']) await scim('POST', '/Users', person(name));
    const groups = ({ method, path }: Sent) => method === 'GET' && path.endsWith('/Groups');
    const underWay = held(groups);
    const { body } = await ask(`${stores}/${id}/preview`, first.adminToken, 'POST', {});
    const release = await underWay;
    await worker.stop('SIGKILL');
    release();
    await start('worker');
    const done = await eventually(async () => {
      const shown = await ask(`${stores}/${id}/preview/${body.id}`, first.adminToken, 'GET');
      return shown.body.state === 'RUNNING' ? undefined : shown.body;
    }, TEST_MS / 2);
    expect(done).toMatchObject({ state: 'DONE', summary: { create: 2 } });
    const names = done.changes.map(({ subject }: { subject: { display: string } }) => subject.display);
    expect(names.sort()).toEqual(['ann@acme.example', 'bea@acme.example']);
  },
  TEST_MS,
);

it('starts in no other role on an embedded database', async () => {
  const exit = await runToExit({ directory: bridgeDirectory(), environment: { ROLE: 'worker' } });
  expect(exit.code).toBe(1);
  expect(exit.stderr).toMatch(/^ROLE=worker needs PostgreSQL: .*\n$/);
});
