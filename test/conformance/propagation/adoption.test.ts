/** Whose account is whose: adoption by either identifier, names that are taken, and people who come back. */

import { eventually, patch, person } from '../../bridge.ts';
import { mail, STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

const accountsNamed = (name: string) => ({
  Slack: [...world.slack.users.values()].filter((u) => u.emails.some((e) => e.value === mail(name))).length,
  GitLabSelfManaged: [...world.gitlab.state.users.values()].filter((u) => u.email === mail(name)).length,
});

describe.each(VENDORS)('on %s', (type) => {
  it('adopts an account that appeared after the scan: the refused creation says that it is there', async () => {
    await world.add(type);
    const remoteId = world.seed(type, { name: 'jane' });
    const jane = await world.join('jane');
    expect(await world.writes(type)).toEqual(['create']);
    expect(accountsNamed('jane')[type]).toBe(1);
    expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', remoteId, state: 'enabled' });
  });

  it('compares primary emails without regard to case', async () => {
    const remoteId = world.seed(type, { name: 'jane' });
    await world.add(type);
    const jane = await world.join('jane', {
      emails: [{ value: 'JANE@Acme.Example', type: 'work', primary: true }],
    });
    expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', remoteId });
    expect(await world.writes(type)).not.toContain('create');
  });

  it('adopts by userName where that is the identifier, whatever the email', async () => {
    const userName = type === 'Slack' ? 'jane_acme.example' : 'jane-acme.example';
    const remoteId = world.seed(type, { name: 'someone', userName });
    await world.add(type, { UNIQUE_USER_IDENTIFIER: 'userName' });
    const jane = await world.join('jane');
    expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', remoteId });
    expect(await world.writes(type)).toEqual(['update']);
    expect((await world.account(type, 'jane'))?.id).toBe(remoteId);
  });

  it('does not adopt by email where the userName is the identifier, and says what is taken', async () => {
    world.seed(type, { name: 'jane', userName: 'other' });
    await world.add(type, { UNIQUE_USER_IDENTIFIER: 'userName' });
    const jane = await world.join('jane');
    expect(await world.link(type, jane)).toBeNull();
    const status = await world.status(type, jane);
    expect(status).toMatchObject({ status: 'failed', vendor: { message: expect.any(String) } });
    expect(status.reason).toMatch(/email/);
  });

  it('leaves an account to the person it is linked to', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    const twin = await world.join('jane2', {
      emails: [{ value: mail('jane'), type: 'work', primary: true }],
    });
    expect(accountsNamed('jane')[type]).toBe(1);
    expect(await world.link(type, twin)).toBeNull();
    expect(await world.status(type, twin)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringMatching(
        /^jane2@acme\.example has the identifier of the account .*linked to another person/,
      ),
    });
    // Neither does the twin's end take anything from the other.
    await world.forget();
    await world.setActive(twin, false);
    await world.remove(`/Users/${twin}`);
    expect(await world.writes(type)).toEqual([]);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
  });

  it('has no account for a person without an email, until there is one', async () => {
    await world.add(type);
    const jane = await world.join('jane', { emails: [] });
    expect(await world.writes(type)).toEqual([]);
    expect(await world.status(type, jane)).toMatchObject({
      status: 'unsynced',
      reason: `${mail('jane')} has no primary email, so no account can be told to be theirs`,
    });
    await world.patch(`/Users/${jane}`, {
      op: 'add',
      path: 'emails',
      value: [{ value: mail('jane'), type: 'work', primary: true }],
    });
    expect(await world.writes(type)).toEqual(['create']);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
  });

  it('makes another name where one is taken', async () => {
    world.seed(type, { name: 'someone', userName: 'jane' });
    await world.add(type);
    const jane = await world.join('jane');
    const account = await world.account(type, 'jane');
    expect(account?.userName).toMatch(/^jane-?\d$/);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced', origin: 'created' });
    await world.forget();
    await world.bridge.scim('PUT', `/Users/${jane}`, person('jane', { title: 'Engineer' }));
    await world.settled();
    expect(await world.writes(type)).toEqual(['update']);
    expect((await world.account(type, 'jane'))?.userName).toBe(account?.userName);
  });

  it('follows a changed email with the same account', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    const before = await world.account(type, 'jane');
    await world.forget();
    await world.bridge.scim('PUT', `/Users/${jane}`, {
      ...person('jane'),
      emails: [{ value: mail('married'), type: 'work', primary: true }],
    });
    await world.settled();
    expect(await world.writes(type)).toEqual(['update']);
    expect((await world.account(type, 'married'))?.id).toBe(before?.id);
  });
});

describe('on GitLab', () => {
  it.each([
    ['banned', 'the bridge may not enable it'],
    ['ldap_blocked', 'the bridge may not enable it'],
    ['blocked_pending_approval', "waits for an administrator's approval"],
  ] as const)('does not enable an account that is %s', async (state, reason) => {
    const remoteId = world.seed('GitLabSelfManaged', { name: 'jane', state });
    await world.add('GitLabSelfManaged');
    const jane = await world.join('jane', { title: 'Engineer' });
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    expect(world.gitlab.state.users.get(Number(remoteId))?.state).toBe(state);
    expect(await world.link('GitLabSelfManaged', jane)).toMatchObject({ origin: 'adopted', remoteId });
    expect(await world.status('GitLabSelfManaged', jane)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining(reason),
    });
  });
});

describe('on Slack', () => {
  it('makes a legal user name of one that is not', async () => {
    await world.add('Slack');
    await world.join('Maximiliane.von-und-zu+Hohenstein', {
      emails: [{ value: mail('max'), type: 'work', primary: true }],
    });
    const account = await world.account('Slack', 'max');
    expect(account?.userName).toMatch(/^[a-z0-9._-]{1,21}$/);
  });
});

describe.each(STORE_TYPES)('a person who comes back on %s', (type) => {
  it('has the account of before, by the same userName, under a new SCIM id', async () => {
    await world.add(type);
    const first = await world.join('jane');
    const before = await world.account(type, 'jane');
    await world.remove(`/Users/${first}`);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    await world.forget();

    const reply = await world.bridge.scim('POST', '/Users', person('jane'));
    expect(reply.status).toBe(201);
    expect(reply.body.id).not.toBe(first);
    await world.settled();
    expect(await world.writes(type)).toEqual(['enable']);
    expect(await world.account(type, 'jane')).toEqual(before);
    expect(await world.status(type, reply.body.id)).toMatchObject({ status: 'synced', remoteId: before?.id });
    expect((await world.bridge.scim('GET', `/Users/${first}`)).status).toBe(404);
  });

  it('comes back inactive without an enabled account, and then active', async () => {
    await world.add(type);
    await world.remove(`/Users/${await world.join('jane')}`);
    await world.forget();
    const again = await world.join('jane', { active: false });
    expect(await world.writes(type)).toEqual([]);
    await world.setActive(again, true);
    expect(await world.writes(type)).toEqual(['enable']);
  });
});

describe.each(VENDORS)('a person who comes back before %s heard that they left', (type) => {
  it('is not touched', async () => {
    await world.add(type, { PARALLEL_CHANGES: 1 });
    const first = await world.join('jane');
    await world.forget();
    // Somebody else's write keeps the store busy meanwhile.
    const server = type === 'Slack' ? world.slack : world.gitlab;
    server.faults.inject({ fault: { kind: 'delay', delayMs: 300 }, matches: (r) => r.method !== 'GET' });
    await world.bridge.scim('POST', '/Users', person('joe'));
    await eventually(async () => server.requests.some((r) => r.method !== 'GET') || undefined, 5_000);
    expect((await world.bridge.scim('DELETE', `/Users/${first}`)).status).toBe(204);
    const again = await world.bridge.scim('POST', '/Users', person('jane'));
    expect(again.status).toBe(201);
    await world.settled();
    expect(await world.writes(type)).toEqual(['create']);
    expect(accountsNamed('jane')[type]).toBe(1);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
    expect(await world.status(type, again.body.id)).toMatchObject({ status: 'synced' });
  });

  it('keeps the account where they came back during the call that disables it', async () => {
    await world.add(type);
    const first = await world.join('jane');
    await world.forget();
    const server = type === 'Slack' ? world.slack : world.gitlab;
    server.faults.inject({ fault: { kind: 'delay', delayMs: 300 }, matches: (r) => r.method !== 'GET' });
    await world.bridge.scim('DELETE', `/Users/${first}`);
    await eventually(async () => server.requests.some((r) => r.method !== 'GET') || undefined, 5_000);
    const again = await world.bridge.scim('POST', '/Users', person('jane'));
    await world.settled();
    expect(await world.writes(type)).toEqual(['disable', 'enable']);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
    expect(await world.status(type, again.body.id)).toMatchObject({ status: 'synced' });
  });

  it('is created once where the answer to the creation was lost', async () => {
    await world.add(type);
    const server = type === 'Slack' ? world.slack : world.gitlab;
    server.faults.inject({ fault: { kind: 'drop', applied: true }, matches: (r) => r.method === 'POST' });
    const jane = await world.join('jane');
    expect(accountsNamed('jane')[type]).toBe(1);
    expect(await world.writes(type)).toEqual(['create']);
    expect(await world.link(type, jane)).toMatchObject({ origin: 'created', state: 'enabled' });
    const reply = await world.bridge.scim(
      'PATCH',
      `/Users/${jane}`,
      patch({ op: 'replace', path: 'title', value: 'X' }),
    );
    expect(reply.status).toBe(200);
    await world.settled();
    expect(await world.writes(type)).toEqual(['create', 'update']);
  });
});

it.each(['Never', 'Any'])(
  'says of a held leaver nothing that is wrong once ADOPT_USERS is %s',
  async (later) => {
    const type = 'GitLabSelfManaged';
    await world.add(type);
    const id = world.seed(type, { name: 'chief' });
    Object.assign(world.gitlab.state.users.get(Number(id)) ?? {}, { isAdmin: true });
    const chief = await world.join('chief');
    expect(await world.status(type, chief)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('ADOPT_USERS is Ordinary'),
    });
    await world.setActive(chief, false);
    await world.configure(type, { ADOPT_USERS: later });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    const { held } = (await world.store(type, 'GET', '/held')).body._embedded;
    expect(held).toMatchObject([
      { reason: expect.stringMatching(/^chief.* has left and has the identifier/) },
    ]);
    const said = [held[0].reason, (await world.status(type, chief)).reason];
    for (const reason of said) expect(reason).not.toMatch(/ADOPT_USERS is/);
  },
);
