/** A store's life: previewed, activated, pinned, paused, mended, deactivated, deleted. */

import { eventually, patch, person } from '../../bridge.ts';
import { SLACK_TOKEN } from '../../emulator/slack.ts';
import {
  mail,
  STORE_TYPES,
  type StoreType,
  startWorld,
  untilSyncState,
  VENDORS,
  type World,
} from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

const server = (type: (typeof VENDORS)[number]) => (type === 'Slack' ? world.slack : world.gitlab);

/** The gaps between tries grow from ten seconds; here the time has come. */
async function untilHealed(type: StoreType): Promise<void> {
  await world.bridge
    .db('stores')
    .where({ id: world.id(type) })
    .update({ retry_at: '2020-01-01T00:00:00.000Z' });
  await eventually(
    async () => ((await world.syncStatus(type)).syncState === 'PAUSED' ? undefined : true),
    10_000,
    async () => JSON.stringify(await world.syncStatus(type)),
  );
  await world.settled();
}

function revokeTokens(): void {
  const token = world.gitlab.state.tokens.get(world.gitlab.adminToken);
  if (token) token.revoked = true;
}

/** "op subject member" for each change that the audit log has as done. */
async function done(storeId: string): Promise<string[]> {
  const reply = await world.bridge.admin('GET', `/events?storeId=${storeId}&outcome=success&limit=200`);
  const lines: string[] = [];
  for (const event of reply.body._embedded.events) {
    const [family, op] = event.kind.split('.');
    if (family !== 'change') continue;
    const members = event.after?.members as { personId: string }[] | undefined;
    if (members) lines.push(...members.map((member) => `${op} ${event.subject.id} ${member.personId}`));
    else lines.push(`${op} ${event.subject.id}`);
  }
  return lines.sort();
}

describe.each(VENDORS)('an INACTIVE store on %s', (type) => {
  it('does nothing, and its preview is what activating it then does', async () => {
    const config = { ...world.connection(type), GROUP_PROVISIONING: 'Create' };
    const created = await world.bridge.admin('POST', '/propagation/stores', {
      type,
      name: type,
      configuration: config,
    });
    expect(created).toMatchObject({ status: 201, body: { status: 'INACTIVE' } });
    const store = `/propagation/stores/${created.body.id}`;
    const seeds = [
      { name: 'adopted' },
      { name: 'disabled', enabled: false },
      { name: 'left' },
      { name: 'orphan' },
    ];
    for (const seed of seeds) world.seed(type, seed);
    const people: string[] = [];
    for (const [name, more] of [
      ['joiner', {}],
      ['adopted', { title: 'Engineer' }],
      ['disabled', {}],
      ['left', { active: false }],
      ['mailless', { emails: [] }],
    ] as const)
      people.push(await world.join(name, more));
    await world.group('engineering', people);
    expect(await world.writes(type)).toEqual([]);
    expect((await world.bridge.admin('GET', `${store}/syncStatus`)).body).toMatchObject({
      syncState: 'INACTIVE',
    });

    const asked = await world.bridge.admin('POST', `${store}/preview`, {});
    expect(asked.status).toBe(201);
    const preview = await eventually(async () => {
      const shown = await world.bridge.admin('GET', `${store}/preview/${asked.body.id}`);
      return shown.body.state === 'DONE' ? shown : undefined;
    }, 60_000);
    expect(preview.body.summary).toMatchObject({
      create: 2,
      adopt: 3,
      enable: 1,
      disable: 1,
      grant: 3,
      revoke: 0,
      delete: 0,
      held: 0,
      skipped: 1,
    });
    expect(preview.body.skipped).toEqual([
      expect.objectContaining({ op: 'create', reason: expect.stringContaining('has no primary email') }),
    ]);
    expect(preview.body.orphans.map((o: { identifier: string }) => o.identifier)).toContain(mail('orphan'));
    expect(await world.writes(type)).toEqual([]);
    expect((await world.bridge.admin('GET', `${store}/links`)).body.count).toBe(0);

    const activated = await world.bridge.admin('PUT', store, {
      type,
      name: type,
      status: 'ACTIVE',
      configuration: config,
    });
    expect(activated).toMatchObject({ status: 200, body: { status: 'ACTIVE' } });
    await world.settled();
    type Shown = { op: string; subject: { id: string }; member?: { id: string } };
    const shown = preview.body.changes.map(({ op, subject, member }: Shown) =>
      [op, subject.id, ...(member ? [member.id] : [])].join(' '),
    );
    expect(await done(created.body.id)).toEqual(shown.sort());
  });

  it('catches up, once active, with what happened meanwhile', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const [stays, leaves, goes] = [
      await world.join('stays'),
      await world.join('leaves'),
      await world.join('goes'),
    ];
    const group = await world.group('engineering', [stays, leaves]);
    expect(
      (await world.configure(type, { GROUP_PROVISIONING: 'Create' }, { status: 'INACTIVE' })).status,
    ).toBe(200);
    await world.forget();
    await world.setActive(leaves, false);
    await world.remove(`/Users/${goes}`);
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${stays}"]` });
    await world.join('joins');
    expect(await world.writes(type)).toEqual([]);
    await world.configure(type, { GROUP_PROVISIONING: 'Create' }, { status: 'ACTIVE' });
    expect((await world.writes(type)).sort()).toEqual(['create', 'disable', 'disable', 'revoke']);
    expect(await world.account(type, 'goes')).toMatchObject({ enabled: false });
    expect(await world.account(type, 'leaves')).toMatchObject({ enabled: false });
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED' });
  });
});

describe.each(VENDORS)('activating on %s', (type) => {
  const secret = type === 'Slack' ? 'OAUTH_ACCESS_TOKEN' : 'ACCESS_TOKEN';

  it('refuses a bad credential with 400, and keeps nothing', async () => {
    const reply = await world.bridge.admin('POST', '/propagation/stores', {
      type,
      name: type,
      status: 'ACTIVE',
      configuration: { ...world.connection(type), [secret]: 'xoxp-wrong' },
    });
    expect(reply).toMatchObject({ status: 400, body: { errors: [{ pointer: `/configuration/${secret}` }] } });
    expect((await world.bridge.admin('GET', '/propagation/stores')).body.count).toBe(0);
  });

  it('goes ahead paused where the vendor is down, keeps the tasks, and heals by itself', async () => {
    await server(type).goDown();
    const reply = await world.bridge.admin('POST', '/propagation/stores', {
      type,
      name: 'late',
      status: 'ACTIVE',
      configuration: world.connection(type),
    });
    expect(reply).toMatchObject({ status: 201, body: { status: 'ACTIVE', paused: { code: 'unreachable' } } });
    const jane = (await world.bridge.scim('POST', '/Users', person('jane'))).body.id;
    const status = await world.bridge.admin('GET', `/users/${jane}/syncStatus`);
    expect(status.body._embedded.stores).toEqual([
      expect.objectContaining({ status: 'pending', reason: expect.stringContaining('late is paused') }),
    ]);
    await server(type).comeBack();
    await world.bridge.db('stores').update({ retry_at: '2020-01-01T00:00:00.000Z' });
    await eventually(async () => ((await world.account(type, 'jane')) ? true : undefined), 10_000);
    await world.settled();
    expect(await world.writes(type)).toEqual(['create']);
  });

  it('refuses a second active store on one workspace or instance with 409', async () => {
    await world.add(type);
    const second = { type, name: 'second', configuration: world.connection(type) };
    const reply = await world.bridge.admin('POST', '/propagation/stores', { ...second, status: 'ACTIVE' });
    expect(reply.status).toBe(409);
    const inactive = await world.bridge.admin('POST', '/propagation/stores', second);
    expect(inactive.status).toBe(201);
    const path = `/propagation/stores/${inactive.body.id}`;
    expect((await world.bridge.admin('PUT', path, { ...second, status: 'ACTIVE' })).status).toBe(409);
    await world.configure(type, {}, { status: 'INACTIVE' });
    expect((await world.bridge.admin('PUT', path, { ...second, status: 'ACTIVE' })).status).toBe(200);
  });
});

describe('a store stays where it was pinned', () => {
  it("refuses another workspace's token, also while inactive", async () => {
    const other = world.slack.addWorkspace({ id: 'T0002', name: 'Other' });
    const owner = world.slack.addUser(
      { userName: 'owner', email: 'o@other.example', role: 'primaryOwner' },
      other,
    );
    world.slack.addToken(other, { token: 'xoxp-other', userId: owner.id });
    await world.add('Slack');
    for (const status of ['ACTIVE', 'INACTIVE', 'ACTIVE']) {
      const reply = await world.configure('Slack', { OAUTH_ACCESS_TOKEN: 'xoxp-other' }, { status });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(reply.body)).toContain('Acme');
    }
    await world.join('jane');
    expect(other.users.size).toBe(1);
    expect(await world.account('Slack', 'jane')).not.toBeNull();
  });

  it('takes a masked secret back, but not for another host', async () => {
    await world.add('GitLabSelfManaged');
    const masked = { ACCESS_TOKEN: '********' };
    expect((await world.configure('GitLabSelfManaged', { ...masked, CREATE_USERS: false })).status).toBe(200);
    const moved = await world.configure('GitLabSelfManaged', { ...masked, BASE_URL: 'http://127.0.0.1:9' });
    expect(moved).toMatchObject({
      status: 400,
      body: {
        errors: [
          { pointer: '/configuration/ACCESS_TOKEN', detail: expect.stringContaining('entered again') },
        ],
      },
    });
    await world.add('Slack');
    for (const key of ['SCIM_BASE_URL', 'API_BASE_URL']) {
      const reply = await world.configure('Slack', {
        OAUTH_ACCESS_TOKEN: '********',
        [key]: 'http://127.0.0.1:9/',
      });
      expect(reply.status).toBe(400);
    }
  });
});

describe('pausing', () => {
  it.each(STORE_TYPES)('keeps the tasks of %s until it is resumed', async (type) => {
    await world.add(type);
    expect((await world.store(type, 'POST', '/pause', {})).body).toMatchObject({ paused: { code: 'admin' } });
    const jane = (await world.bridge.scim('POST', '/Users', person('jane'))).body.id;
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', path: 'title', value: 'X' }));
    const status = await untilSyncState(world, type, 'PAUSED');
    expect(status).toMatchObject({ pendingCount: 1, details: [{ code: 'admin' }] });
    expect(await world.status(type, jane)).toMatchObject({ status: 'pending' });
    expect((await world.store(type, 'POST', '/resume', {})).status).toBe(200);
    await world.settled();
    expect(await world.writes(type)).toEqual(['create']);
    expect(await world.account(type, 'jane')).toMatchObject({ title: 'X' });
  });

  it.each(VENDORS)(
    'comes by itself when the token of %s is revoked, and ends with a new one',
    async (type) => {
      await world.add(type);
      const jane = await world.join('jane');
      await world.forget();
      if (type === 'Slack')
        world.slack.addToken(world.slack.workspace, {
          token: SLACK_TOKEN,
          userId: world.slack.owner.id,
        }).refusedWith = 'token_revoked';
      else revokeTokens();
      await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', path: 'title', value: 'X' }));
      await world.bridge.scim('POST', '/Users', person('joe'));
      const status = await untilSyncState(world, type, 'PAUSED');
      expect(status).toMatchObject({ pendingCount: 2, details: [{ code: 'invalid_credential' }] });
      expect((await world.store(type, 'GET')).body).toMatchObject({
        status: 'ACTIVE',
        paused: { retryAt: expect.any(String) },
      });
      expect(await world.status(type, jane)).toMatchObject({
        status: 'pending',
        reason: expect.stringContaining('is paused'),
      });
      expect(await world.account(type, 'joe')).toBeNull();

      await world.forget();
      if (type === 'Slack') {
        world.slack.addToken(world.slack.workspace, { token: 'xoxp-new', userId: world.slack.owner.id });
        expect((await world.configure(type, { OAUTH_ACCESS_TOKEN: 'xoxp-new' })).status).toBe(200);
      } else {
        world.gitlab.state.addToken('glpat-new', 1);
        expect((await world.configure(type, { ACCESS_TOKEN: 'glpat-new' })).status).toBe(200);
      }
      expect((await world.writes(type)).sort()).toEqual(['create', 'update']);
      expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', details: [] });
    },
  );

  it('heals by itself when the old token works again', async () => {
    await world.add('GitLabSelfManaged');
    revokeTokens();
    await world.bridge.scim('POST', '/Users', person('jane'));
    await untilSyncState(world, 'GitLabSelfManaged', 'PAUSED');
    expect((await world.store('GitLabSelfManaged', 'POST', '/resume', {})).status).toBe(409);
    const token = world.gitlab.state.tokens.get(world.gitlab.adminToken);
    if (token) token.revoked = false;
    await world.forget();
    await untilHealed('GitLabSelfManaged');
    expect(await world.writes('GitLabSelfManaged')).toEqual(['create']);
  });
});

describe('deleting a store', () => {
  it.each(STORE_TYPES)('forgets the links of %s and leaves the accounts', async (type) => {
    await world.add(type);
    await world.join('jane');
    await world.forget();
    expect((await world.store(type, 'DELETE')).status).toBe(204);
    expect((await world.store(type, 'GET')).status).toBe(404);
    await world.join('joe');
    if (type === 'Demo') return;
    expect(await world.writes(type)).toEqual([]);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
    // A new store finds the account again.
    await world.add(type);
    expect((await world.account(type, 'jane'))?.enabled).toBe(true);
    expect(await world.account(type, 'joe')).not.toBeNull();
  });

  it.each(VENDORS)(
    'that is managed on %s deprovisions its people first, also beyond the brake',
    async (type) => {
      await world.add(type, { BRAKE_MIN: 1, BRAKE_PERCENT: 0 }, { managed: true });
      for (const name of ['p0', 'p1', 'p2']) await world.join(name);
      await world.forget();
      const unconfirmed = await world.store(type, 'DELETE');
      expect(unconfirmed).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('3 people') },
      });
      expect(await world.writes(type)).toEqual([]);
      const reply = await world.store(type, 'DELETE', '?confirm=true');
      expect(reply).toMatchObject({ status: 202, body: { status: 'DELETING' } });
      await eventually(
        async () => ((await world.store(type, 'GET')).status === 404 ? true : undefined),
        10_000,
      );
      expect(await world.writes(type)).toEqual(['disable', 'disable', 'disable']);
      expect((await world.bridge.admin('GET', '/propagation/stores')).body.count).toBe(0);
    },
  );

  it('that is managed deletes with REMOVE_ACTION Delete, and nobody with DEPROVISION_USERS off', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, { REMOVE_ACTION: 'Delete' }, { managed: true });
    await world.join('jane');
    await world.forget();
    await world.store(type, 'DELETE', '?confirm=true');
    await eventually(
      async () => ((await world.store(type, 'GET')).status === 404 ? true : undefined),
      10_000,
    );
    expect(await world.writes(type)).toEqual(['delete']);

    await world.add(type, { DEPROVISION_USERS: false }, { managed: true });
    await world.forget();
    await world.store(type, 'DELETE', '?confirm=true');
    await eventually(
      async () => ((await world.store(type, 'GET')).status === 404 ? true : undefined),
      10_000,
    );
    expect(await world.writes(type)).toEqual([]);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
  });

  it('is called off by a PUT, and who lost the account has it back', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, {}, { managed: true });
    for (const name of ['p0', 'p1', 'p2']) await world.join(name);
    await world.forget();
    world.gitlab.faults.inject({
      fault: { kind: 'delay', delayMs: 400 },
      matches: (r) => r.path.endsWith('/block'),
      times: 3,
    });
    expect((await world.store(type, 'DELETE', '?confirm=true')).status).toBe(202);
    await eventually(async () => ((await world.writes(type)).length > 0 ? true : undefined), 10_000);
    const put = await world.configure(type, {}, { status: 'ACTIVE', managed: true });
    expect(put).toMatchObject({ status: 200, body: { status: 'ACTIVE' } });
    for (const name of ['p0', 'p1', 'p2'])
      expect(await world.account(type, name)).toMatchObject({ enabled: true });
    expect(await world.syncStatus(type)).toMatchObject({
      syncState: 'SYNCED',
      userTotal: 3,
      successCount: 3,
    });
  });
});
