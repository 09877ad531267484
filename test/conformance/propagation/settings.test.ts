/** Every row of the product's table "what happens, setting, on, off", on every store type. */

import { mail, STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

describe.each(STORE_TYPES)('%s', (type) => {
  describe('a person without an account', () => {
    it('gets one, linked as created', async () => {
      await world.add(type);
      const jane = await world.join('jane', { title: 'Engineer' });
      expect(await world.writes(type)).toEqual(['create']);
      const account = await world.account(type, 'jane');
      expect(account).toMatchObject({ enabled: true, title: 'Engineer' });
      expect(await world.link(type, jane)).toMatchObject({
        origin: 'created',
        state: 'enabled',
        remoteId: account?.id,
      });
      expect(await world.status(type, jane)).toMatchObject({
        status: 'synced',
        remoteId: account?.id,
        origin: 'created',
      });
    });

    it('gets none with CREATE_USERS off, and is unsynced, until it is on', async () => {
      await world.add(type, { CREATE_USERS: false });
      const jane = await world.join('jane');
      await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer' });
      expect(await world.writes(type)).toEqual([]);
      expect(await world.link(type, jane)).toBeNull();
      expect(await world.status(type, jane)).toMatchObject({
        status: 'unsynced',
        reason: `${mail('jane')} has no account there, and CREATE_USERS is off`,
      });
      expect(await world.syncStatus(type)).toMatchObject({ unsyncedCount: 1, successCount: 0 });

      await world.configure(type, { CREATE_USERS: true });
      expect(await world.writes(type)).toEqual(['create']);
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    });

    it('gets none while inactive', async () => {
      await world.add(type);
      const jane = await world.join('jane', { active: false });
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
      await world.setActive(jane, true);
      expect(await world.writes(type)).toEqual(['create']);
    });
  });

  describe('changed attributes', () => {
    it('are updated, those that differ alone', async () => {
      await world.add(type);
      const jane = await world.join('jane');
      await world.forget();
      await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer' });
      expect(await world.writes(type)).toEqual(['update']);
      expect(await world.account(type, 'jane')).toMatchObject({ title: 'Engineer' });
      await world.forget();
      await world.patch(`/Users/${jane}`, { op: 'replace', path: 'nickName', value: 'Janie' });
      expect(await world.writes(type)).toEqual([]);
      await world.patch(`/Users/${jane}`, { op: 'remove', path: 'title' });
      expect(await world.writes(type)).toEqual(['update']);
      expect(await world.account(type, 'jane')).toMatchObject({ title: '' });
    });

    it('are not updated with UPDATE_USERS off, and the person is partiallySynced', async () => {
      await world.add(type, { UPDATE_USERS: false });
      const jane = await world.join('jane');
      await world.forget();
      await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer' });
      expect(await world.writes(type)).toEqual([]);
      expect(await world.account(type, 'jane')).toMatchObject({ title: '' });
      expect(await world.status(type, jane)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringMatching(/^jane@acme\.example .* differ, and UPDATE_USERS is off$/),
      });
      expect(await world.syncStatus(type)).toMatchObject({ partiallySyncedCount: 1 });

      await world.configure(type, {});
      expect(await world.writes(type)).toEqual(['update']);
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    });
  });

  describe('active: false', () => {
    it('disables, and active: true enables again', async () => {
      await world.add(type);
      const jane = await world.join('jane');
      await world.forget();
      await world.setActive(jane, false);
      expect(await world.writes(type)).toEqual(['disable']);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
      expect(await world.link(type, jane)).toMatchObject({ state: 'disabled', disabledBy: 'inactive' });
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });

      await world.forget();
      await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer' });
      expect(await world.writes(type)).toEqual([]);
      await world.setActive(jane, true);
      expect(await world.writes(type)).toEqual(['enable', 'update']);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true, title: 'Engineer' });
      expect(await world.link(type, jane)).toMatchObject({ state: 'enabled', origin: 'created' });
    });

    it('does nothing with DISABLE_USERS off: partiallySynced', async () => {
      await world.add(type, { DISABLE_USERS: false });
      const jane = await world.join('jane');
      await world.forget();
      await world.setActive(jane, false);
      expect(await world.writes(type)).toEqual([]);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
      expect(await world.status(type, jane)).toMatchObject({
        status: 'partiallySynced',
        reason: `${mail('jane')} is inactive in the directory, and DISABLE_USERS is off`,
      });
      await world.setActive(jane, true);
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    });

    it('is enabled again only under DISABLE_USERS', async () => {
      await world.add(type);
      const jane = await world.join('jane');
      await world.setActive(jane, false);
      await world.configure(type, { DISABLE_USERS: false });
      await world.forget();
      await world.setActive(jane, true);
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, jane)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('DISABLE_USERS is off'),
      });
      await world.configure(type, { DISABLE_USERS: true });
      expect(await world.writes(type)).toEqual(['enable']);
    });
  });

  describe('a person deleted in the IdP', () => {
    it('loses the account, disabled', async () => {
      await world.add(type);
      const jane = await world.join('jane');
      await world.forget();
      await world.remove(`/Users/${jane}`);
      expect(await world.writes(type)).toEqual(['disable']);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
      expect(await world.link(type, jane)).toMatchObject({ state: 'disabled', disabledBy: 'gone' });
    });

    it('keeps it with DEPROVISION_USERS off, link and all, and is unsynced', async () => {
      await world.add(type, { DEPROVISION_USERS: false });
      const jane = await world.join('jane');
      await world.forget();
      await world.remove(`/Users/${jane}`);
      expect(await world.writes(type)).toEqual([]);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
      expect(await world.link(type, jane)).toMatchObject({ state: 'enabled', origin: 'created' });
      const { details, unsyncedCount } = await world.syncStatus(type);
      expect(unsyncedCount).toBe(1);
      expect(details).toEqual([
        {
          code: 'unsynced',
          message: expect.stringContaining('is gone from the directory, and DEPROVISION_USERS is off'),
        },
      ]);
    });

    it('is enabled again only under DEPROVISION_USERS, whatever DISABLE_USERS says', async () => {
      await world.add(type, { DISABLE_USERS: false });
      await world.remove(`/Users/${await world.join('jane')}`);
      await world.configure(type, { DISABLE_USERS: false, DEPROVISION_USERS: false });
      await world.forget();
      const again = await world.join('jane');
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, again)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('DEPROVISION_USERS is off'),
      });
      await world.configure(type, { DISABLE_USERS: false });
      expect(await world.writes(type)).toEqual(['enable']);
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
    });

    it('leaves alone an account that was never linked', async () => {
      await world.add(type, { CREATE_USERS: false });
      const jane = await world.join('jane');
      if (type !== 'Demo') world.seed(type, { name: 'jane' });
      await world.remove(`/Users/${jane}`);
      expect(await world.writes(type)).toEqual([]);
    });
  });

  describe('memberships', () => {
    it('are granted and revoked, and what others did is left alone, with Merge', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create' });
      const jane = await world.join('jane');
      const joe = await world.join('joe');
      await world.forget();
      const group = await world.group('engineering', [joe]);
      expect(await world.writes(type)).toEqual(['create group', 'grant']);
      await world.forget();
      await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: jane }] });
      expect(await world.writes(type)).toEqual(['grant']);
      expect(await world.members(type, 'engineering')).toEqual(['jane', 'joe']);
      await world.forget();
      await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${joe}"]` });
      expect(await world.writes(type)).toEqual(['revoke']);
      expect(await world.members(type, 'engineering')).toEqual(['jane']);
    });
  });

  describe('groups', () => {
    it('are left alone with GROUP_PROVISIONING Off', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Off' });
      const jane = await world.join('jane');
      await world.forget();
      const group = await world.group('engineering', [jane]);
      await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'builders' });
      await world.remove(`/Groups/${group}`);
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    });

    it('wait for a group of that name with Match', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Match' });
      const jane = await world.join('jane');
      await world.forget();
      await world.group('engineering', [jane]);
      expect(await world.writes(type)).toEqual([]);
      expect((await world.syncStatus(type)).details).toEqual([
        { code: 'unsynced', message: expect.stringContaining('GROUP_PROVISIONING is Match') },
      ]);
    });

    it('are made, renamed and detached with Create', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create' });
      const jane = await world.join('jane');
      await world.forget();
      const group = await world.group('engineering', [jane]);
      expect(await world.writes(type)).toEqual(['create group', 'grant']);
      await world.forget();
      await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'builders' });
      expect(await world.writes(type)).toEqual(['rename group']);
      const name = type === 'GitLabSelfManaged' ? 'engineering' : 'builders';
      expect(await world.members(type, name)).toEqual(['jane']);
      await world.forget();
      await world.remove(`/Groups/${group}`);
      expect(await world.writes(type)).toEqual(['revoke']);
      expect(await world.members(type, name)).toEqual([]);
    });
  });
});

describe.each(VENDORS)('%s', (type) => {
  describe('a person whose account is there already', () => {
    it('gets it, linked as adopted, and updated where it differs', async () => {
      const remoteId = world.seed(type, { name: 'jane' });
      await world.add(type);
      const jane = await world.join('jane', { title: 'Engineer' });
      expect(await world.writes(type)).toEqual(['update']);
      expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', state: 'enabled', remoteId });
      expect(await world.account(type, 'jane')).toMatchObject({ id: remoteId, title: 'Engineer' });
      expect(await world.status(type, jane)).toMatchObject({ status: 'synced', origin: 'adopted' });
    });

    it('gets it also with CREATE_USERS off, and not updated with UPDATE_USERS off', async () => {
      const remoteId = world.seed(type, { name: 'jane' });
      await world.add(type, { CREATE_USERS: false, UPDATE_USERS: false });
      const jane = await world.join('jane', { title: 'Engineer' });
      expect(await world.writes(type)).toEqual([]);
      expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', remoteId });
      expect(await world.status(type, jane)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('UPDATE_USERS is off'),
      });
    });

    it('gets it enabled where it was disabled', async () => {
      const remoteId = world.seed(type, { name: 'jane', enabled: false });
      await world.add(type);
      const jane = await world.join('jane');
      expect(await world.writes(type)).toEqual(['enable']);
      expect(await world.account(type, 'jane')).toMatchObject({ id: remoteId, enabled: true });
      expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', state: 'enabled' });
    });

    it('loses it while inactive: adopted, then disabled', async () => {
      const remoteId = world.seed(type, { name: 'jane' });
      await world.add(type);
      const jane = await world.join('jane', { active: false });
      expect(await world.writes(type)).toEqual(['disable']);
      expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', state: 'disabled', remoteId });
    });

    it('keeps it while inactive with DISABLE_USERS off', async () => {
      world.seed(type, { name: 'jane' });
      await world.add(type, { DISABLE_USERS: false });
      const jane = await world.join('jane', { active: false });
      expect(await world.writes(type)).toEqual([]);
      expect(await world.status(type, jane)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('DISABLE_USERS is off'),
      });
    });
  });
});

describe('REMOVE_ACTION Delete', () => {
  it.each(['GitLabSelfManaged', 'Demo'] as const)('deletes the account on %s', async (type) => {
    await world.add(type, { REMOVE_ACTION: 'Delete' });
    const jane = await world.join('jane');
    await world.forget();
    await world.remove(`/Users/${jane}`);
    expect(await world.writes(type)).toEqual(['delete']);
    expect(await world.account(type, 'jane')).toBeNull();
    expect(await world.link(type, jane)).toMatchObject({ state: 'removed' });

    const again = await world.join('jane');
    expect(await world.writes(type)).toEqual(['delete', 'create']);
    expect(await world.link(type, again)).toMatchObject({ state: 'enabled', origin: 'created' });
    if (type !== 'GitLabSelfManaged') return;
    const removal = world.gitlab.requests.find((r) => r.method === 'DELETE');
    expect(`${removal?.query} ${JSON.stringify(removal?.body)}`).not.toContain('hard_delete');
  });

  it('disables on active: false, and deletes only who is deleted', async () => {
    await world.add('GitLabSelfManaged', { REMOVE_ACTION: 'Delete' });
    const jane = await world.join('jane');
    await world.forget();
    await world.setActive(jane, false);
    expect(await world.writes('GitLabSelfManaged')).toEqual(['disable']);
    await world.remove(`/Users/${jane}`);
    expect(await world.writes('GitLabSelfManaged')).toEqual(['disable', 'delete']);
  });

  it('is refused on Slack, which cannot', async () => {
    const reply = await world.bridge.admin('POST', '/propagation/stores', {
      type: 'Slack',
      name: 'Slack',
      configuration: { ...world.connection('Slack'), REMOVE_ACTION: 'Delete' },
    });
    expect(reply).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/configuration/REMOVE_ACTION' }] },
    });
  });
});
