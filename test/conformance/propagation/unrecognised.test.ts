/**
 * Something between the bridge and a vendor answers in the vendor's place. Nobody is called done, gone or refused
 * by such an answer: what is owed stays owed, is tried again, and slows nobody else.
 */

import { eventually, patch } from '../../bridge.ts';
import type { Answer, EmulatedRequest } from '../../emulator/server.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const HTML = '<!doctype html><html><title>Sign in</title></html>';
const page = (status: number, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'text/html', ...headers },
  body: HTML,
});

const FOREIGN: readonly (readonly [string, Answer])[] = [
  ['text404', { status: 404, body: 'default backend - 404' }],
  ['page404', page(404)],
  ['json404', { status: 404, body: { error: 'no route' } }],
  ['page200', page(200)],
  ['empty200', { status: 200 }],
  ['moved302', page(302, { location: 'https://login.example/' })],
  ['page403', page(403)],
  ['page400', page(400)],
  ['page409', page(409)],
  ['page421', page(421)],
];

type Vendor = (typeof VENDORS)[number];
let world: World;
afterEach(() => world.stop());

const server = (type: Vendor) => (type === 'Slack' ? world.slack : world.gitlab);

async function answerInstead(type: Vendor, name: string, answer: Answer): Promise<void> {
  const account = await world.account(type, name);
  server(type).faults.inject({
    fault: { kind: 'answer', answer },
    matches: ({ path }) => new RegExp(`/users/${account?.id}(/|$)`, 'i').test(path),
    times: Number.POSITIVE_INFINITY,
  });
}

const send = (id: string, value: Record<string, unknown>) =>
  world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value }));

const tasks = async () =>
  (await world.bridge.admin('GET', '/propagation/tasks')).body._embedded.tasks as {
    state: string;
    attempts: number;
    subject: { display: string };
  }[];

const failedOnce = (id: string, type: Vendor) =>
  eventually(async () => ((await world.status(type, id)).vendor ? true : undefined), 10_000);

describe.each([
  ['Slack', 'sqlite'],
  ['GitLabSelfManaged', 'postgres'],
] as const)('in the place of %s, on %s', (type, dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type);
  });

  it('leaves everybody who leaves open, and disables them once the vendor is back', async () => {
    const healthy = await world.join('healthy');
    const people = new Map<string, string>();
    for (const [name] of FOREIGN) people.set(name, await world.join(name));
    for (const [name, answer] of FOREIGN) {
      const id = people.get(name) as string;
      await answerInstead(type, name, answer);
      await send(id, { active: false });
      await failedOnce(id, type);
      await send(healthy, { title: name });
      await eventually(
        async () => ((await world.account(type, 'healthy'))?.title === name ? true : undefined),
        10_000,
      );
    }
    for (const [name] of FOREIGN) {
      const status = await world.status(type, people.get(name) as string);
      expect([name, status.status]).toEqual([name, 'pending']);
      expect(await world.account(type, name)).toMatchObject({ enabled: true });
    }
    const { openLeavers, details } = await world.syncStatus(type);
    expect(openLeavers).toHaveLength(FOREIGN.length);
    expect(details).toEqual([]);
    expect((await tasks()).every(({ state }) => state === 'pending')).toBe(true);

    server(type).faults.clear();
    await world.settled();
    for (const [name] of FOREIGN) {
      expect(await world.account(type, name)).toMatchObject({ enabled: false });
      expect(await world.status(type, people.get(name) as string)).toMatchObject({ status: 'synced' });
    }
    expect((await world.syncStatus(type)).openLeavers).toEqual([]);
  }, 60_000);
});

describe.each(VENDORS)('in the place of %s', (type) => {
  const vendor = type === 'Slack' ? 'Slack' : 'GitLab';
  beforeEach(async () => {
    world = await startWorld();
  });

  it('lets a leaver wait no longer because MAX_ATTEMPTS is small', async () => {
    await world.add(type, { MAX_ATTEMPTS: 1 });
    const jane = await world.join('jane');
    await answerInstead(type, 'jane', page(404));
    await send(jane, { active: false });
    await eventually(
      async () => ((await world.status(type, jane)).status === 'failed' ? true : undefined),
      10_000,
    );
    server(type).faults.clear();
    await eventually(
      async () => ((await world.account(type, 'jane'))?.enabled === false ? true : undefined),
      20_000,
    );
    await world.settled();
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', openLeavers: [] });
  });

  it('is failed after MAX_ATTEMPTS, never parked, and tried at each sync and each change', async () => {
    await world.add(type, { MAX_ATTEMPTS: 2 });
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await answerInstead(type, 'jane', page(404));
    await send(jane, { active: false });
    const failed = await eventually(async () => {
      const status = await world.status(type, jane);
      return status.status === 'failed' ? status : undefined;
    }, 10_000);
    expect(failed.reason).toContain(`answered something that is not ${vendor}'s`);
    expect(await tasks()).toMatchObject([{ state: 'pending' }]);
    await send(joe, { title: 'Pilot' });
    await eventually(
      async () => ((await world.status(type, joe)).status === 'synced' ? true : undefined),
      10_000,
    );
    expect(await world.syncStatus(type)).toMatchObject({
      syncState: 'FAILED',
      failedCount: 1,
      pendingCount: 0,
    });

    server(type).faults.clear();
    expect((await world.store(type, 'POST', '/sync')).status).toBe(202);
    await world.settled();
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', openLeavers: [] });
  });

  it.each([
    ['never arrives', false],
    ['arrives', true],
  ])('keeps no removal waiting for an addition that %s, and forgets neither', async (_case, applied) => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const [lea = '', kim = ''] = [await world.join('lea'), await world.join('kim')];
    const path = `/Groups/${await world.group('pilots', [lea])}`;
    const isAddition = ({ method, path, body }: EmulatedRequest) =>
      type === 'Slack'
        ? method === 'PATCH' && path.includes('/Groups/') && JSON.stringify(body).includes('"add"')
        : method === 'POST' && path.endsWith('/members');
    server(type).faults.inject({
      fault: { kind: 'answer', answer: page(403), applied },
      matches: isAddition,
      times: Number.POSITIVE_INFINITY,
    });
    const members = (op: string, id: string) => ({ op, path: 'members', value: [{ value: id }] });
    await world.bridge.scim('PATCH', path, patch(members('add', kim), members('remove', lea)));
    await eventually(
      async () => ((await world.members(type, 'pilots'))?.includes('lea') ? undefined : true),
      10_000,
    );
    const standsInDoubt = await eventually(async () => {
      const status = await world.status(type, kim);
      return status.status === 'synced' || status.status === 'pending' ? undefined : status;
    }, 10_000);
    expect(standsInDoubt).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringMatching(/^kim@acme.example could not be added to pilots: .*answered something/),
    });
    server(type).faults.clear();
    await world.settled();
    expect(await world.members(type, 'pilots')).toEqual(['kim']);
    for (const id of [lea, kim]) expect(await world.status(type, id)).toMatchObject({ status: 'synced' });
    await world.patch(path, members('remove', kim));
    expect(await world.members(type, 'pilots')).toEqual([]);
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED' });
  });

  it('keeps an update owed, and a creation, without a second account', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    server(type).faults.inject({
      fault: { kind: 'answer', answer: page(200), applied: true },
      matches: ({ method }) => method !== 'GET',
      times: 2,
    });
    await world.forget();
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
    expect(await world.account(type, 'jane')).toMatchObject({ title: 'Pilot' });
    const joe = await world.join('joe');
    // Each was looked at once, found done, and not sent again.
    expect(await world.writes(type)).toEqual(['update', 'create']);
    expect(await world.status(type, joe)).toMatchObject({ status: 'synced', origin: 'created' });
  });
});

it('makes the store wait where three people in a row meet it, and says so', async () => {
  world = await startWorld();
  await world.add('Slack');
  const names = ['ann', 'bob', 'cyd', 'dan'];
  const ids = [];
  for (const name of names) ids.push(await world.join(name));
  world.slack.faults.inject({
    fault: { kind: 'answer', answer: page(200) },
    times: Number.POSITIVE_INFINITY,
  });
  await world.forget();
  for (const id of ids) await send(id, { active: false });
  const { details } = await eventually(async () => {
    const status = await world.syncStatus('Slack');
    return status.details.length > 0 ? status : undefined;
  }, 10_000);
  expect(details).toEqual([
    {
      code: 'unrecognised_answers',
      message: expect.stringMatching(/not Slack's .* tried again at/),
    },
  ]);
  // Two calls for each of three people: the write, and the look at what became of it.
  const calls = world.slack.requests.length;
  expect(calls).toBeLessThanOrEqual(6);
  world.slack.faults.clear();
  await world.settled();
  for (const name of names) expect(await world.account('Slack', name)).toMatchObject({ enabled: false });
  expect(await world.syncStatus('Slack')).toMatchObject({ syncState: 'SYNCED', details: [] });
}, 30_000);
