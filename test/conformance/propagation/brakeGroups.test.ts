/** The brake where a group loses its members: what is held whole, and what ends that. */

import { eventually, patch } from '../../bridge.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { groupBody, startWorld, type World } from './world.ts';

let world: World;
const { deactivate, held, joinMany } = crowdIn(() => world);

describe('the brake on groups', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it('lets go of a group that is gone with the last membership that a discard had kept', async () => {
    const type = 'GitLabSelfManaged';
    const settings = { GROUP_PROVISIONING: 'Create', REMOVE_ACTION: 'Delete' };
    await world.add(type, { ...settings, BRAKE_MIN: 0, BRAKE_PERCENT: 0 });
    const jane = await world.join('jane');
    const staff = await world.group('Staff', [jane]);
    await world.remove(`/Groups/${staff}`);
    const { body } = await world.store(type, 'GET', '/held');
    const ids = body._embedded.held.map((item: { id: string }) => item.id);
    await world.store(type, 'POST', '/held/discard', { ids });
    await world.configure(type, { ...settings, BRAKE_MIN: 5 });
    const links = async () => (await world.store(type, 'GET', '/links?kind=group')).body._embedded.links;
    expect(await links()).toHaveLength(1);
    await world.remove(`/Users/${jane}`);
    expect(await world.account(type, 'jane')).toBeNull();
    expect(await links()).toEqual([]);
  });

  it.each([
    ['PUT', (id: string) => world.bridge.scim('PUT', `/Groups/${id}`, groupBody('everyone', []))],
    [
      'PATCH',
      (id: string) => world.bridge.scim('PATCH', `/Groups/${id}`, patch({ op: 'remove', path: 'members' })),
    ],
    ['DELETE', (id: string) => world.bridge.scim('DELETE', `/Groups/${id}`)],
  ] as const)('holds one %s that empties a group of 30 whole, before any call', async (_method, empty) => {
    const type = 'Demo';
    await world.add(type);
    const ids = await joinMany(30);
    const group = await world.group('everyone', ids);
    await world.forget();
    const reply = await empty(group);
    expect([200, 204]).toContain(reply.status);
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    expect(await world.members(type, 'everyone')).toHaveLength(30);
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 30 });
    const waiting = await held(type);
    expect(waiting).toHaveLength(30);
    expect(waiting[0]?.reason).toContain('one request would take something from 30 people');

    await world.store(type, 'POST', '/held/approve', { ids: waiting.slice(0, 3).map((item) => item.id) });
    await world.settled();
    expect(await world.members(type, 'everyone')).toHaveLength(27);
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.members(type, 'everyone')).toEqual([]);
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, syncState: 'SYNCED' });
  });

  it('goes on holding an emptied group whole when another request follows at once', async () => {
    await world.add('Slack');
    const ids = await joinMany(12);
    const group = await world.group('everyone', ids);
    await world.forget();
    const isWrite = (r: { method: string }) => r.method === 'PATCH';
    world.slack.faults.inject({ fault: { kind: 'delay', delayMs: 300 }, matches: isWrite });
    await world.bridge.scim('PUT', `/Groups/${group}`, groupBody('nobody', []));
    await eventually(async () => world.slack.requests.find(isWrite), 5_000);
    await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'someone' });
    expect(await world.writes('Slack')).toEqual(['rename group', 'rename group']);
    expect(await held('Slack')).toHaveLength(12);
    expect(await world.members('Slack', 'someone')).toHaveLength(12);
  });

  it('goes on holding it when another SCIM group feeds the same group', async () => {
    const type = 'Demo';
    await world.add(type);
    const ids = await joinMany(12);
    const first = await world.group('everyone', ids);
    const second = await world.group('other', [ids[0] ?? '']);
    const links = await world.store(type, 'GET', '/links?kind=group');
    const [link] = links.body._embedded.links.filter(
      (l: { remoteName: string }) => l.remoteName === 'everyone',
    );
    const other = links.body._embedded.links.find((l: { remoteName: string }) => l.remoteName === 'other');
    await world.store(type, 'DELETE', `/links/${other.id}`);
    await world.store(type, 'POST', '/links', {
      subject: { kind: 'group', id: second },
      remoteId: link.remoteId,
    });
    await world.settled();
    await world.bridge.scim('PUT', `/Groups/${first}`, groupBody('everyone', []));
    await world.settled();
    expect(await held(type)).toHaveLength(11);
    await world.patch(`/Groups/${second}`, { op: 'add', path: 'members', value: [{ value: ids[1] }] });
    await world.patch(`/Groups/${second}`, { op: 'remove', path: `members[value eq "${ids[1]}"]` });
    expect(await world.members(type, 'everyone')).toHaveLength(12);
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 11 });
    expect(await held(type)).toHaveLength(11);
    // What is wanted again is no longer held, whichever group it was held of.
    await world.patch(`/Groups/${second}`, {
      op: 'add',
      path: 'members',
      value: ids.map((value) => ({ value })),
    });
    expect(await held(type)).toEqual([]);
  });

  it('gives up a held emptying when the IdP puts the members back', async () => {
    await world.add('Demo');
    const ids = await joinMany(12);
    const group = await world.group('everyone', ids);
    await world.forget();
    await world.bridge.scim('PUT', `/Groups/${group}`, groupBody('everyone', []));
    await world.settled();
    expect(await held('Demo')).toHaveLength(12);
    await world.bridge.scim('PUT', `/Groups/${group}`, groupBody('everyone', ids));
    await world.settled();
    expect(await held('Demo')).toEqual([]);
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.syncStatus('Demo')).toMatchObject({ heldCount: 0, syncState: 'SYNCED', details: [] });
  });

  it('gives it up also when the IdP deletes the group and posts it again', async () => {
    await world.add('Demo');
    const ids = await joinMany(12);
    await world.remove(`/Groups/${await world.group('everyone', ids)}`);
    expect(await held('Demo')).toHaveLength(12);
    await world.forget();
    await world.group('everyone', ids);
    expect(await held('Demo')).toEqual([]);
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.members('Demo', 'everyone')).toHaveLength(12);
    expect(await world.syncStatus('Demo')).toMatchObject({ syncState: 'SYNCED', details: [] });
  });

  it('remembers a discarded revoke, until the member comes and goes again', async () => {
    await world.add('Demo', TIGHT);
    const ids = await joinMany(3);
    const [a = '', b = '', c = ''] = ids;
    const group = await world.group('everyone', ids);
    await deactivate([a]);
    await world.forget();
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${b}"]` });
    await world.store('Demo', 'POST', '/held/discard', { all: true });
    await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'all' });
    await world.store('Demo', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('Demo')).toEqual(['rename group']);
    expect(await world.members('Demo', 'all')).toEqual(['p0', 'p1', 'p2']);
    const value = [{ value: b }];
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value });
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${b}"]` });
    expect(await held('Demo')).toHaveLength(1);
    expect(c).toBeDefined();
  });
});
