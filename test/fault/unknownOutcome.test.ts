/**
 * What an attempt leaves behind whose answer never came: it is found, counted as the bridge's own, and told
 * in the audit log like any other change. Each of these was first found by the simulation.
 */

import { scheduleRecheck } from '../../src/db/queue/rechecks.ts';
import { eventually, patch } from '../bridge.ts';
import type { Fault } from '../emulator/faults.ts';
import type { LoggedRequest } from '../emulator/server.ts';
import { SLACK_TOKEN } from '../emulator/slack.ts';
import { slackStanding } from './company.ts';
import { isWrite, startWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld('sqlite');
  await world.company.hire('ann', 'Cook');
  await world.company.addGroup('cooks', ['ann']);
  await world.bridge.settled();
  world.forgetRequests();
});
afterEach(() => world.close());

const ACTED: Fault = { kind: 'drop', applied: true };
const NOT_ACTED: Fault = { kind: 'drop', applied: false };

function failEachWrite(fault: Fault): void {
  for (const emulator of [world.slack, world.gitlab]) emulator.faults.inject({ fault, matches: isWrite });
}

/** `kind outcome` of what was said about a change on each store, oldest first. */
async function said(kind: string): Promise<readonly string[]> {
  const rows = await world.bridge.db('events').where({ kind, outcome: 'success' }).orderBy('id');
  return rows.map((row) => `${row.store_name} ${row.reason ?? ''}`.trim()).sort();
}

/** The same request once more, past the bridge. */
const arrive = ({ path, body }: LoggedRequest) =>
  fetch(world.slack.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${SLACK_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const FOUND = [
  'GitLabSelfManaged found done: the answer to an earlier attempt never came',
  'Slack found done: the answer to an earlier attempt never came',
];

it.each([
  ['change.update', () => world.company.retitle('ann', 'Boss')],
  ['change.disable', () => world.company.setActive('ann', false)],
  ['change.revoke', () => world.company.part('ann', 'cooks')],
])('says %s, once, where only its answer was lost', async (kind, write) => {
  failEachWrite(ACTED);
  await write();
  await world.bridge.settled();
  await world.expectConverged();
  expect(await said(kind)).toEqual(FOUND);
});

it('takes back a membership that it granted without hearing so', async () => {
  await world.company.hire('bob');
  await world.bridge.settled();
  failEachWrite(ACTED);
  await world.company.join('bob', 'cooks');
  await world.bridge.settled();
  expect((await said('change.grant')).filter((line) => line.includes('found done'))).toEqual(FOUND);
  await world.company.part('bob', 'cooks');
  await world.bridge.settled();
  await world.expectConverged();
});

it('says what it revoked although no answer came, also where the person was disabled before anybody looked', async () => {
  const isLook = ({ method, path }: { method: string; path: string }) =>
    method === 'GET' && path.includes('/Groups');
  world.slack.faults.inject({ fault: ACTED, matches: isWrite });
  world.slack.faults.inject({ fault: NOT_ACTED, matches: isLook, times: Number.POSITIVE_INFINITY });
  await world.company.part('ann', 'cooks');
  const members = () => [...world.slack.groups.values()].flatMap((group) => [...group.members]);
  await eventually(async () => members().length === 0 || undefined, 5_000);
  await world.company.setActive('ann', false);
  const account = [...world.slack.users.values()].find((u) => u.emails[0]?.value === 'ann@acme.example');
  await eventually(async () => account?.active === false || undefined, 5_000);
  world.slack.faults.clear();
  await world.bridge.settled();
  expect((await said('change.revoke')).filter((line) => line.startsWith('Slack'))).toEqual([FOUND[1]]);
});

it('says what it granted although no answer came, also where groups are not provisioned any more when it looks', async () => {
  await world.company.hire('bob');
  await world.bridge.settled();
  const isLook = ({ method, path }: { method: string; path: string }) =>
    method === 'GET' && path.includes('/Groups');
  world.slack.faults.inject({ fault: ACTED, matches: isWrite });
  world.slack.faults.inject({ fault: NOT_ACTED, matches: isLook, times: Number.POSITIVE_INFINITY });
  await world.company.join('bob', 'cooks');
  const members = () => [...world.slack.groups.values()].flatMap((group) => [...group.members]);
  await eventually(async () => members().length === 2 || undefined, 5_000);
  const path = `/propagation/stores/${world.stores.slack}`;
  const { body } = await world.bridge.admin('GET', path);
  const configuration = { ...body.configuration, OAUTH_ACCESS_TOKEN: SLACK_TOKEN, GROUP_PROVISIONING: 'Off' };
  const { name, type, status } = body;
  expect((await world.bridge.admin('PUT', path, { name, type, status, configuration })).status).toBe(200);
  world.slack.faults.clear();
  await world.bridge.settled();
  const told = (await said('change.grant')).filter((line) => line.startsWith('Slack found'));
  expect(told).toEqual([FOUND[1]]);
});

it('enables again whom it disabled for being out of scope although no answer came, whatever DISABLE_USERS says', async () => {
  const { bridge, slack, company, stores } = world;
  const path = `/propagation/stores/${stores.slack}`;
  const { body } = await bridge.admin('GET', path);
  const configuration = { ...body.configuration, OAUTH_ACCESS_TOKEN: SLACK_TOKEN, DISABLE_USERS: false };
  const { name, type, status } = body;
  expect((await bridge.admin('PUT', path, { name, type, status, configuration })).status).toBe(200);
  const rule = {
    storeId: stores.slack,
    name: 'Cooks',
    active: true,
    populationExpression: 'title eq "Cook"',
  };
  expect((await bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
  await bridge.settled();
  slack.faults.inject({ fault: ACTED, matches: isWrite });
  const isLook = ({ method }: { method: string }) => method === 'GET';
  slack.faults.inject({ fault: NOT_ACTED, matches: isLook, times: Number.POSITIVE_INFINITY });
  const account = [...slack.users.values()].find((u) => u.emails[0]?.value === 'ann@acme.example');
  await company.retitle('ann', 'Boss');
  await eventually(async () => account?.active === false || undefined, 5_000);
  await company.retitle('ann', 'Cook');
  slack.faults.clear();
  await bridge.settled();
  await world.expectConverged();
});

it('says of a grant that failed whom it was for', async () => {
  await world.company.hire('bob');
  await world.bridge.settled();
  failEachWrite(NOT_ACTED);
  await world.company.join('bob', 'cooks');
  await world.bridge.settled();
  const rows = await world.bridge.db('events').where({ kind: 'change.grant', outcome: 'failure' });
  const told = rows.map((row) => [row.store_name, JSON.stringify(row).includes('bob')]);
  expect(told.sort()).toEqual([
    ['GitLabSelfManaged', true],
    ['Slack', true],
  ]);
});

it('makes an account anew, and records it, where the old one vanished during an attempt', async () => {
  const account = [...world.slack.users.values()].find(
    (user) => user.emails[0]?.value === 'ann@acme.example',
  );
  (world.slack.users as Map<string, unknown>).delete(account?.id ?? '');
  world.slack.faults.inject({ fault: NOT_ACTED, matches: isWrite });
  await world.company.retitle('ann', 'Boss');
  await world.bridge.settled();
  const { body } = await world.bridge.admin('GET', `/users/${world.company.idOf('ann')}/syncStatus`);
  const status = body._embedded.stores.find((s: { store: { type: string } }) => s.store.type === 'Slack');
  expect(status).toMatchObject({ status: 'synced', origin: 'created' });
  // Two creations were told: the first, and this one; none was found by chance afterwards.
  expect((await said('change.create')).filter((line) => line.startsWith('Slack'))).toHaveLength(3);
  expect(await said('change.adopt')).toEqual([]);
});

it('takes memberships from somebody who was deleted and made anew before a store heard of either', async () => {
  for (const emulator of [world.slack, world.gitlab]) {
    emulator.faults.inject({
      fault: { kind: 'answer', answer: { status: 500 } },
      matches: isWrite,
      times: 2,
    });
  }
  await world.company.dismiss('ann');
  await world.company.hire('ann', 'Cook');
  await world.bridge.settled();
  await world.expectConverged();
});

describe('a creation whose answer is lost', () => {
  const accountsOf = (name: string) =>
    [...world.slack.users.values()].filter((user) => user.emails[0]?.value?.startsWith(`${name}@`));

  /** Slack has the account, and the bridge does not know. */
  async function hireUnanswered(name: string): Promise<void> {
    world.slack.faults.inject({ fault: ACTED, matches: isWrite });
    await world.company.hire(name);
    await eventually(async () => accountsOf(name)[0], 5_000);
  }

  it('leads to no second account where the address changes before anybody looks', async () => {
    await hireUnanswered('joe');
    const id = world.company.idOf('joe');
    const emails = [{ value: 'joseph@acme.example', type: 'work', primary: true }];
    await world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { emails } }));
    await world.bridge.settled();
    expect(accountsOf('joe')).toEqual([]);
    expect(accountsOf('joseph')).toHaveLength(1);
  });

  it('leaves no access to somebody who leaves before anybody looks', async () => {
    await hireUnanswered('joe');
    await world.company.dismiss('joe');
    await world.bridge.settled();
    expect(accountsOf('joe').map((user) => user.active)).toEqual([false]);
  });
});

it('tells of a group that it made although no answer came, and keeps hold of it, where the group is renamed meanwhile', async () => {
  world.slack.faults.inject({ fault: ACTED, matches: isWrite });
  await world.company.addGroup('waiters', ['ann']);
  const named = (name: string) => [...world.slack.groups.values()].filter((g) => g.displayName === name);
  await eventually(async () => named('waiters')[0], 5_000);
  await world.company.renameGroup('waiters', 'hosts');
  await world.bridge.settled();
  expect([named('waiters').length, named('hosts').length]).toEqual([0, 1]);
  expect(slackStanding(world.slack)).toEqual(world.company.wanted());
});

describe('a creation that takes effect after somebody looked is told as ours', () => {
  const lost = () => eventually(async () => world.slack.requests.find(isWrite), 5_000);
  const ofSlack = async (kind: string) => (await said(kind)).filter((line) => line.startsWith('Slack'));
  let told: readonly string[];
  beforeEach(async () => {
    told = await ofSlack('change.create');
  });
  afterEach(async () => {
    await world.expectConverged();
    expect([await ofSlack('change.create'), await ofSlack('change.adopt')]).toEqual([
      [...told, FOUND[1]].sort(),
      [],
    ]);
  });

  it.each([
    ['an account', () => world.company.hire('joe')],
    ['a group', () => world.company.addGroup('waiters', ['ann'])],
  ])('%s, once and for all', async (_, write) => {
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looks = 0;
    const isSecondLook = () => world.slack.requests.some(isWrite) && ++looks === 2;
    world.slack.faults.inject({ fault: NOT_ACTED, matches: isWrite });
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches: isSecondLook });
    await write();
    const creation = await lost();
    await eventually(async () => looks >= 2 || undefined, 5_000);
    await arrive(creation);
    release();
    await world.bridge.settled();
  });

  it.each([
    ['back', () => world.company.setActive('joe', false), () => world.company.setActive('joe', true)],
    ['made anew', () => world.company.dismiss('joe'), () => world.company.hire('joe')],
  ])('an account whose person is %s before the second look', async (_, leave, comeBack) => {
    const { db } = world.bridge;
    world.slack.faults.inject({ fault: NOT_ACTED, matches: isWrite });
    await world.company.hire('joe');
    const creation = await lost();
    const task = await db('tasks').where({ store_id: world.stores.slack, kind: 'user' }).first();
    await leave();
    await world.bridge.settled();
    await scheduleRecheck(db, {
      environmentId: task.environment_id,
      storeId: task.store_id,
      subject: { kind: 'user', id: task.subject_id },
      intent: JSON.parse(task.intent),
      at: '2999-01-01T00:00:00.000Z',
      correlationId: null,
    });
    await arrive(creation);
    await comeBack();
    await world.bridge.settled();
    await db('second_looks').update({ at: new Date().toISOString() });
    await eventually(async () => ((await db('second_looks').first()) ? undefined : true), 5_000);
    await world.bridge.settled();
  });
});

it('adopts what it was refused to make, also where it could not look at once', async () => {
  world.slack.addUser({ userName: 'joe', email: 'joe@acme.example', displayName: 'Joe' });
  const isLook = ({ method }: { method: string }) => method === 'GET' && world.slack.requests.some(isWrite);
  world.slack.faults.inject({ fault: { kind: 'answer', answer: { status: 500 } }, matches: isLook });
  await world.company.hire('joe');
  await world.bridge.settled();
  await world.expectConverged();
  expect(await said('change.adopt')).toEqual(['Slack in scope: Slack has no active rule, so everyone is']);
});

it.each([
  ['account', () => world.company.hire('joe'), () => readdress('joe', 'jo')],
  [
    'group',
    () => world.company.addGroup('waiters', ['ann']),
    () => world.company.renameGroup('waiters', 'hosts'),
  ],
])('makes one %s, whose identifier changes before it arrives', async (kind, write, change) => {
  const { db } = world.bridge;
  const { users, groups } = world.slack;
  const known = users.size + groups.size;
  world.slack.faults.inject({ fault: NOT_ACTED, matches: isWrite });
  await write();
  const creation = await eventually(async () => world.slack.requests.find(isWrite), 5_000);
  await change();
  await eventually(() => db('tasks').where('error', 'like', '%may_arrive%').first(), 5_000);
  expect(users.size + groups.size).toBe(known);
  await arrive(creation);
  const now = new Date().toISOString();
  await db('second_looks').update({ at: now });
  await db('tasks').where('error', 'like', '%may_arrive%').update({ run_at: now });
  await world.bridge.settled();
  const names =
    kind === 'account'
      ? [...users.values()].map(({ emails }) => emails[0]?.value)
      : [...groups.values()].map(({ displayName }) => displayName);
  expect(names.slice(-1)).toEqual([kind === 'account' ? 'jo@acme.example' : 'hosts']);
  expect(users.size + groups.size).toBe(known + 1);
});

async function readdress(name: string, to: string): Promise<void> {
  const address = { op: 'replace', path: 'emails', value: [{ value: `${to}@acme.example`, primary: true }] };
  const reply = await world.bridge.scim('PATCH', `/Users/${world.company.idOf(name)}`, patch(address));
  expect(reply.status).toBe(200);
}

describe('a creation that is refused because somebody has the identifier, which is corrected meanwhile', () => {
  const isCreation = ({ method, path }: { method: string; path: string }) =>
    method === 'POST' && path.endsWith('/Users');
  const addressed = (start: string) =>
    [...world.slack.users.values()].filter((user) => user.emails[0]?.value?.startsWith(start));

  /** `before` happens at Slack, and `meanwhile` in the directory, while the creation is under way. */
  async function refused(before: (creation: LoggedRequest) => unknown, meanwhile: () => Promise<unknown>) {
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches: isCreation });
    await world.company.hire('joe');
    const creation = await eventually(async () => world.slack.requests.find(isCreation), 5_000);
    await before(creation);
    await meanwhile();
    release();
    await world.bridge.settled();
  }

  it('is the one account of the person where it had been delivered before', async () => {
    await refused(arrive, () => readdress('joe', 'jo'));
    expect(addressed('jo').map((user) => user.emails[0]?.value)).toEqual(['jo@acme.example']);
  });

  it('leaves nothing behind where it had been delivered before and the person is gone', async () => {
    await refused(arrive, () => world.company.dismiss('joe'));
    expect(addressed('joe').map((user) => user.active)).toEqual([false]);
  });

  it('takes nothing from whoever has the identifier', async () => {
    const other = { userName: 'other', email: 'joe@acme.example', displayName: 'Joe Other' };
    await refused(
      () => world.slack.addUser(other),
      () => readdress('joe', 'jo'),
    );
    expect(addressed('joe')).toMatchObject([{ displayName: 'Joe Other', active: true }]);
    expect(addressed('jo@')).toHaveLength(1);
  });
});

it.each([
  ['an enabling, of somebody who left', false, true],
  ['a disabling, of somebody who came back', true, false],
])('takes back what takes effect after somebody looked: %s', async (_, wanted, late) => {
  const account = [...world.slack.users.values()].find((u) => u.emails[0]?.value === 'ann@acme.example');
  if (!wanted) {
    await world.company.setActive('ann', false);
    await world.bridge.settled();
  }
  world.slack.faults.inject({ fault: NOT_ACTED, matches: isWrite });
  await world.company.setActive('ann', late);
  await world.bridge.settled();
  await world.company.setActive('ann', wanted);
  await world.bridge.settled();
  expect(account?.active).toBe(wanted);
  (account as { active: boolean }).active = late;
  expect(await world.bridge.db('second_looks').update({ at: new Date().toISOString() })).toBe(1);
  await eventually(async () => account?.active === wanted || undefined, 5_000);
  await world.bridge.settled();
  await world.expectConverged();
});
