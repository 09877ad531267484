/** Incidents: what opens one, what it has taken, and decisions that are made once for all stores. */

import { PLAYED } from '../../database.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { mail, startWorld, type World } from './world.ts';

let world: World;
const { deactivate, disables, joinMany } = crowdIn(() => world);
const TYPES = ['Slack', 'GitLabSelfManaged', 'Demo'] as const;

const incidents = async () =>
  (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
const decide = (id: string, verb: string, body: object) =>
  world.bridge.admin('POST', `/propagation/incidents/${id}/${verb}`, body);
const peopleOf = async (id: string) =>
  (await world.bridge.admin('GET', `/propagation/incidents/${id}/people`)).body._embedded.people;

describe.each(PLAYED)('an incident over three stores, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    // One at a time, so that each store comes to the same people first.
    const settings = { BRAKE_MIN: 4, BRAKE_PERCENT: 5, PARALLEL_CHANGES: 1 };
    for (const type of TYPES) await world.add(type, settings);
  });
  afterEach(() => world.stop());

  it('is one, is loud, and is undone once for all of them', async () => {
    const ids = await joinMany(14);
    await deactivate(ids.slice(0, 10));
    const [incident, ...others] = await incidents();
    expect(others).toEqual([]);
    expect(incident).toMatchObject({
      number: 1,
      kind: 'stores',
      state: 'OPEN',
      connection: { name: 'default' },
    });
    expect(incident.summary).toContain('4 people have lost something on');
    expect(incident.ifNothing).toContain('6 of them left the directory and can still get in');
    expect(incident.stores).toHaveLength(3);
    for (const store of incident.stores)
      expect(store).toMatchObject({ lost: 4, held: 6, limit: 4, base: 14 });
    expect(incident.causes).toHaveLength(10);
    for (const cause of incident.causes) expect(cause).toMatchObject({ kind: 'request', people: 1 });
    for (const type of TYPES) {
      expect(await disables(type)).toBe(4);
      expect(await world.syncStatus(type)).toMatchObject({ syncState: 'BRAKED', heldCount: 6 });
    }
    const people = await peopleOf(incident.id);
    expect(people).toHaveLength(10);
    expect(people[0]).toMatchObject({ person: { display: mail('p0') }, personState: 'inactive' });
    expect(people[0].items.map((item: { state: string }) => item.state)).toEqual(['taken', 'taken', 'taken']);
    const everything = (await world.bridge.admin('GET', '/propagation/held')).body;
    expect(everything).toMatchObject({ count: 6 });
    expect(everything._embedded.held[0].items).toHaveLength(3);

    await world.forget();
    const undone = await decide(incident.id, 'undo', { all: true });
    expect(undone).toMatchObject({ status: 202, body: { decided: 30, people: 10 } });
    expect(undone.body.ids).toHaveLength(30);
    await world.settled();
    for (const type of TYPES) {
      expect(await world.writes(type)).toEqual(Array(4).fill('enable'));
      for (let n = 0; n < 14; n++)
        expect(await world.account(type, `p${n}`)).toMatchObject({ enabled: true });
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, openLeavers: [] });
      expect(await world.status(type, ids[0] ?? '')).toMatchObject({
        status: 'unsynced',
        reason: expect.stringContaining('given back by'),
      });
      expect(await world.status(type, ids[9] ?? '')).toMatchObject({
        status: 'unsynced',
        reason: expect.stringContaining('discarded by'),
      });
    }
    const closed = (await world.bridge.admin('GET', `/propagation/incidents/${incident.id}`)).body;
    expect(closed).toMatchObject({
      state: 'CLOSED',
      closedAt: expect.any(String),
      undo: { requested: 12, given: 12, moved: 0, impossible: 0 },
    });
    expect(await decide(incident.id, 'undo', { all: true })).toMatchObject({
      status: 200,
      body: { decided: 0, people: 0, ids: [] },
    });
    expect(await decide(incident.id, 'approve', { all: true })).toMatchObject({ status: 200 });

    // Neither a sync with repair nor a preview takes it again, and a change of something else neither.
    await world.forget();
    await world.patch(`/Users/${ids[0]}`, { op: 'replace', path: 'title', value: 'Engineer' });
    for (const type of TYPES) {
      await world.store(type, 'POST', '/sync', {});
      await world.settled();
      expect((await world.preview(type)).summary).toMatchObject({ disable: 0, delete: 0 });
      expect((await world.writes(type)).filter((word) => word === 'disable')).toEqual([]);
      expect(await world.syncStatus(type)).toMatchObject({ openLeavers: [] });
    }
    // The lifecycle moves: it is a new wish. The window still has whom it had, and is full.
    await world.setActive(ids[0] ?? '', true);
    await world.setActive(ids[0] ?? '', false);
    expect(await world.account('Demo', 'p0')).toMatchObject({ enabled: false });
    await deactivate(ids.slice(10, 11));
    const [next] = await incidents();
    expect(next).toMatchObject({ number: 2, state: 'OPEN' });
    expect(await world.account('Demo', 'p10')).toMatchObject({ enabled: true });
  });
});

describe.each(PLAYED)('an incident, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it.each(TYPES)(
    'gives back on %s by cause, and leaves out those who left by other requests',
    async (type) => {
      await world.add(type, { BRAKE_MIN: 5, BRAKE_PERCENT: 0 });
      const ids = await joinMany(9);
      // Two true leavers of the same hour, and then the mistake.
      await deactivate(ids.slice(0, 2));
      await deactivate(ids.slice(2, 7));
      const [incident] = await incidents();
      expect(incident.stores).toMatchObject([{ lost: 5, held: 2 }]);
      const causes = incident.causes.slice(2).map((cause: { correlationId: string }) => cause.correlationId);
      expect(await decide(incident.id, 'undo', { causes })).toMatchObject({
        status: 202,
        body: { decided: 5, people: 5 },
      });
      await world.settled();
      for (const [n, enabled] of [false, false, true, true, true, true, true].entries())
        expect(await world.account(type, `p${n}`)).toMatchObject({ enabled });
      expect(await decide(incident.id, 'undo', { causes: ['nobody'] })).toMatchObject({ status: 200 });
    },
  );

  it('is decided for those who left, for some people, or not at all', async () => {
    await world.add('Demo', { ...TIGHT, GROUP_PROVISIONING: 'Create' });
    const [a = '', b = '', c = '', d = ''] = await joinMany(4);
    const group = await world.group('staff', [a, b, c, d]);
    await deactivate([a, b]);
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${c}"]` });
    const [incident] = await incidents();
    for (const body of [{}, { personIds: [] }, { left: false }, { all: true, left: true }, { nobody: true }])
      expect((await decide(incident.id, 'approve', body)).status).toBe(400);
    expect((await decide(incident.id, 'undo', { left: true })).status).toBe(400);
    expect((await decide('unknown', 'approve', { all: true })).status).toBe(404);
    const people = await peopleOf(incident.id);
    expect(people.map((one: { person: { display: string } }) => one.person.display)).toEqual(
      ['p0', 'p1', 'p2'].map(mail),
    );
    expect(people[2].items).toMatchObject([{ op: 'revoke', member: { display: 'staff' }, state: 'held' }]);
    expect(await decide(incident.id, 'approve', { left: true })).toMatchObject({
      status: 202,
      body: { decided: 1, people: 1 },
    });
    await world.settled();
    expect(await world.account('Demo', 'p1')).toMatchObject({ enabled: false });
    expect(await world.members('Demo', 'staff')).toContain('p2');
    const personIds = [people[2].person.id];
    expect(await decide(incident.id, 'discard', { personIds })).toMatchObject({ status: 202 });
    await world.settled();
    const [after] = await incidents();
    expect(after).toMatchObject({ state: 'CLOSED', stores: [{ lost: 2, held: 0 }] });
    const states = (await peopleOf(incident.id)).map(
      (one: { items: { state: string }[] }) => one.items[0]?.state,
    );
    expect(states).toEqual(['taken', 'approved', 'discarded']);
    // What was approved and done comes back as well.
    expect(await decide(incident.id, 'undo', { personIds: [people[1].person.id] })).toMatchObject({
      status: 202,
    });
    await world.settled();
    expect(await world.account('Demo', 'p1')).toMatchObject({ enabled: true });
    expect(await world.account('Demo', 'p0')).toMatchObject({ enabled: false });
  });

  it('takes what is held whole and one that trips as one, of the same connection', async () => {
    await world.add('Demo', { BRAKE_MIN: 2, BRAKE_PERCENT: 0 });
    const ids = await joinMany(8);
    const group = await world.group('staff', ids);
    await world.remove(`/Groups/${group}`);
    await deactivate(ids.slice(0, 3));
    expect(await incidents()).toHaveLength(1);
    const [{ stores }] = await incidents();
    expect(stores).toMatchObject([{ lost: 2, held: 8 }]);
  });

  it.each(TYPES)('releases nothing that is held on %s when the brake is switched off', async (type) => {
    await world.add(type, { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
    const ids = await joinMany(4);
    await deactivate(ids.slice(0, 3));
    await world.configure(type, { BRAKE_PERCENT: 100 });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.syncStatus(type)).toMatchObject({ heldCount: 2, syncState: 'BRAKED' });
    expect(await disables(type)).toBe(1);
    await deactivate([ids[3] ?? '']);
    expect(await disables(type)).toBe(2);
  });

  it('is claimed by one, and takes notes', async () => {
    await world.add('Demo', TIGHT);
    await deactivate(await joinMany(2));
    const [incident] = await incidents();
    const other = await world.bridge.v1('POST', '/admin-tokens', {
      name: 'other',
      scopes: ['read', 'write'],
    });
    const asOther = (verb: string, body: object) =>
      fetch(`${world.bridge.url}/v1/environments/default/propagation/incidents/${incident.id}/${verb}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${other.body.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const claimed = await decide(incident.id, 'claim', {});
    expect(claimed).toMatchObject({ status: 200, body: { claimedBy: { name: expect.any(String) } } });
    expect((await decide(incident.id, 'claim', {})).status).toBe(200);
    const refused = await asOther('claim', {});
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ claimedBy: claimed.body.claimedBy });
    expect((await asOther('claim', { force: true })).status).toBe(200);
    const note = await decide(incident.id, 'notes', { text: 'Okta admins are on it' });
    expect(note).toMatchObject({
      status: 201,
      body: { text: 'Okta admins are on it', by: expect.any(String) },
    });
    const [after] = await incidents();
    expect(after).toMatchObject({
      claimedBy: { name: 'other' },
      notes: [{ text: 'Okta admins are on it' }],
    });
    expect((await decide(incident.id, 'notes', { text: '' })).status).toBe(400);
    expect((await world.bridge.admin('GET', '/propagation/incidents?state=open')).status).toBe(400);
    const open = await world.bridge.admin('GET', '/propagation/incidents?state=CLOSED');
    expect(open.body._embedded.incidents).toEqual([]);
  });

  it('closes when everybody of whom something was held is back', async () => {
    await world.add('Demo', TIGHT);
    const [first = '', second = ''] = await joinMany(2);
    await deactivate([first, second]);
    await world.setActive(second, true);
    await world.bridge.ring();
    expect(await incidents()).toMatchObject([{ state: 'CLOSED', stores: [{ lost: 1, held: 0 }] }]);
    expect((await world.syncStatus('Demo')).syncState).toBe('SYNCED');
  });
});

describe('what is held over all stores', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it('is approved and discarded by person, by id, or as a whole', async () => {
    for (const type of ['Demo', 'GitLabSelfManaged'] as const) await world.add(type, TIGHT);
    const ids = await joinMany(4);
    await deactivate(ids);
    const list = async () => (await world.bridge.admin('GET', '/propagation/held')).body;
    const post = (verb: string, body: object) =>
      world.bridge.admin('POST', `/propagation/held/${verb}`, body);
    const [p1, p2, p3] = (await list())._embedded.held;
    expect(p1.items.map((item: { store: { name: string } }) => item.store.name).sort()).toEqual([
      'Demo',
      'GitLabSelfManaged',
    ]);
    expect((await post('approve', {})).status).toBe(400);
    expect(await post('approve', { personIds: [p1.person.id, 'nobody'] })).toMatchObject({
      status: 409,
      body: { errors: [{ pointer: '/personIds/1' }] },
    });
    expect(await post('approve', { personIds: [p1.person.id] })).toMatchObject({
      status: 200,
      body: { approved: 2 },
    });
    expect(await post('discard', { ids: [p2.items[0].id] })).toMatchObject({
      status: 200,
      body: { discarded: 1 },
    });
    expect(await post('discard', { ids: [p2.items[0].id] })).toMatchObject({ status: 409 });
    await world.settled();
    expect(await list()).toMatchObject({ count: 2 });
    expect(await post('approve', { all: true })).toMatchObject({ body: { approved: 3 } });
    await world.settled();
    expect(await list()).toMatchObject({ count: 0 });
    for (const type of ['Demo', 'GitLabSelfManaged'] as const) {
      expect(await world.account(type, 'p1')).toMatchObject({ enabled: false });
      expect(await world.account(type, 'p3')).toMatchObject({ enabled: false });
    }
    expect(p3.personState).toBe('inactive');
  });
});
