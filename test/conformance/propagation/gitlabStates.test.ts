/** Accounts that GitLab lets nobody use, or does not let go of: what the bridge does then, and what it says. */

import { eventually, patch, person } from '../../bridge.ts';
import { mail, startWorld, type World } from './world.ts';

const TYPE = 'GitLabSelfManaged';
let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

function remote(name: string) {
  const user = [...world.gitlab.state.users.values()].find(({ email }) => email === mail(name));
  if (!user) throw new Error(`there is no ${name}`);
  return user;
}

function approve(name: string): void {
  remote(name).state = 'active';
}

const leave = (id: string) =>
  world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));

const until = (what: () => Promise<boolean>) =>
  eventually(async () => ((await what()) ? true : undefined), 15_000);

const openLeavers = async () => (await world.syncStatus(TYPE)).openLeavers as unknown[];

describe('an account that waits for approval', () => {
  beforeEach(async () => {
    await world.add(TYPE);
    world.gitlab.state.manners.newUsersPending = true;
  });

  it('is said to wait, is approved by nobody but an administrator, and is in sync then', async () => {
    const jane = await world.join('jane');
    expect(await world.status(TYPE, jane)).toMatchObject({
      status: 'partiallySynced',
      accountState: 'locked',
      reason: expect.stringContaining("administrator's approval"),
    });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
    expect(remote('jane').state).toBe('blocked_pending_approval');
    approve('jane');
    await world.store(TYPE, 'POST', '/sync');
    await world.settled();
    expect(await world.status(TYPE, jane)).toMatchObject({ status: 'synced', accountState: 'enabled' });
  });

  it.each([
    ['approved', () => approve('jane'), 'blocked'],
    ['rejected', () => world.gitlab.state.removeUser(remote('jane').id), null],
  ] as const)('keeps a leaver open until it is %s', async (_, decide, left) => {
    const jane = await world.join('jane');
    await leave(jane);
    await until(async () => (await world.status(TYPE, jane)).vendor !== undefined);
    expect(await world.status(TYPE, jane)).toMatchObject({
      status: 'pending',
      reason: expect.stringContaining('reject it there'),
    });
    expect(await openLeavers()).toHaveLength(1);
    expect((await world.syncStatus(TYPE)).details).toMatchObject([
      { code: 'waits', message: expect.stringContaining('reject it there') },
    ]);
    decide();
    await world.settled();
    expect([...world.gitlab.state.users.values()].find(({ email }) => email === mail('jane'))?.state).toBe(
      left ?? undefined,
    );
    expect(await openLeavers()).toEqual([]);
  });
});

it.each([
  ['deactivated in the directory', (id: string) => world.setActive(id, false)],
  ['deleted in the directory', (id: string) => world.remove(`/Users/${id}`)],
] as const)('opens a leaver again who was %s and whom an approval would let in', async (_, leaves) => {
  await world.add(TYPE);
  const jane = await world.join('jane');
  await leaves(jane);
  expect(remote('jane').state).toBe('blocked');
  remote('jane').state = 'blocked_pending_approval';
  await world.store(TYPE, 'POST', '/sync');
  await until(async () => (await openLeavers()).length === 1);
  approve('jane');
  await until(async () => (await openLeavers()).length === 0);
  expect(remote('jane').state).toBe('blocked');
});

it('keeps a leaver open whose account is in a state that the bridge does not know', async () => {
  await world.add(TYPE);
  const jane = await world.join('jane');
  Object.assign(remote('jane'), { state: 'suspended' });
  await world.store(TYPE, 'POST', '/sync');
  await world.settled();
  expect(await world.status(TYPE, jane)).toMatchObject({ status: 'partiallySynced', accountState: 'locked' });
  await leave(jane);
  await until(async () => (await world.status(TYPE, jane)).status === 'pending');
  await until(async () => (await openLeavers()).length === 1);
  expect(await openLeavers()).toMatchObject([{ reason: expect.stringContaining('suspended') }]);
  approve('jane');
  await until(async () => (await openLeavers()).length === 0);
  expect(remote('jane').state).toBe('blocked');
});

it.each(['banned', 'ldap_blocked'] as const)(
  'somebody whose account is %s is not let in again',
  async (state) => {
    await world.add(TYPE);
    const jane = await world.join('jane');
    remote('jane').state = state;
    await world.setActive(jane, false);
    expect(remote('jane').state).toBe(state);
    expect(await openLeavers()).toEqual([]);
    await world.setActive(jane, true);
    expect(remote('jane').state).toBe(state);
    expect(await world.status(TYPE, jane)).toMatchObject({ status: 'partiallySynced' });
  },
);

it.each([
  ['', { VERIFY: false }, 1],
  [' and reads it back', { VERIFY: true }, 2],
])('blocks the only owner of a group, whom GitLab does not delete%s', async (_, settings, tries) => {
  await world.add(TYPE, { REMOVE_ACTION: 'Delete', ...settings });
  const jane = await world.join('jane');
  const group = world.gitlab.state.addGroup({ path: 'fleet' });
  world.gitlab.state.setMember(group.id, remote('jane').id, 50);
  await world.forget();
  await world.remove(`/Users/${jane}`);
  expect(remote('jane').state).toBe('blocked');
  expect((await world.writes(TYPE)).filter((op) => op === 'delete')).toHaveLength(tries);
  expect(await openLeavers()).toEqual([]);
  const { details, partiallySyncedCount } = await world.syncStatus(TYPE);
  expect(partiallySyncedCount).toBe(1);
  expect(details).toEqual([
    {
      code: 'partiallySynced',
      message: expect.stringMatching(/is blocked and not deleted.*owner of a group/),
    },
  ]);
  world.gitlab.state.setMember(group.id, 1, 50);
  await world.store(TYPE, 'POST', '/sync');
  await world.settled();
  expect(() => remote('jane')).toThrow('there is no jane');
});

it.each([
  [403, '403 Forbidden'],
  [400, '400 Bad request - this account cannot be deleted'],
])('blocks whoever GitLab refuses to delete with a %i', async (status, words) => {
  await world.add(TYPE, { REMOVE_ACTION: 'Delete' });
  const jane = await world.join('jane');
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status, body: { message: words } } },
    matches: ({ method }) => method === 'DELETE',
    times: Number.POSITIVE_INFINITY,
  });
  await world.remove(`/Users/${jane}`);
  expect(remote('jane').state).toBe('blocked');
  expect(await openLeavers()).toEqual([]);
  const message = expect.stringContaining(
    `is blocked and not deleted, because GitLab refuses to delete it; delete it there, or make that possible, then sync (${words})`,
  );
  expect((await world.syncStatus(TYPE)).details).toEqual([{ code: 'partiallySynced', message }]);
  world.gitlab.faults.clear();
  await world.store(TYPE, 'POST', '/sync');
  await world.settled();
  expect(() => remote('jane')).toThrow('there is no jane');
});

it('makes a new account for somebody who is back only when the deleted one is gone', async () => {
  await world.add(TYPE, { REMOVE_ACTION: 'Delete' });
  const jane = await world.join('jane');
  const old = remote('jane');
  // GitLab answers at once and deletes in its own time.
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status: 204 } },
    matches: ({ method }) => method === 'DELETE',
  });
  await world.remove(`/Users/${jane}`);
  await world.forget();
  const reply = await world.bridge.scim('POST', '/Users', person('jane'));
  await until(async () => (await world.status(TYPE, reply.body.id)).vendor !== undefined);
  expect(await world.status(TYPE, reply.body.id)).toMatchObject({
    status: 'pending',
    reason: expect.stringContaining('has not finished with it'),
  });
  expect(await world.writes(TYPE)).toEqual([]);
  world.gitlab.state.removeUser(old.id);
  await world.settled();
  expect(await world.writes(TYPE)).toEqual(['create']);
  expect(await world.status(TYPE, reply.body.id)).toMatchObject({ status: 'synced', origin: 'created' });
});

describe('a GitLab without seats', () => {
  const NO_SEATS = [
    ['400 NO_SEATS_AVAILABLE', { status: 400, body: { message: 'NO_SEATS_AVAILABLE' } }, 1],
    [
      'a reason',
      {
        status: 400,
        body: {
          status: 'error',
          message: 'There are not enough available seats to invite this many users.',
          reason: 'seat_limit_exceeded_error',
        },
      },
      1,
    ],
    ['500, again and again', { status: 500, body: { message: '500 Internal Server Error' } }, 2],
  ] as const;

  it.each(NO_SEATS)(
    'that says so by %s keeps creations waiting, and nobody else',
    async (_, answer, tries) => {
      await world.add(TYPE);
      const early = await world.join('early');
      world.gitlab.faults.inject({
        fault: { kind: 'answer', answer },
        matches: ({ method, path }) => method === 'POST' && path.endsWith('/users'),
        times: Number.POSITIVE_INFINITY,
      });
      await world.forget();
      for (const name of ['ann', 'bob']) await world.bridge.scim('POST', '/Users', person(name));
      const details = async () => (await world.syncStatus(TYPE)).details;
      // A first server error may have any reason.
      await until(async () => (await details()).some(({ code }) => code === 'no_seats'));
      expect(await details()).toEqual([{ code: 'no_seats', message: expect.any(String) }]);
      await leave(early);
      await until(async () => remote('early').state === 'blocked');
      expect((await world.writes(TYPE)).filter((word) => word === 'create').length).toBeLessThanOrEqual(
        tries + 1,
      );
    },
  );
});

describe('a group with accounts that no person is', () => {
  it('keeps them under Overwrite, at a change and at a sync, and loses whoever is a stranger', async () => {
    const { state } = world.gitlab;
    const group = state.addGroup({ path: 'engineering' });
    const machines = ['service_account_group_7_ab12', 'duo-code-review-bot', 'deployer'].map(
      (username) => state.addUser({ username, email: `${username}@noreply.example`, isBot: true }).id,
    );
    const stranger = Number(world.seed(TYPE, { name: 'stranger' }));
    for (const id of [...machines, stranger]) state.setMember(group.id, id, 30);
    await world.add(TYPE, { GROUP_MEMBERSHIP_HANDLING: 'Overwrite' });
    const jane = await world.join('jane');
    await world.group('engineering', [jane]);
    const members = () => [...(state.members.get(group.id)?.keys() ?? [])];
    expect(members()).not.toContain(stranger);
    expect(members()).toEqual(expect.arrayContaining(machines));
    await world.store(TYPE, 'POST', '/sync');
    await world.settled();
    expect(members()).toEqual(expect.arrayContaining(machines));
  });
});

it('names in a preview a machine that has the address of somebody in the directory', async () => {
  await world.add(TYPE);
  const lea = await world.join('lea');
  const { state } = world.gitlab;
  state.addUser({ username: 'deploy-robot', email: mail('joe'), isBot: true });
  state.addUser({ username: 'release-robot', email: mail('robots'), isBot: true });
  const joe = await world.bridge.scim('POST', '/Users', person('joe', { active: false }));
  await world.settled();
  expect((await world.preview(TYPE)).orphans).toMatchObject([
    {
      display: 'deploy-robot',
      identifier: mail('joe'),
      state: 'enabled',
      nearMatches: [{ userId: joe.body.id, because: expect.any(String) }],
    },
  ]);
  expect(await world.status(TYPE, lea)).toMatchObject({ status: 'synced' });
});
