/** A refusal that hits everybody is about the credential: the store waits for it, and nobody is called refused. */

import { eventually, movableClock, patch, person } from '../../bridge.ts';
import { startGitLabEmulator } from '../../emulator/gitlab.ts';
import { startWorld, untilSyncState, type VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

const PERMISSION_DENIED = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  detail: 'permission_denied',
  status: 403,
};

type Vendor = (typeof VENDORS)[number];

function demote(type: Vendor): void {
  if (type === 'GitLabSelfManaged') setAdmin(false);
  else
    world.slack.faults.inject({
      fault: { kind: 'answer', answer: { status: 403, body: PERMISSION_DENIED } },
      matches: ({ path }) => path.startsWith('/scim/'),
      times: Number.POSITIVE_INFINITY,
    });
}

function setAdmin(isAdmin: boolean): void {
  const root = [...world.gitlab.state.users.values()].find(({ username }) => username === 'root');
  if (root) root.isAdmin = isAdmin;
}

function promote(type: Vendor): void {
  if (type === 'GitLabSelfManaged') setAdmin(true);
  else world.slack.faults.clear();
}

const leave = (id: string) =>
  world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));

describe.each([
  ['Slack', 'postgres'],
  ['GitLabSelfManaged', 'sqlite'],
] as const)('a token of %s whose owner was demoted, on %s', (type, dialect) => {
  it('pauses the store before anybody is called refused, and all is made up for', async () => {
    world = await startWorld(dialect);
    await world.add(type);
    const names = ['ann', 'bob', 'cyd'];
    const ids: string[] = [];
    for (const name of names) ids.push(await world.join(name));
    demote(type);
    for (const id of ids) await leave(id);
    await world.bridge.scim('POST', '/Users', person('dan'));
    const paused = await untilSyncState(world, type, 'PAUSED');
    const message = expect.stringMatching(/^The store is paused: .*\. It is tried again at .*Z\.$/);
    expect(paused).toMatchObject({ details: [{ code: 'invalid_credential', message }] });
    expect(paused.openLeavers).toHaveLength(3);
    for (const id of ids) expect(await world.status(type, id)).toMatchObject({ status: 'pending' });

    promote(type);
    expect((await world.store(type, 'POST', '/resume', {})).status).toBe(200);
    await world.settled();
    for (const name of names) expect(await world.account(type, name)).toMatchObject({ enabled: false });
    expect(await world.account(type, 'dan')).toMatchObject({ enabled: true });
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', openLeavers: [] });
  });
});

it('checks once a minute for one leaver whom the vendor refuses again and again', async () => {
  const clock = movableClock();
  world = await startWorld('sqlite', clock);
  await world.add('GitLabSelfManaged');
  const ann = await world.join('ann');
  await world.forget();
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status: 403, body: { message: '403 Forbidden' } } },
    matches: ({ path }) => path.endsWith('/block'),
    times: Number.POSITIVE_INFINITY,
  });
  const asked = (end: string) => world.gitlab.requests.filter(({ path }) => path.endsWith(end)).length;
  const refusedTimes = (times: number) =>
    eventually(async () => {
      const { status } = await world.status('GitLabSelfManaged', ann);
      return (asked('/block') === times && status === 'partiallySynced') || undefined;
    }, 10_000);
  await leave(ann);
  for (let times = 1; times <= 3; times++) {
    await refusedTimes(times);
    // The worker lets go of the store.
    clock.advance(15_000);
  }
  expect(asked('/user')).toBe(1);
});

it('asks again for whoever was called refused on the answer of an earlier check', async () => {
  const clock = movableClock();
  world = await startWorld('sqlite', clock);
  await world.add('GitLabSelfManaged');
  const ann = await world.join('ann');
  const joe = await world.join('joe');
  const annAccount = await world.account('GitLabSelfManaged', 'ann');
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status: 403, body: { message: '403 Forbidden' } } },
    matches: ({ path }) => path.endsWith(`/users/${annAccount?.id}/block`),
  });
  await world.setActive(ann, false);
  expect(await world.status('GitLabSelfManaged', ann)).toMatchObject({ status: 'partiallySynced' });
  world.gitlab.state.tokens.delete(world.gitlab.adminToken);
  clock.advance(61_000);
  await leave(joe);
  await untilSyncState(world, 'GitLabSelfManaged', 'PAUSED');
  expect(await world.status('GitLabSelfManaged', ann)).toMatchObject({ status: 'pending' });
});

it('an account that nobody may disable is refused, with one check, while others go on', async () => {
  world = await startWorld();
  await world.add('Slack', { ADOPT_USERS: 'Any' });
  world.slack.addUser({ userName: 'boss', email: 'boss@acme.example', displayName: 'Boss', role: 'owner' });
  const boss = await world.join('boss');
  const joe = await world.join('joe');
  const owner = world.slack.users.get(world.slack.owner.id);
  if (owner) owner.role = 'admin';
  await world.setActive(boss, false);
  expect(await world.status('Slack', boss)).toMatchObject({ status: 'partiallySynced' });
  expect((await world.syncStatus('Slack')).openLeavers).toHaveLength(1);
  await world.setActive(joe, false);
  expect(await world.account('Slack', 'joe')).toMatchObject({ enabled: false });
  expect(await world.syncStatus('Slack')).toMatchObject({ syncState: 'SYNCED' });
});

it('keeps everybody open whom Slack denies although the token may read, and makes up for it', async () => {
  const clock = movableClock();
  world = await startWorld('sqlite', clock);
  await world.add('Slack');
  const names = ['ann', 'bob', 'cyd'];
  const ids: string[] = [];
  for (const name of names) ids.push(await world.join(name));
  world.slack.faults.inject({
    fault: { kind: 'answer', answer: { status: 403, body: PERMISSION_DENIED } },
    matches: ({ method, path }) => path.startsWith('/scim/') && method !== 'GET',
    times: Number.POSITIVE_INFINITY,
  });
  for (const id of ids) await leave(id);
  await eventually(async () => {
    clock.advance(20_000);
    const { body } = await world.bridge.admin('GET', '/propagation/tasks');
    const denied = body._embedded.tasks.filter(({ error }: { error: { message: string } | null }) =>
      error?.message.includes('so it says of everybody'),
    );
    return denied.length === names.length ? true : undefined;
  }, 20_000);
  expect((await world.syncStatus('Slack')).openLeavers).toHaveLength(names.length);
  world.slack.faults.clear();
  clock.advance(10 * 60_000);
  await world.settled();
  for (const name of names) expect(await world.account('Slack', name)).toMatchObject({ enabled: false });
  expect((await world.syncStatus('Slack')).openLeavers).toEqual([]);
});

it('a token that may do nothing in Admin Mode fails the check, and activates no store', async () => {
  world = await startWorld();
  const { gitlab } = world;
  const strict = await startGitLabEmulator({ adminMode: true });
  try {
    const configuration = { BASE_URL: strict.url, ACCESS_TOKEN: gitlab.adminToken };
    const unsaved = { type: 'GitLabSelfManaged', configuration };
    const status = await world.bridge.admin('POST', '/propagation/stores/connection/status', unsaved);
    expect(status.body).toMatchObject({ status: 'FAILED', details: [{ code: 'not_admin' }] });
    const made = await world.bridge.admin('POST', '/propagation/stores', {
      ...unsaved,
      name: 'Strict',
      status: 'ACTIVE',
    });
    expect(made.status).toBe(400);
    expect(JSON.stringify(made.body)).toContain('Admin Mode');
  } finally {
    await strict.close();
  }
});

it('takes no account for absent on the word of a token of GitLab that lost its rights', async () => {
  world = await startWorld();
  const type = 'GitLabSelfManaged';
  await world.add(type);
  const isCreation = ({ method, path }: { method: string; path: string }) =>
    method === 'POST' && path.endsWith('/users');
  world.gitlab.faults.inject({
    matches(request) {
      if (!isCreation(request)) return false;
      // As soon as the account is made, and before anybody can look for it.
      setImmediate(() => setAdmin(false));
      return true;
    },
    fault: { kind: 'drop', applied: true },
  });
  const { body } = await world.bridge.scim('POST', '/Users', person('dan'));
  await leave(body.id);
  const paused = await untilSyncState(world, type, 'PAUSED');
  expect(paused.openLeavers).toHaveLength(1);
  expect(await world.account(type, 'dan')).toMatchObject({ enabled: true });
  setAdmin(true);
  await world.store(type, 'POST', '/resume', {});
  await world.settled();
  expect(await world.account(type, 'dan')).toMatchObject({ enabled: false });
  expect((await world.syncStatus(type)).openLeavers).toEqual([]);
});
