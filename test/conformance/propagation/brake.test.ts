/** The brake: how many lose access, who is held, what a decision releases, and what never waits. */

import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { mail, startWorld, type World } from './world.ts';

let world: World;
const { deactivate, disables, held, joinMany, statuses } = crowdIn(() => world);

describe.each(PLAYED)('of 30 people, 25 deactivated one by one, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it('10 lose access and 15 are held, until somebody approves', async () => {
    await world.add('GitLabSelfManaged');
    await world.add('Demo');
    const ids = await joinMany(30);
    await deactivate(ids.slice(0, 25));
    for (const type of ['GitLabSelfManaged', 'Demo'] as const) {
      expect(await world.writes(type)).toEqual(Array(10).fill('disable'));
      expect(await held(type)).toHaveLength(15);
      const status = await world.syncStatus(type);
      expect(status).toMatchObject({ heldCount: 15, userTotal: 30 });
      expect(status.details).toEqual(
        expect.arrayContaining([
          { code: 'brake_tripped', message: expect.stringContaining('every loss is held') },
          { code: 'held', message: expect.stringContaining('15 people would lose something') },
        ]),
      );
    }
    const type = 'GitLabSelfManaged';
    expect((await statuses(type, ids)).filter((status) => status === 'held')).toHaveLength(15);
    const tripped = await world.bridge.admin('GET', '/events?kind=brake.tripped');
    expect(tripped.body._embedded.events).toHaveLength(2);

    await world.forget();
    const [joiner] = await joinMany(1, 'joiner');
    expect(await world.status(type, joiner ?? '')).toMatchObject({ status: 'synced' });

    const waiting = await held(type);
    const approved = await world.store(type, 'POST', '/held/approve', {
      ids: waiting.slice(0, 5).map((item) => item.id),
    });
    expect(approved).toMatchObject({ status: 200, body: { approved: 5 } });
    await world.settled();
    expect(await disables(type)).toBe(5);
    for (const item of waiting.slice(0, 5))
      expect(await world.account(type, item.subject.display.split('@')[0] ?? '')).toMatchObject({
        enabled: false,
      });
    expect(await held(type)).toHaveLength(10);
    expect((await world.syncStatus(type)).details.map((d) => d.code)).toContain('brake_tripped');

    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await disables(type)).toBe(15);
    expect(await held(type)).toEqual([]);
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, syncState: 'SYNCED', details: [] });
    // The other store waits for its own decision.
    expect(await held('Demo')).toHaveLength(15);
    expect(await disables('Demo')).toBe(0);
  });
});

describe('the brake', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it('holds one bulk request that deactivates too many whole, before any call', async () => {
    await world.add('Demo');
    const ids = await joinMany(12);
    const reply = await world.bridge.scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: ids.map((id) => ({
        method: 'PATCH',
        path: `/Users/${id}`,
        data: patch({ op: 'replace', value: { active: false } }),
      })),
    });
    expect(reply.status).toBe(200);
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
    expect(await held('Demo')).toHaveLength(12);
  });

  it('holds nobody with BRAKE_PERCENT 100', async () => {
    await world.add('Demo', { BRAKE_PERCENT: 100 });
    await deactivate((await joinMany(14)).slice(0, 13));
    expect(await disables('Demo')).toBe(13);
    expect(await held('Demo')).toEqual([]);
  });

  it('counts a share of the people where that is more', async () => {
    await world.add('Demo', { BRAKE_MIN: 1, BRAKE_PERCENT: 50 });
    await deactivate((await joinMany(8)).slice(0, 6));
    expect(await disables('Demo')).toBe(4);
    expect(await held('Demo')).toHaveLength(2);
  });

  it('holds deletions in the IdP as well, and answers them 204', async () => {
    await world.add('Slack', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    for (const id of [first, second])
      expect((await world.bridge.scim('DELETE', `/Users/${id}`)).status).toBe(204);
    await world.settled();
    expect(await world.writes('Slack')).toEqual(['disable']);
    expect(await held('Slack')).toHaveLength(1);
    // Gone from the directory all the same; the store waits.
    expect((await world.bridge.scim('GET', `/Users/${second}`)).status).toBe(404);
  });

  it('a discard keeps the account, and is remembered until the directory asks anew', async () => {
    await world.add('GitLabSelfManaged', TIGHT);
    const type = 'GitLabSelfManaged';
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first, second]);
    const [item] = await held(type);
    expect(item?.subject.display).toBe(mail('p1'));
    await world.forget();
    const reply = await world.store(type, 'POST', '/held/discard', { ids: [item?.id] });
    expect(reply).toMatchObject({ status: 200, body: { discarded: 1 } });
    await world.settled();
    expect(await world.status(type, second)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('discarded by'),
    });
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, unsyncedCount: 1 });

    await world.patch(`/Users/${second}`, { op: 'replace', path: 'title', value: 'Engineer' });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    expect(await world.account(type, 'p1')).toMatchObject({ enabled: true });
    expect(await world.status(type, second)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('discarded by'),
    });

    // Active and inactive again: a new wish, so it is asked anew.
    await world.setActive(second, true);
    expect(await world.status(type, second)).toMatchObject({ status: 'synced' });
    await world.forget();
    await world.setActive(second, false);
    expect(await world.writes(type)).toEqual([]);
    expect(await held(type)).toHaveLength(1);
    expect(await world.status(type, second)).toMatchObject({ status: 'held' });
  });

  it('asks anew where a discarded deactivation becomes a deletion', async () => {
    await world.add('Demo', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first, second]);
    await world.store('Demo', 'POST', '/held/discard', { all: true });
    await world.remove(`/Users/${second}`);
    expect(await held('Demo')).toHaveLength(1);
    expect(await world.account('Demo', 'p1')).toMatchObject({ enabled: true });
  });

  it('forgets the held loss of a person who is active again, in the same transaction', async () => {
    await world.add('Demo', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first, second]);
    expect(await held('Demo')).toHaveLength(1);
    await world.store('Demo', 'POST', '/pause', {});
    const reply = await world.bridge.scim(
      'PATCH',
      `/Users/${second}`,
      patch({ op: 'replace', value: { active: true } }),
    );
    expect(reply.status).toBe(200);
    // The store is paused: it was the write itself.
    expect(await held('Demo')).toEqual([]);
    await world.store('Demo', 'POST', '/resume', {});
    await world.settled();
    expect(await world.status('Demo', second)).toMatchObject({ status: 'synced' });
    expect((await world.syncStatus('Demo')).details).toEqual([]);
  });

  it('does the same for a person who was deleted and is posted again', async () => {
    await world.add('Demo', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first]);
    await world.remove(`/Users/${second}`);
    expect(await held('Demo')).toHaveLength(1);
    const [back = ''] = await joinMany(1, 'p1-x');
    expect(await held('Demo')).toHaveLength(1);
    const again = await world.join('p1');
    expect(await held('Demo')).toEqual([]);
    expect(await statuses('Demo', [back, again])).toEqual(['synced', 'synced']);
  });

  it('does not hold up what is no loss, of the same person neither', async () => {
    await world.add('GitLabSelfManaged', { ...TIGHT, GROUP_PROVISIONING: 'Create' });
    const type = 'GitLabSelfManaged';
    const [a = '', b = '', c = ''] = await joinMany(3);
    const group = await world.group('engineering', [a, b, c]);
    await deactivate([a]);
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${b}"]` });
    expect(await held(type)).toHaveLength(1);
    await world.forget();
    await world.patch(`/Users/${b}`, { op: 'replace', path: 'title', value: 'Engineer' });
    const other = await world.group('builders', [b]);
    expect(await world.writes(type)).toEqual(['update', 'create group', 'grant']);
    expect(other).toBeDefined();
    expect(await world.members(type, 'engineering')).toContain('p1');
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.members(type, 'engineering')).not.toContain('p1');
  });

  it('holds a change of settings that would take from too many, whole', async () => {
    await world.add('Demo', { DISABLE_USERS: false });
    const ids = await joinMany(12);
    await deactivate(ids);
    expect(await world.writes('Demo')).toEqual([]);
    await world.configure('Demo', {});
    expect(await world.writes('Demo')).toEqual([]);
    expect(await held('Demo')).toHaveLength(12);
    await world.store('Demo', 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await disables('Demo')).toBe(12);
  });

  it('refuses ids that are not held, and decides none of the others', async () => {
    await world.add('Demo', TIGHT);
    await deactivate(await joinMany(2));
    const [item] = await held('Demo');
    const reply = await world.store('Demo', 'POST', '/held/approve', { ids: [item?.id, 'unknown'] });
    expect(reply).toMatchObject({ status: 409, body: { errors: [{ pointer: '/ids/1' }] } });
    await world.settled();
    expect(await held('Demo')).toHaveLength(1);
    expect((await world.store('Demo', 'POST', '/held/approve', {})).status).toBe(400);
  });

  it('runs an approved loss only while it is still wanted', async () => {
    await world.add('Demo', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first, second]);
    await world.store('Demo', 'POST', '/pause', {});
    await world.store('Demo', 'POST', '/held/approve', { all: true });
    await world.bridge.scim('PATCH', `/Users/${second}`, patch({ op: 'replace', value: { active: true } }));
    await world.forget();
    await world.store('Demo', 'POST', '/resume', {});
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.account('Demo', 'p1')).toMatchObject({ enabled: true });
  });

  it('begins the window anew with the approval that leaves nothing held, and with no other decision', async () => {
    await world.add('Demo', { BRAKE_MIN: 2, BRAKE_PERCENT: 0, BRAKE_WINDOW_MINUTES: 1 });
    const ids = await joinMany(7);
    await deactivate(ids.slice(0, 4));
    const [first] = await held('Demo');
    await world.store('Demo', 'POST', '/held/approve', { ids: [first?.id] });
    await world.settled();
    // Something is held, and so the brake is tripped still.
    await deactivate([ids[4] ?? '']);
    expect(await held('Demo')).toHaveLength(2);
    await world.store('Demo', 'POST', '/held/discard', { all: true });
    // The window is full still.
    await deactivate([ids[5] ?? '']);
    expect(await held('Demo')).toHaveLength(1);
    expect(await disables('Demo')).toBe(3);
    await world.store('Demo', 'POST', '/held/approve', { all: true });
    await world.settled();
    await deactivate([ids[6] ?? '']);
    expect(await held('Demo')).toEqual([]);
    expect(await disables('Demo')).toBe(5);
  });
});
