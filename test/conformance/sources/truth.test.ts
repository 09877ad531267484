/**
 * Nobody loses access by a read that failed, was partial, or came from elsewhere; and whoever left does. Against a
 * directory that a test scripts.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENTERPRISE_URN } from '../../../src/model/source.ts';
import type { Lookup, SourceUser } from '../../../src/sources/source.ts';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { outage, type Script, script, startScripted, user } from './scripted.ts';

const EVERYBODY = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'];

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-pull-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  const company = () => {
    Object.assign(state, script(), {
      users: EVERYBODY.map((id) => user(id)),
      groups: [
        { id: 'g1', state: 'active', name: 'Readers', members: ['a1', 'a2', 'b1', 'b2', 'b3'] },
        { id: 'g2', state: 'active', name: 'Nested', members: ['a3', 'group:g1'] },
      ],
    });
  };
  const active = async () => Object.values(await pulled.people()).filter(Boolean).length;
  const managers = async () => {
    const rows = await bridge.db('users').whereNull('deleted_at').select('user_name', 'resource');
    const managerOf = (value: unknown) =>
      (typeof value === 'string' ? JSON.parse(value) : value)[ENTERPRISE_URN]?.manager?.value;
    const led = rows.map(({ user_name, resource }) => [user_name, managerOf(resource)] as const);
    return Object.fromEntries(led.filter(([, manager]) => manager !== undefined));
  };
  const change = (id: string, more: Partial<SourceUser>) => {
    state.users = state.users.map((one) => (one.id === id ? { ...one, ...more } : one));
  };

  beforeAll(async () => {
    company();
    const url = await freshDatabaseUrl(dialect, directory);
    ({ bridge, pulled } = await startScripted(url, state, {
      TOKEN: 'a-secret-that-nobody-sees',
      BRAKE_MIN: 2,
    }));
    expect(await pulled.activate()).toMatchObject({ state: 'DONE', summary: { created: 6 } });
  });
  // Each test ends with everybody back.
  afterEach(async () => {
    company();
    const run = await pulled.sync({ full: true });
    expect(run.state).toBe('DONE');
    expect(await active()).toBe(6);
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('expands nested groups, and masks the secret', async () => {
    expect((await pulled.groups()).Nested).toHaveLength(6);
    const shown = await pulled.read();
    expect(shown.configuration.TOKEN).toBe('********');
    expect(JSON.stringify(await bridge.db('pulled_connections'))).not.toContain('a-secret');
  });

  it.each<[string, string, () => void]>([
    ['fails', 'FAILED', () => Object.assign(state, { fails: outage('transient') })],
    ['breaks off before its last page', 'FAILED', () => Object.assign(state, { users: [], breaksOff: true })],
    ['shows nobody', 'FAILED', () => Object.assign(state, { users: [] })],
    ['shows no groups', 'FAILED', () => Object.assign(state, { groups: [] })],
    [
      'loses a page, and the look-up finds them',
      'PARTIAL',
      () => Object.assign(state, { hidden: ['a1', 'a2'] }),
    ],
    [
      'does not say what became of somebody',
      'PARTIAL',
      () =>
        Object.assign(state, {
          hidden: ['a1', 'a2'],
          lookups: { a1: { is: 'unknown', reason: '403' }, a2: { is: 'gone' } },
        }),
    ],
    [
      'is another account by now',
      'FAILED',
      () => {
        Object.assign(state, { tenant: 'other', hidden: ['a1', 'a2'] });
        state.lookups = { a1: { is: 'gone' }, a2: { is: 'gone' } };
      },
    ],
    [
      'becomes another account while it is read',
      'FAILED',
      () => {
        const between = async () => Object.assign(state, { tenant: 'other' });
        Object.assign(state, { hidden: ['a1', 'a2'], between });
        state.lookups = { a1: { is: 'gone' }, a2: { is: 'gone' } };
      },
    ],
    [
      'could not read one of its people, and does not know whom',
      'PARTIAL',
      () =>
        Object.assign(state, {
          users: state.users.slice(1),
          unread: [{ kind: 'unread', what: 'user', id: null, reason: 'a record that cannot be read' }],
        }),
    ],
  ])('takes nothing from anybody where the source %s', async (_, expected, happens) => {
    const groups = await pulled.groups();
    happens();
    const why = expect.stringMatching(/\S/);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: expected, error: why });
    expect(await active()).toBe(6);
    expect(await pulled.groups()).toEqual(groups);
  });

  it('leaves somebody who was moved out of what is read in their groups, as nobody let them go', async () => {
    const { Readers: before } = await pulled.groups();
    const moved = { is: 'found', inScope: false } as const;
    Object.assign(state, { hidden: ['b1'], lookups: { b1: moved } });
    // Their list does not show the one who was moved, and one more has left.
    state.groups = state.groups.map((group) =>
      group.id === 'g1' ? { ...group, members: ['a1', 'a2', 'b2'] } : group,
    );
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'DONE', summary: { filtered: 1, groups: { left: 2 } } });
    const { Readers: after, Nested: around } = await pulled.groups();
    expect(after).toEqual(before?.filter((name) => !name.startsWith('b3')));
    expect(around).toHaveLength(5);
  });

  it.each<[string, string, Lookup]>([
    ['who was moved out of what is read', 'DONE', { is: 'found', inScope: false }],
    ['of whom the source does not say what became', 'PARTIAL', { is: 'unknown', reason: '403' }],
  ])('lets nobody out of a group that changed %s', async (_, ends, lookup) => {
    Object.assign(state, { position: 'p1' });
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    const before = await pulled.groups();
    Object.assign(state, { hidden: ['b1'], changed: ['g1'], lookups: { b1: lookup } });
    state.groups = state.groups.map((one) =>
      one.id === 'g1' ? { ...one, members: ['a1', 'a2', 'b2', 'b3'] } : one,
    );
    expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: ends });
    expect(await pulled.groups()).toEqual(before);
  });

  it('says once that it is read only in part, run after run, and what to do', async () => {
    const said = () => bridge.db('events').where({ kind: 'connection.partial' });
    const before = (await said()).length;
    for (let times = 0; times < 5; times += 1) {
      Object.assign(state, { hidden: ['a1'] });
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'PARTIAL' });
      expect(await said()).toHaveLength(before + (times < 2 ? 0 : 1));
    }
    const sentence =
      'Scripted has been read only in part, 3 times in a row: whoever is missing from it keeps everything';
    const reason = expect.stringMatching(
      new RegExp(`^${sentence}.* a1 is not in the list.*Give the bridge's account`),
    );
    expect((await said()).at(-1)).toMatchObject({ reason });
    const { body } = await bridge.admin('GET', '/events?kind=connection.partial');
    expect(body._embedded.events[0]).toMatchObject({ outcome: 'failure', reason });
  });

  it('keeps the members of a group that could not be read, and of the group around it', async () => {
    const groups = await pulled.groups();
    state.unread = [{ kind: 'unread', what: 'members', id: 'g1', reason: 'Readers could not be read' }];
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'PARTIAL' });
    expect(await pulled.groups()).toEqual(groups);
  });

  it.each<[string, boolean | null]>([
    ['is in it when asked for', true],
    ['is not spoken of when asked for', null],
  ])('lets nobody out of a group whose list lost a member who %s', async (_, asked) => {
    const groups = await pulled.groups();
    state.groups = state.groups.map((one) =>
      one.id === 'g1' ? { ...one, members: ['a1', 'b1', 'b2'] } : one,
    );
    state.asked = { a2: asked };
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({
      state: 'PARTIAL',
      error: expect.stringContaining('Readers came without a2'),
    });
    expect(await pulled.groups()).toEqual(groups);
    state.asked = {};
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { groups: { left: 4 } },
    });
  });

  it('empties a group whose own list was read to its end', async () => {
    const few = { id: 'g3', state: 'active' as const, name: 'Few', members: ['a1', 'a2'] };
    state.groups.push(few);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    expect((await pulled.groups()).Few).toHaveLength(2);
    state.groups = state.groups.map((one) => (one.id === 'g3' ? { ...few, members: [] } : one));
    expect(await pulled.sync({ full: true })).toMatchObject({
      ...{ state: 'DONE', summary: { groups: { left: 2, deleted: 0 } } },
    });
    expect((await pulled.groups()).Few).toEqual([]);
  });

  it('runs one at a time, and names the one that is under way', async () => {
    const { promise: until, resolve } = Promise.withResolvers<void>();
    state.between = () => until;
    const { body: run } = await bridge.admin('POST', `${pulled.path}/syncs`, { full: true });
    const second = await bridge.admin('POST', `${pulled.path}/syncs`, {});
    expect(second).toMatchObject({ status: 409, body: { detail: expect.stringContaining(run.id) } });
    resolve();
    expect(await pulled.ended(run.id)).toMatchObject({ state: 'DONE' });
  });

  it('lets whoever becomes inactive out of a group that they left in the same run', async () => {
    change('a1', { state: 'inactive' });
    state.groups = state.groups.map((one) =>
      one.id === 'g1' ? { ...one, members: ['a2', 'b1', 'b2', 'b3'] } : one,
    );
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { deactivated: 1 } });
    const { Readers, Nested } = await pulled.groups();
    expect([...(Readers ?? []), ...(Nested ?? [])]).not.toContain('a1@acme.example');
  });

  it('takes nothing back by records that are older, however often they are shown', async () => {
    change('a1', { changedAt: '2026-01-02T00:00:00.000Z' });
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    change('a1', { changedAt: '2026-01-01T00:00:00.000Z', state: 'inactive' });
    for (let times = 0; times < 2; times++) {
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
      expect(await active()).toBe(6);
    }
  });

  it('takes nothing back by an older list of groups, and brings none back that was deleted', async () => {
    const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
    state.groups = state.groups.map((one) => ({ ...one, name: `${one.name} now`, changedAt: at(2) }));
    const gone = { id: 'g3', state: 'active' as const, name: 'Former', members: ['a1'] };
    state.groups.push(gone);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    state.groups = state.groups.filter(({ id }) => id !== 'g3');
    expect(await pulled.sync({ full: true })).toMatchObject({ summary: { groups: { deleted: 1 } } });
    const groups = await pulled.groups();
    state.groups = state.groups.map(({ id, ...one }) => ({
      ...one,
      id,
      name: id,
      members: ['a1'],
      changedAt: at(1),
    }));
    state.groups.push(gone);
    state.lookups = { g3: { is: 'gone' } };
    for (let times = 0; times < 2; times++) {
      expect(await pulled.sync({ full: true })).toMatchObject({
        state: 'DONE',
        error: expect.stringContaining('g3'),
      });
      expect(await pulled.groups()).toEqual(groups);
    }
    state.lookups = { g3: { is: 'unknown', reason: 'no answer' } };
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'PARTIAL' });
    expect(await pulled.groups()).toEqual(groups);
  });

  it('is not done while nobody says whether a group that is not in the list is gone', async () => {
    const groups = await pulled.groups();
    state.groups = state.groups.slice(1);
    state.lookups = { g1: { is: 'unknown', reason: 'no answer' } };
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'PARTIAL',
      error: expect.stringContaining('The group g1 is not in the list, and stays'),
    });
    expect(await pulled.groups()).toEqual(groups);
    state.lookups = { g1: { is: 'gone' } };
    // Its members are many at once.
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'HELD',
      summary: { groups: { deleted: 1 } },
    });
  });

  it('brings nobody back who was deleted, where the source does not show them when asked', async () => {
    state.users = state.users.filter(({ id }) => id !== 'a2');
    expect(await pulled.sync({ full: true })).toMatchObject({ summary: { deleted: 1 } });
    company();
    state.lookups = { a2: { is: 'gone' } };
    expect(await pulled.sync({ full: true })).toMatchObject({ summary: { created: 0, skipped: 1 } });
    expect(await active()).toBe(5);
  });

  it('lets go whoever is inactive, and whoever is gone by the id itself', async () => {
    change('a1', { state: 'inactive', because: 'suspended' });
    state.users = state.users.filter(({ id }) => id !== 'a2');
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { deactivated: 1, deleted: 1, unknown: 0 },
    });
    expect(await pulled.people()).toMatchObject({ 'a1@acme.example': false });
    expect(await active()).toBe(4);
  });

  it('holds whole what would take too many, and remembers a discard while it is shown', async () => {
    for (const id of ['a1', 'a2', 'a3']) change(id, { state: 'inactive' });
    state.users = [...state.users, user('c1')];
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD' });
    expect(Object.keys(await pulled.people())).toHaveLength(6);
    const path = `/propagation/incidents/${run.incident.id}`;
    expect((await bridge.admin('POST', `${path}/discard`, { all: true })).status).toBe(202);
    const closed = async () => (await bridge.admin('GET', path)).body.state === 'CLOSED' || undefined;
    await eventually(closed, 10_000);
    expect(await active()).toBe(6);
    // Whoever joined comes with the next run, which takes nobody.
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { created: 1, deactivated: 0 },
    });
    expect(await active()).toBe(7);
    state.users = state.users.filter(({ id }) => id !== 'c1');
  });

  it('keeps what is held waiting while a later run is partial, and does nothing else of the older one', async () => {
    for (const id of ['a1', 'a2', 'a3']) change(id, { state: 'inactive' });
    change('b1', { attributes: { ...user('b1').attributes, title: 'Old' } });
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD' });
    const path = `/propagation/incidents/${run.incident.id}`;
    const stateOf = async () => (await bridge.admin('GET', path)).body.state;
    company();
    change('b1', { attributes: { ...user('b1').attributes, title: 'New' } });
    state.hidden = ['b2'];
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'PARTIAL' });
    expect(await stateOf()).toBe('OPEN');
    expect((await bridge.admin('POST', `${path}/approve`, { all: true })).status).toBe(202);
    await eventually(async () => (await stateOf()) === 'CLOSED' || undefined, 10_000);
    expect(await active()).toBe(3);
    const b1 = await bridge
      .db('users')
      .where({ user_name: 'b1@acme.example' })
      .whereNull('deleted_at')
      .first();
    expect(JSON.stringify(b1.resource)).toContain('New');
  });

  it('lets an undo call off what waits, and takes those who left alone where an admin says so', async () => {
    state.groups = state.groups.map((group) => (group.id === 'g1' ? { ...group, members: ['b2'] } : group));
    for (const id of ['a1', 'a2', 'a3']) change(id, { state: 'inactive' });
    const run = await pulled.sync({ full: true });
    const path = `/propagation/incidents/${run.incident.id}`;
    const approved = await bridge.admin('POST', `${path}/approve`, { left: true });
    expect(approved).toMatchObject({ status: 202, body: { people: 3 } });
    const undone = await bridge.admin('POST', `${path}/undo`, { all: true });
    expect(undone.status).toBe(202);
    const closed = async () => (await bridge.admin('GET', path)).body.state === 'CLOSED' || undefined;
    await eventually(closed, 10_000);
    expect(await active()).toBe(3);
    expect((await pulled.groups()).Readers).toEqual(
      expect.arrayContaining(['b1@acme.example', 'b3@acme.example']),
    );
  });

  it('saves at once what leaves nobody out, and keeps the default mapping one that nobody chose', async () => {
    const { mapping } = await pulled.read();
    for (const patch of [{ configuration: { BRAKE_MIN: 11 } }, { retentionDays: 30 }, { mapping }]) {
      const saved = await bridge.admin('PATCH', pulled.path, patch);
      expect(saved).toMatchObject({ status: 200, body: { id: expect.any(String) } });
    }
    const { configuration } = await pulled.read();
    expect(configuration.BRAKE_MIN).toBe(11);
    await bridge.admin('PATCH', pulled.path, { configuration: { BRAKE_MIN: null }, mapping: null });
  });

  it('asks before a changed filter leaves people out', async () => {
    const narrowed = { configuration: { FILTER: 'a' } };
    const previewed = await bridge.admin('PATCH', pulled.path, narrowed);
    expect(previewed.status).toBe(200);
    const run = await pulled.ended(previewed.body.preview);
    expect(run).toMatchObject({ mode: 'preview', summary: { deleted: 3 } });
    expect((await pulled.read()).configuration).not.toHaveProperty('FILTER');
    expect(await active()).toBe(6);
  });

  it('refuses another account than the one that it is pinned to', async () => {
    state.tenant = 'other';
    const moved = { configuration: { URL: 'http://127.0.0.1:10', TOKEN: 'another-secret' } };
    expect((await bridge.admin('PATCH', pulled.path, moved)).status).toBe(409);
    const kept = { configuration: { URL: 'http://127.0.0.1:10' } };
    expect((await bridge.admin('PATCH', pulled.path, kept)).status).toBe(400);
  });

  it('says which right is missing, and pauses with a credential that is refused', async () => {
    state.missingRight = 'users.read';
    const check = await bridge.admin('POST', `${pulled.path}/check`);
    expect(check.body).toMatchObject({ status: 'FAILED', details: [{ message: 'Grant it users.read.' }] });
    state.fails = outage('unauthorized');
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'FAILED' });
    await eventually(async () => (await pulled.read()).status === 'PAUSED' || undefined, 10_000);
    expect(await active()).toBe(6);
    expect((await bridge.admin('POST', `${pulled.path}/syncs`, {})).status).toBe(409);
    company();
    expect((await bridge.admin('POST', `${pulled.path}/resume`)).status).toBe(200);
  });

  it('writes the newcomer over a leaver whose name they have, as a push does', async () => {
    change('a1', { state: 'inactive', because: 'disabled' });
    state.users = [...state.users, user('z9', { name: 'a1' })];
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { created: 0, deactivated: 1, reactivated: 1 },
    });
    expect(await active()).toBe(6);
    const [row] = await bridge.db('users').where({ user_name: 'a1@acme.example' }).whereNull('deleted_at');
    expect(row.external_id).toBe('z9');
  });

  it('passes names on, however many have each the name of the next', async () => {
    const named = (name: string) => ({ attributes: user('', { name }).attributes });
    for (const [id, name] of [
      ['a1', 'a2'],
      ['a2', 'a3'],
      ['a3', 'new'],
    ] as const)
      change(id, named(name));
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { updated: 3, skipped: 0 },
    });
    const rows = await bridge.db('users').whereNull('deleted_at').where('external_id', 'like', 'a%');
    expect(rows.map((row) => `${row.external_id} ${row.user_name}`).sort()).toEqual([
      'a1 a2@acme.example',
      'a2 a3@acme.example',
      'a3 new@acme.example',
    ]);
  });

  it('gives nobody the record of another because an old list shows them', async () => {
    state.users = [...state.users.filter(({ id }) => id !== 'b3'), user('n3', { name: 'b3' })];
    await pulled.sync({ full: true });
    change('n3', { state: 'inactive' });
    await pulled.sync({ full: true });
    state.users = [...state.users, user('b3')];
    state.lookups.b3 = { is: 'gone' };
    const run = await pulled.sync({ full: true });
    expect(run.error).toContain('b3 is in the list, and the source does not show who that is');
    expect((await pulled.people())['b3@acme.example']).toBe(false);
    const [row] = await bridge
      .db('users')
      .whereNull('deleted_at')
      .where({ user_name_lower: 'b3@acme.example' });
    expect(row.external_id).toBe('n3');
  });

  it('lets a leaver go whose name somebody else has by now', async () => {
    change('a1', { ...user('a1', { name: 'a2' }), state: 'inactive' });
    await pulled.sync({ full: true });
    expect(await pulled.people()).toMatchObject({ 'a1@acme.example': false, 'a2@acme.example': true });
  });

  it('lets a leaver go whatever their record is worth: out of the domains, or without a name', async () => {
    const choose = async (domains: readonly string[]) => {
      const chosen = await bridge.admin('PATCH', `${pulled.path}?apply=true`, { domains });
      expect(chosen.status).toBe(202);
      await pulled.ended(chosen.body.id);
    };
    await choose(['acme.example']);
    change('a1', { state: 'inactive', attributes: { email: 'a1@former.example', displayName: 'a1' } });
    change('a2', { attributes: { email: 'a2@former.example', displayName: 'a2' } });
    change('a3', { state: 'inactive', attributes: { displayName: 'a3' } });
    change('b1', { attributes: { displayName: 'b1' } });
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'DONE', summary: { deactivated: 2, filtered: 2, skipped: 2 } });
    const people = { 'a1@acme.example': false, 'a2@acme.example': true, 'a3@acme.example': false };
    expect(await pulled.people()).toMatchObject({ ...people, 'b1@acme.example': true });
    expect(await pulled.sync({ full: true })).toMatchObject({ summary: { deactivated: 0, unchanged: 2 } });
    await choose([]);
  });

  it.each<[string, boolean, () => void]>([
    [
      'is missing, and the source does not say whether they are gone',
      true,
      () => {
        Object.assign(state, { hidden: ['b1'], lookups: { b1: { is: 'unknown', reason: '403' } } });
      },
    ],
    ['was on a page that was lost', true, () => Object.assign(state, { hidden: ['b1', 'b2'] })],
    [
      'is missing beside one of whom nobody knows',
      true,
      () => {
        state.lookups = { b1: { is: 'gone' }, b2: { is: 'unknown', reason: '403' } };
        state.hidden = ['b1', 'b2'];
      },
    ],
    [
      'is unread',
      true,
      () => {
        const unread = [{ kind: 'unread', what: 'user', id: 'b1', reason: 'a status that says nothing' }];
        Object.assign(state, { hidden: ['b1'], unread });
      },
    ],
    ['comes without a profile', true, () => change('b1', { attributes: {} })],
    [
      'comes without a profile, in a delta',
      false,
      () => {
        Object.assign(state, { position: 'here', changed: ['a1', 'b1'] });
        change('b1', { attributes: {} });
      },
    ],
    [
      'has another key by now, and is unread in a delta',
      false,
      () => {
        const unread = [{ kind: 'unread', what: 'user', id: 'b1', reason: 'a status that says nothing' }];
        Object.assign(state, { position: 'here', changed: ['a1'], unread });
        change('a1', { attributes: { ...user('a1').attributes, boss: 'b1-renamed' } });
      },
    ],
  ])('leaves everybody their manager who %s', async (_, full, happens) => {
    const led = () => {
      for (const id of ['a1', 'a2']) change(id, { attributes: { ...user(id).attributes, boss: 'b1' } });
    };
    led();
    state.position = 'here';
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { updated: 2 } });
    const before = await managers();
    expect(Object.keys(before)).toHaveLength(2);
    happens();
    expect(await pulled.sync({ full })).toMatchObject({ summary: { updated: 0, deleted: 0 } });
    expect(await managers()).toEqual(before);
    company();
    led();
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { updated: 0 } });
    // Whoever is really gone leads nobody.
    state.users = state.users.filter(({ id }) => id !== 'b1');
    expect(await pulled.sync({ full: true })).toMatchObject({ summary: { updated: 2, deleted: 1 } });
    expect(await managers()).toEqual({});
  });

  it.each([true, false])(
    'changes nothing for two active people with one address (full: %s)',
    async (full) => {
      const named = (name: string) => ({ ...user(name).attributes, title: 'Changed' });
      const second = (id: string) =>
        user(id, { attributes: { ...named('a1'), login: `${id}@acme.example`, email: 'A1@acme.example' } });
      Object.assign(state, { position: 'here', changed: ['a1', 'n1'] });
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
      state.users.push(second('n1'));
      change('a1', { attributes: named('a1') });
      expect(await pulled.sync({ full })).toMatchObject({
        state: 'DONE',
        summary: { created: 0, updated: 0, skipped: 2 },
        error: expect.stringContaining(
          'n1 has the address A1@acme.example, which somebody else who is active',
        ),
      });
      expect(await active()).toBe(6);
      // The one who was there is not in a delta, and not in a full scan whose page was lost.
      Object.assign(state, { changed: ['n1'], hidden: ['a1'] });
      expect(await pulled.sync({ full })).toMatchObject({ summary: { created: 0, updated: 0, skipped: 1 } });
      // Whoever is inactive, or gone by the source's own word, has it no more.
      Object.assign(state, { changed: ['a1', 'n1'], hidden: [] });
      change('n1', { state: 'inactive' });
      expect(await pulled.sync({ full })).toMatchObject({ summary: { created: 1, updated: 1, skipped: 0 } });
      state.users = [...state.users.filter(({ id }) => id !== 'n1' && id !== 'a1'), second('n2')];
      state.changed = ['n2'];
      expect(await pulled.sync({ full })).toMatchObject({ summary: { created: 1, skipped: 0 } });
      expect((await pulled.people())['n2@acme.example']).toBe(true);
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    },
  );

  it('breaks loops of managers, and says of two with one name that nothing changes for them', async () => {
    change('a1', { attributes: { ...user('a1').attributes, boss: 'a2' } });
    change('a2', { attributes: { ...user('a2').attributes, boss: 'a1' } });
    state.users = [...state.users, user('d1', { name: 'b1' })];
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'DONE', summary: { skipped: 2, updated: 0 } });
    state.users = state.users.filter(({ id }) => id !== 'd1');
  });
});
