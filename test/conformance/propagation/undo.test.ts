/** Undo: what stores give back, what they leave alone because it has moved, and what they cannot. */

import { eventually, patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { isWrite } from '../../fault/world.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { type StoreType, startWorld, type World } from './world.ts';

let world: World;
const { deactivate, joinMany } = crowdIn(() => world);
const TYPES = ['Slack', 'GitLabSelfManaged'] as const;

const newest = async () =>
  (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents[0];
const undo = async (body: object = { all: true }) =>
  world.bridge.admin('POST', `/propagation/incidents/${(await newest()).id}/undo`, body);
const itemsOf = async (name: string) => {
  const { body } = await world.bridge.admin('GET', `/propagation/incidents/${(await newest()).id}/people`);
  const person = body._embedded.people.find((one: { person: { display: string } }) =>
    one.person.display.startsWith(`${name}@`),
  );
  return person.items;
};

/** Lets the store take what is held there; resolves while it does so, with what ends that. */
async function takeHeld(
  type: (typeof TYPES)[number],
  leave: 'approval' | 'applied preview',
  answer: 'comes' | 'is lost',
) {
  const shown = leave === 'approval' ? null : await world.preview(type);
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { faults } = type === 'Slack' ? world.slack : world.gitlab;
  let isUnderWay = false;
  const matches = (request: EmulatedRequest) => {
    // Where the answer is lost, the bridge looks.
    if (isWrite(request) !== (answer === 'comes')) return false;
    isUnderWay = true;
    return true;
  };
  if (answer === 'is lost') faults.inject({ fault: { kind: 'drop', applied: true }, matches: isWrite });
  faults.inject({ fault: { kind: 'hold', until }, matches, times: Number.POSITIVE_INFINITY });
  await (shown === null
    ? world.store(type, 'POST', '/held/approve', { all: true })
    : world.store(type, 'POST', `/preview/${shown.id}/apply`, { includeHeld: true }));
  await eventually(async () => isUnderWay || undefined, 30_000);
  const goOn = () => {
    faults.clear();
    release();
  };
  return { goOn };
}

describe.each(PLAYED)('undo, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it.each(TYPES)('gives memberships back on %s, the account first', async (type) => {
    await world.add(type, {
      BRAKE_MIN: 2,
      BRAKE_PERCENT: 0,
      GROUP_PROVISIONING: 'Create',
      PARALLEL_CHANGES: 1,
    });
    const [a = '', b = '', c = '', d = ''] = await joinMany(4);
    const group = await world.group('staff', [a, b, c, d]);
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${a}"]` });
    await deactivate([a, b, c]);
    expect(await world.members(type, 'staff')).not.toContain('p0');
    expect((await newest()).stores).toMatchObject([{ lost: 2, held: 1 }]);
    await world.forget();
    expect((await undo()).status).toBe(202);
    await world.settled();
    expect(await world.members(type, 'staff')).toEqual(expect.arrayContaining(['p0', 'p2', 'p3']));
    for (const name of ['p0', 'p1', 'p2'])
      expect(await world.account(type, name)).toMatchObject({ enabled: true });
    expect((await newest()).undo).toMatchObject({ requested: 3, given: 3 });
    await world.forget();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.members(type, 'staff')).toContain('p0');
    expect(await world.account(type, 'p0')).toMatchObject({ enabled: true });
  });

  it.each(['before the first scan', 'after it'] as const)(
    'gives memberships back at the level that somebody had given by hand %s',
    async (when) => {
      const { state } = world.gitlab;
      const staff = state.addGroup({ path: 'staff' });
      const accounts = ['p0', 'p1', 'p2'].map((name) => Number(world.seed('GitLabSelfManaged', { name })));
      const promote = () => {
        for (const [n, id] of accounts.entries()) state.setMember(staff.id, id, 50 - 10 * n);
      };
      if (when === 'before the first scan') promote();
      await world.add('GitLabSelfManaged', { BRAKE_MIN: 2, BRAKE_PERCENT: 0, PARALLEL_CHANGES: 1 });
      const [a = '', b = '', c = '', d = ''] = await joinMany(4);
      const group = await world.group('staff', [d]);
      if (when === 'after it') promote();
      const members = [a, b, c].map((value) => ({ value }));
      await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: members });
      const remove = (id: string) => ({ op: 'remove', path: `members[value eq "${id}"]` });
      await world.patch(`/Groups/${group}`, remove(a), remove(b));
      await deactivate([c]);
      expect(await world.members('GitLabSelfManaged', 'staff')).toEqual(
        expect.not.arrayContaining(['p0', 'p1']),
      );
      expect((await undo()).status).toBe(202);
      await world.settled();
      await world.store('GitLabSelfManaged', 'POST', '/sync', {});
      await world.settled();
      expect(accounts.map((id) => state.members.get(staff.id)?.get(id))).toEqual([50, 40, 30]);
    },
  );

  it.each(TYPES)('remembers on %s what it gave back to somebody who was gone and returns', async (type) => {
    await world.add(type, {
      BRAKE_MIN: 2,
      BRAKE_PERCENT: 0,
      GROUP_PROVISIONING: 'Create',
      PARALLEL_CHANGES: 1,
    });
    const [a = '', b = '', c = ''] = await joinMany(3);
    const group = await world.group('staff', [a, b, c]);
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${a}"]` });
    await world.remove(`/Users/${a}`);
    await deactivate([b, c]);
    expect((await undo()).status).toBe(202);
    await world.settled();
    expect(await world.members(type, 'staff')).toContain('p0');
    const back = await world.join('p0');
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.members(type, 'staff')).toContain('p0');
    // A member once more, and then no longer: that is another wish.
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: back }] });
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${back}"]` });
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.members(type, 'staff')).not.toContain('p0');
  });

  it('leaves alone who is back, and lists who cannot be given back', async () => {
    const type: StoreType = 'Demo';
    await world.add(type, { BRAKE_MIN: 3, BRAKE_PERCENT: 0, REMOVE_ACTION: 'Delete' });
    const [a = '', b = '', c = '', d = ''] = await joinMany(4);
    await deactivate([a, b]);
    await world.remove(`/Users/${c}`);
    await deactivate([d]);
    await world.setActive(a, true);
    expect(await undo()).toMatchObject({ status: 202, body: { decided: 4 } });
    await world.settled();
    expect(await world.account(type, 'p0')).toMatchObject({ enabled: true });
    expect(await world.account(type, 'p1')).toMatchObject({ enabled: true });
    expect(await world.account(type, 'p2')).toBeNull();
    expect((await newest()).undo).toEqual({ requested: 3, given: 1, moved: 1, impossible: 1 });
    expect(await itemsOf('p0')).toMatchObject([{ state: 'moved' }]);
    expect(await itemsOf('p1')).toMatchObject([{ state: 'undone' }]);
    expect(await itemsOf('p2')).toMatchObject([{ state: 'impossible', reason: 'the account was deleted' }]);
    expect(await itemsOf('p3')).toMatchObject([{ state: 'discarded' }]);
  });

  it('keeps what it gave back from whatever else would end the account', async () => {
    await world.add('GitLabSelfManaged', TIGHT);
    const [a = '', b = ''] = await joinMany(2);
    await world.remove(`/Users/${a}`);
    await world.remove(`/Users/${b}`);
    await undo();
    await world.settled();
    await world.configure('GitLabSelfManaged', { BRAKE_PERCENT: 100, REMOVE_ACTION: 'Delete' });
    await world.store('GitLabSelfManaged', 'POST', '/sync', {});
    await world.settled();
    for (const name of ['p0', 'p1'])
      expect(await world.account('GitLabSelfManaged', name)).toMatchObject({ enabled: true });
    expect((await world.preview('GitLabSelfManaged')).summary).toMatchObject({ delete: 0, disable: 0 });
  });

  it.each(['undo', 'discard'] as const)(
    'stands after a decision to %s, whatever is done to the account by hand',
    async (verb) => {
      await world.add('GitLabSelfManaged', TIGHT);
      const ids = await joinMany(2);
      await deactivate(ids);
      const who = verb === 'undo' ? 0 : 1;
      const incident = `/propagation/incidents/${(await newest()).id}`;
      await world.bridge.admin('POST', `${incident}/${verb}`, { all: true });
      await world.settled();
      for (const state of ['blocked', 'active'] as const) {
        const user = [...world.gitlab.state.users.values()].find(({ username }) => username === `p${who}`);
        Object.assign(user ?? {}, { state });
        await world.store('GitLabSelfManaged', 'POST', '/sync', {});
        await world.settled();
        await world.patch(`/Users/${ids[who]}`, { op: 'replace', path: 'displayName', value: state });
        await world.settled();
      }
      expect(await world.account('GitLabSelfManaged', `p${who}`)).toMatchObject({ enabled: true });
      expect((await world.bridge.admin('GET', '/propagation/held')).body).toMatchObject({ count: 0 });
    },
  );

  it('waits for a store that is paused, and gives back whatever is switched off by then', async () => {
    await world.add('GitLabSelfManaged', TIGHT);
    const ids = await joinMany(2);
    await deactivate(ids);
    await world.store('GitLabSelfManaged', 'POST', '/pause', {});
    await world.store('GitLabSelfManaged', 'PATCH', '', {
      configuration: { DISABLE_USERS: false, APPLY_MODE: 'Approval' },
    });
    expect(await undo()).toMatchObject({ status: 202, body: { decided: 2 } });
    expect((await newest()).undo).toEqual({ requested: 1, given: 0, moved: 0, impossible: 0 });
    expect(await itemsOf('p0')).toMatchObject([{ state: 'taken' }]);
    await world.forget();
    await world.store('GitLabSelfManaged', 'POST', '/resume', {});
    await world.settled();
    expect(await world.writes('GitLabSelfManaged')).toEqual(['enable']);
    expect((await newest()).undo).toMatchObject({ requested: 1, given: 1 });
    expect(await world.syncStatus('GitLabSelfManaged')).toMatchObject({ openLeavers: [] });
  });

  it('gives back once where the answer of the vendor never came', async () => {
    await world.add('Slack', TIGHT);
    await deactivate(await joinMany(2));
    await world.forget();
    world.slack.faults.inject({
      fault: { kind: 'drop', applied: true },
      matches: ({ method, body }) => method === 'PATCH' && JSON.stringify(body).includes('true'),
    });
    await undo();
    await eventually(async () => (await newest()).undo?.given === 1 || undefined, 30_000);
    await world.settled();
    expect(await world.account('Slack', 'p0')).toMatchObject({ enabled: true });
    const { body } = await world.bridge.admin('GET', '/events?kind=change.enable&outcome=success');
    expect(body._embedded.events).toHaveLength(1);
  });

  it.each(
    TYPES.flatMap((type) =>
      (['approval', 'applied preview'] as const).flatMap((leave) =>
        (['comes', 'is lost'] as const).map((answer) => [type, leave, answer] as const),
      ),
    ),
  )(
    'gives back what %s takes while somebody undoes its %s, where the answer %s',
    async (type, leave, answer) => {
      await world.add(type, TIGHT);
      await deactivate(await joinMany(2));
      const { goOn } = await takeHeld(type, leave, answer);
      expect(await undo()).toMatchObject({ status: 202, body: { decided: 2 } });
      goOn();
      await world.settled();
      for (const name of ['p0', 'p1'])
        expect(await world.account(type, name)).toMatchObject({ enabled: true });
      expect((await newest()).undo).toMatchObject({ requested: 2, given: 2 });
      expect(await world.syncStatus(type)).toMatchObject({ openLeavers: [] });
    },
  );

  it.each(TYPES)(
    'gives back what %s takes by an applied preview while somebody discards it',
    async (type) => {
      await world.add(type, TIGHT);
      await deactivate(await joinMany(2));
      const { goOn } = await takeHeld(type, 'applied preview', 'comes');
      await world.store(type, 'POST', '/held/discard', { all: true });
      goOn();
      await world.settled();
      expect(await world.account(type, 'p0')).toMatchObject({ enabled: false });
      expect(await world.account(type, 'p1')).toMatchObject({ enabled: true });
    },
  );

  it('leaves what is held for another incident to the decision about that one', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, TIGHT);
    const [a = '', b = ''] = await joinMany(2);
    const cooks = [await world.join('cook', { title: 'Cook' }), await world.join('chef', { title: 'Cook' })];
    const rule = { name: 'not in the kitchen', active: true, populationExpression: 'title ne "Cook"' };
    const answer = await world.bridge.admin('POST', '/propagation/rules', {
      ...rule,
      storeId: world.id(type),
    });
    expect(answer.status).toBe(201);
    await world.settled();
    await deactivate([a, b]);
    expect((await newest()).number).toBe(2);
    expect((await undo()).status).toBe(202);
    await world.settled();
    for (const id of cooks)
      await world.patch(`/Users/${id}`, { op: 'replace', path: 'displayName', value: 'Somebody' });
    const held = (await world.bridge.admin('GET', '/propagation/held')).body;
    expect(held).toMatchObject({ count: 2 });
    for (const name of ['cook', 'chef', 'p0', 'p1'])
      expect(await world.account(type, name)).toMatchObject({ enabled: true });
  });

  describe.each(TYPES)('of what has passed the brake at %s, and is not taken yet', (type) => {
    const faults = () => (type === 'Slack' ? world.slack : world.gitlab).faults;
    const isStill = async (names: readonly string[]) => {
      for (const name of names) expect(await world.account(type, name)).toMatchObject({ enabled: true });
      expect(await world.syncStatus(type)).toMatchObject({ openLeavers: [] });
    };
    const send = (id: string) =>
      world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));

    /** Until `faults().clear()` the vendor turns every write away; resolves once it has. */
    const limitWrites = () => {
      let isRefused = false;
      const matches = (request: EmulatedRequest) => {
        isRefused ||= isWrite(request);
        return isWrite(request);
      };
      const answer = { status: 429, headers: { 'retry-after': '2' } };
      faults().inject({ fault: { kind: 'answer', answer }, matches, times: Number.POSITIVE_INFINITY });
      return () => eventually(async () => isRefused || undefined, 30_000);
    };

    it('takes nothing once the vendor answers again', async () => {
      await world.add(type, TIGHT);
      const [a = '', b = ''] = await joinMany(2);
      const refused = limitWrites();
      await send(a);
      await refused();
      await send(b);
      await eventually(async () => (await newest()) || undefined, 30_000);
      expect((await undo()).status).toBe(202);
      faults().clear();
      await world.settled();
      await isStill(['p0', 'p1']);
      expect(await itemsOf('p0')).toMatchObject([{ state: 'discarded' }]);
      await world.setActive(a, true);
      await world.setActive(a, false);
      expect(await world.account(type, 'p0')).toMatchObject({ enabled: false });
    });

    it('disables whoever is back since, and out of scope', async () => {
      await world.add(type, TIGHT);
      const rule = { name: 'no cooks', active: true, populationExpression: 'title ne "Cook"' };
      const made = { ...rule, storeId: world.id(type) };
      expect((await world.bridge.admin('POST', '/propagation/rules', made)).status).toBe(201);
      const [a = '', b = ''] = await joinMany(2);
      const refused = limitWrites();
      await send(a);
      await refused();
      await send(b);
      await eventually(async () => (await newest()) || undefined, 30_000);
      expect((await undo()).status).toBe(202);
      const back = patch({ op: 'replace', value: { active: true, title: 'Cook' } });
      expect((await world.bridge.scim('PATCH', `/Users/${a}`, back)).status).toBe(200);
      faults().clear();
      await world.settled();
      expect(await world.account(type, 'p0')).toMatchObject({ enabled: false });
      expect(await world.account(type, 'p1')).toMatchObject({ enabled: true });
    });

    it('ends no membership then', async () => {
      await world.add(type, { ...TIGHT, GROUP_PROVISIONING: 'Create' });
      const [a = '', b = ''] = await joinMany(2);
      const group = await world.group('staff', [a, b]);
      const refused = limitWrites();
      await world.bridge.scim(
        'PATCH',
        `/Groups/${group}`,
        patch({ op: 'remove', path: `members[value eq "${a}"]` }),
      );
      await refused();
      await send(b);
      await eventually(async () => (await newest()) || undefined, 30_000);
      expect((await undo()).status).toBe(202);
      faults().clear();
      await world.settled();
      await isStill(['p0', 'p1']);
      expect(await world.members(type, 'staff')).toEqual(['p0', 'p1']);
    });

    it('gives back what is under way, where another store has taken it', async () => {
      for (const each of TYPES) await world.add(each, TIGHT);
      const [a = '', b = ''] = await joinMany(2);
      let release = () => {};
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      let isUnderWay = false;
      const matches = (request: EmulatedRequest) => {
        isUnderWay ||= isWrite(request);
        return isWrite(request);
      };
      faults().inject({ fault: { kind: 'hold', until }, matches });
      await send(a);
      await eventually(async () => isUnderWay || undefined, 30_000);
      await send(b);
      await eventually(async () => (await newest()) || undefined, 30_000);
      expect((await undo()).status).toBe(202);
      release();
      await world.settled();
      await isStill(['p0', 'p1']);
      expect((await newest()).undo).toMatchObject({ requested: 2, given: 2 });
    });
  });

  if (dialect === 'postgres') {
    it('tells nobody that a loss was discarded which the store has just taken', async () => {
      await world.add('Slack', TIGHT);
      await deactivate(await joinMany(2));
      const { goOn } = await takeHeld('Slack', 'applied preview', 'comes');
      const { db } = world.bridge;
      const waiting = (count: number) =>
        eventually(async () => {
          const pids = await db('pg_stat_activity')
            .where({ wait_event_type: 'Lock', datname: db.raw('current_database()') })
            .select('pid');
          return pids.length >= count || undefined;
        }, 30_000);
      const writing = await db.transaction();
      await writing('losses').where({ state: 'held' }).forUpdate();
      goOn();
      await waiting(1);
      const discarding = world.store('Slack', 'POST', '/held/discard', { all: true });
      await waiting(2);
      await writing.commit();
      expect((await discarding).body).toMatchObject({ discarded: 0 });
      await world.settled();
      expect(await itemsOf('p1')).toMatchObject([{ state: 'approved' }]);
    });
  }

  it('refuses later than 7 days after the incident closed', async () => {
    await world.add('Demo', TIGHT);
    await deactivate(await joinMany(2));
    await world.store('Demo', 'POST', '/held/discard', { all: true });
    const closedAt = new Date(Date.now() - 8 * 86_400_000).toISOString();
    await world.bridge.db('incidents').update({ closed_at: closedAt });
    expect(await undo()).toMatchObject({ status: 409, body: { detail: expect.stringContaining('7 days') } });
  });

  it('is decided by one of two who decide at once', async () => {
    for (const type of TYPES) await world.add(type, TIGHT);
    await deactivate(await joinMany(4));
    const { id } = await newest();
    const decide = (verb: string) =>
      world.bridge.admin('POST', `/propagation/incidents/${id}/${verb}`, { all: true });
    const replies = await Promise.all(['approve', 'discard', 'approve', 'discard'].map(decide));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    expect(replies.reduce((sum, { body }) => sum + body.decided, 0)).toBe(6);
    await world.settled();
    const undone = await Promise.all([undo(), undo(), undo()]);
    expect(undone.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
    await world.settled();
    for (const type of TYPES)
      for (const name of ['p0', 'p1', 'p2', 'p3'])
        expect(await world.account(type, name)).toMatchObject({ enabled: true });
  });
});
