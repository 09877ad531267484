/** Google's own ways: lists that come short, counts that lag behind, aliases, guests, and groups in circles. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENTERPRISE_URN } from '../../../src/model/source.ts';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type GoogleEmulator, type GoogleMember, startGoogleEmulator } from '../../emulator/google.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { Pulled } from './pulled.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-google-'));
  let google: GoogleEmulator;
  let bridge: RunningBridge;
  let pulled: Pulled;
  beforeEach(async () => {
    google = await startGoogleEmulator();
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    pulled = await Pulled.make(bridge, {
      ...{ name: 'Workspace', strategy: 'google', sync: { enabled: false } },
      configuration: {
        ...{ SERVICE_ACCOUNT_KEY: google.serviceAccountKey, SUBJECT: 'reader@acme.example' },
        ...{ API_BASE_URL: google.url, TOKEN_URL: google.tokenUrl },
      },
    });
  });
  afterEach(async () => {
    await bridge.stop();
    await google.close();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const hire = (count: number) =>
    Array.from({ length: count }, (_, n) => google.addUser(`p${n}@acme.example`));
  const into = (id: string, orgUnitPath: string) => {
    const moved = { ...google.users.get(id), id, orgUnitPath };
    google.users.set(id, moved);
    return moved;
  };
  const user = ({ id }: { id: string }): GoogleMember => ({ id, type: 'USER', status: 'ACTIVE' });
  const listOf =
    ({ id }: { id: string }) =>
    ({ path }: EmulatedRequest) =>
      path.endsWith(`/groups/${id}/members`);
  const answer = (matches: (request: EmulatedRequest) => boolean, body: object, times = 99) =>
    google.faults.inject({ fault: { kind: 'answer', answer: { status: 200, body } }, matches, times });
  const count = (group: { id: string }, directMembersCount: string) =>
    google.groups.set(group.id, { ...google.groups.get(group.id), id: group.id, directMembersCount });
  const listed = (members: readonly GoogleMember[]) => ({
    ...{ kind: 'admin#directory#members', etag: '"e"', members },
  });

  it('takes nobody for deleted whom a role for other organisational units does not show', async () => {
    const [sold = { id: '' }] = hire(3).map(({ id }) => into(id, '/Sales'));
    const [solo] = [google.addUser('solo@acme.example', { orgUnitPath: '/Labs/Solo' })];
    const lab = google.addUser('lab@acme.example', { orgUnitPath: '/Labs' });
    google.addGroup('all@acme.example', [solo, lab, sold].map(user));
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
    const before = [await pulled.people(), await pulled.groups()];
    for (const also of [() => undefined, () => google.deleteUser(sold.id)]) {
      also();
      google.role.unit = '/Sales';
      const run = await pulled.sync();
      expect(run).toMatchObject({ state: 'PARTIAL', error: expect.stringContaining('whole organisation') });
      expect([await pulled.people(), await pulled.groups()]).toEqual(before);
    }
    google.role.unit = '';
    google.users.delete(lab.id);
    expect(await pulled.sync()).toMatchObject({
      state: 'PARTIAL',
      error: expect.stringContaining('among the deleted'),
    });
    expect([await pulled.people(), await pulled.groups()]).toEqual(before);
    google.users.set(lab.id, lab);
    google.deleteUser(solo.id);
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { deleted: 2 } });
  });

  it.each([
    ['another person of their unit', '/Labs/Solo'],
    ['a person of the unit above', '/Labs'],
  ])(
    'believes that somebody is deleted where Google lists no deleted people and shows %s',
    async (_, unit) => {
      const solo = google.addUser('solo@acme.example', { orgUnitPath: '/Labs/Solo' });
      google.addUser('other@acme.example', { orgUnitPath: unit });
      expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
      google.users.delete(solo.id);
      expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { deleted: 1 } });
    },
  );

  it.each([
    ['the first page alone', 240, (members: readonly GoogleMember[]) => listed(members.slice(0, 200))],
    ['no list at all', 4, () => ({ kind: 'admin#directory#members', etag: '"e"' })],
    ['an empty list', 4, () => listed([])],
  ])('takes nobody out of a group of which Google answers %s', async (_, size, body) => {
    const members = hire(size).map(user);
    const inner = google.addGroup('inner@acme.example', members);
    google.addGroup('outer@acme.example', [{ id: inner.id, type: 'GROUP' }]);
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
    answer(listOf(inner), body(members));
    expect(await pulled.sync()).toMatchObject({ state: 'PARTIAL', summary: { groups: { left: 0 } } });
    expect(Object.values(await pulled.groups()).map(({ length }) => length)).toEqual([size, size]);
    google.faults.clear();
    google.members.set(inner.id, members.slice(1));
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { groups: { left: 2 } } });
  });

  it('reads a list once more that came short, and goes by that', async () => {
    const members = hire(4).map(user);
    const group = google.addGroup('all@acme.example', members);
    await pulled.activate();
    google.members.set(group.id, members.slice(1));
    answer(listOf(group), { kind: 'admin#directory#members', etag: '"e"' }, 1);
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { groups: { left: 1 } } });
  });

  it.each([1, 3])('lets %s leave a group whose count lags behind', async (leaving) => {
    const members = hire(3).map(user);
    const group = google.addGroup('all@acme.example', members);
    await pulled.activate();
    google.members.set(group.id, members.slice(leaving));
    count(group, '3');
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { groups: { left: leaving } } });
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { groups: { left: 0 } } });
  });

  it('lets nobody leave a group on a 404 that is not of Google', async () => {
    const members = hire(3).map(user);
    const group = google.addGroup('all@acme.example', members);
    await pulled.activate();
    answer(listOf(group), listed([]));
    google.faults.inject({
      matches: ({ path }) => /\/(members|hasMember)\/[^/]+$/.test(path),
      fault: { kind: 'answer', answer: { status: 404, body: '<html>Not found</html>' } },
      times: Number.POSITIVE_INFINITY,
    });
    expect(await pulled.sync()).toMatchObject({ state: 'PARTIAL', summary: { groups: { left: 0 } } });
  });

  it('keeps who is in a group inside another whose list has lost that group', async () => {
    const inner = google.addGroup('inner@acme.example', hire(3).map(user));
    const outer = google.addGroup('outer@acme.example', [{ id: inner.id, type: 'GROUP' }]);
    await pulled.activate();
    answer(listOf(outer), listed([]));
    expect(await pulled.sync()).toMatchObject({ state: 'PARTIAL', summary: { groups: { left: 0 } } });
    google.faults.clear();
    google.members.set(outer.id, []);
    expect(await pulled.sync()).toMatchObject({ state: 'DONE', summary: { groups: { left: 3 } } });
  });

  it('finds a manager by the address that they had before', async () => {
    const manager = google.addUser('g1@acme.example');
    const relations = [{ type: 'manager', value: 'g1@acme.example' }];
    google.addUser('ada@acme.example', { relations });
    await pulled.activate();
    const managerOf = async (userName: string) => {
      const { resource } = await bridge.db('users').where({ user_name: userName }).first('resource');
      const shown = typeof resource === 'string' ? JSON.parse(resource) : resource;
      return shown[ENTERPRISE_URN]?.manager?.value;
    };
    const before = await managerOf('ada@acme.example');
    expect(before).toBeDefined();
    const renamed = { primaryEmail: 'boss1@acme.example', aliases: ['g1@acme.example'] };
    google.users.set(manager.id, { ...manager, ...renamed });
    const run = await pulled.sync();
    expect(run).toMatchObject({ state: 'DONE', summary: { updated: 1 } });
    expect(run.error).toBeUndefined();
    expect(await managerOf('ada@acme.example')).toBe(before);
    expect((await pulled.read()).attributesSeen).toContain('aliases');
    // Whoever has the address as their own comes first.
    google.addUser('g1@acme.example');
    await pulled.sync();
    expect(await managerOf('ada@acme.example')).not.toBe(before);
  });

  it('counts and names whom it leaves out, and groups in circles', async () => {
    const [ada] = hire(1);
    google.addUser('guest@else.example', { isGuestUser: true });
    const group = google.addGroup('a@acme.example', [
      ...(ada ? [user(ada)] : []),
      { id: '9', type: 'EXTERNAL', email: 'x@else.example' },
      { id: '8', type: 'USER', email: 'y@else.example' },
    ]);
    const inner = google.addGroup('b@acme.example', [{ id: group.id, type: 'GROUP' }]);
    google.members.set(group.id, [...(google.members.get(group.id) ?? []), { id: inner.id, type: 'GROUP' }]);
    const run = await pulled.activate();
    expect(run).toMatchObject({ state: 'DONE', summary: { skipped: 5, created: 2 } });
    for (const named of ['guest@else.example', 'x@else.example', 'y@else.example', 'group a ', 'group b '])
      expect(run.error).toContain(named);
    expect(await pulled.groups()).toEqual({ a: ['p0@acme.example'], b: ['p0@acme.example'] });
  });
});
