/**
 * A company goes from a directory that pushes to one that is pulled, and back: everybody stays the same person, with the
 * same account, and nobody loses anything on the way.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceUser } from '../../../src/sources/source.ts';
import { eventually, movableClock, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { Pulled } from './pulled.ts';
import { type Script, script, scripted, user } from './scripted.ts';

const NAMES = ['ada', 'bob', 'cyd', 'dan', 'eve'];
const addressOf = (name: string) => `${name}@acme.example`;
const DAY_MS = 24 * 60 * 60_000;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-move-'));
  const state: Script = script();
  const clock = movableClock();
  let bridge: RunningBridge;
  let storeId: string;
  let pulled: Pulled;
  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory), clock, {
      moreSources: [scripted(state)],
    });
    const store = await bridge.admin('POST', '/propagation/stores', {
      name: 'Demo',
      type: 'Demo',
      status: 'ACTIVE',
      configuration: {},
    });
    if (store.status !== 201) throw new Error(JSON.stringify(store.body));
    storeId = store.body.id;
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const accounts = async () =>
    (
      await bridge
        .db('demo_accounts')
        .where({ store_id: storeId })
        .orderBy('id')
        .select('id', 'identifier_lower', 'enabled')
    ).map((row) => ({ ...row, enabled: Boolean(row.enabled) }));
  const members = async () => bridge.db('demo_members').orderBy(['group_id', 'account_id']);
  const links = async () =>
    bridge
      .db('links')
      .where({ store_id: storeId, kind: 'user' })
      .orderBy('remote_id')
      .select('remote_id', 'subject_id');
  const changes = async () =>
    bridge
      .db('events')
      .whereIn('kind', ['change.create', 'change.disable', 'change.delete', 'change.revoke']);
  const everything = async () => ({
    accounts: await accounts(),
    members: await members(),
    links: await links(),
    changes: (await changes()).length,
  });
  const push = async (names: readonly string[], token = bridge.scimToken) => {
    const ids: string[] = [];
    for (const name of names) {
      const made = await bridge.scimWith(token, 'POST', '/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        ...{ userName: addressOf(name), displayName: name, active: true, externalId: `pushed-${name}` },
        emails: [{ value: addressOf(name), primary: true, type: 'work' }],
      });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      ids.push(made.body.id);
    }
    await bridge.scimWith(token, 'POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      ...{ displayName: 'Engineers', members: ids.slice(0, 3).map((value) => ({ value })) },
    });
  };
  const leave = async (path: string) => {
    const { mode } = (await bridge.admin('GET', path)).body;
    const leaving = await bridge.admin('DELETE', `${path}?confirm=true`);
    expect(leaving).toMatchObject({ status: 202, body: { mode, status: 'DELETING' } });
    const gone = async () => {
      await bridge.turn();
      return (await bridge.admin('GET', path)).status === 404 || undefined;
    };
    await eventually(gone, 30_000);
  };

  const groupOf = async (name: string) =>
    (await bridge.db('groups').where({ display_name: name }).whereNull('deleted_at').first('id')).id;
  const ruleNaming = async (name: string, connectionId: string) => {
    const groups = bridge.db('groups').where({ display_name: name, connection_id: connectionId });
    const { id } = await groups.first('id');
    const rule = { name: 'Engineers alone', storeId, active: false, groups: [{ id }] };
    const made = await bridge.admin('POST', '/propagation/rules', rule);
    expect(made.status).toBe(201);
    return made.body;
  };

  it('keeps persons, links and accounts from push to pull, and lists each pair first', async () => {
    await push(NAMES);
    await bridge.settled();
    const before = await everything();
    expect(before).toMatchObject({ links: { length: NAMES.length }, members: { length: 3 } });
    const [old] = (await bridge.admin('GET', '/connections')).body._embedded.connections;
    Object.assign(state, {
      users: NAMES.map((name) => user(`id-${name}`, { name })),
      groups: [
        {
          id: 'g1',
          state: 'active',
          name: 'Engineers',
          members: NAMES.slice(0, 3).map((name) => `id-${name}`),
        },
      ],
    });
    pulled = await Pulled.make(bridge, {
      ...{ name: 'Pulled', strategy: 'google', matchPeople: true, sync: { enabled: false } },
      configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret-that-nobody-sees' },
    });
    const preview = await bridge.admin('POST', `${pulled.path}/activate`);
    const pairs = (await pulled.changes((await pulled.ended(preview.body.preview)).id)).filter(
      ({ op }) => op === 'match',
    );
    expect(pairs.map(({ subject }) => subject.display).sort()).toEqual(NAMES);
    expect(await pulled.activate()).toMatchObject({ state: 'DONE', summary: { created: 5 } });
    await bridge.settled();
    const rule = await ruleNaming('Engineers', old.id);
    await leave(`/connections/${old.id}`);
    await bridge.settled();
    expect(await everything()).toEqual(before);
    expect((await bridge.admin('GET', `/propagation/rules/${rule.id}`)).body.groups).toEqual([
      { id: await groupOf('Engineers') },
    ]);
    await bridge.admin('DELETE', `/propagation/rules/${rule.id}?widen=true`);
    await bridge.settled();
  });

  it('takes the word of the one that they came to', async () => {
    const was = state.users;
    const see = async (id: string, more: Partial<SourceUser> & { readonly name?: string }) => {
      state.users = was.map((one) => (one.id === id ? user(id, more) : one));
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
      await bridge.settled();
      const held = await bridge.admin('GET', '/propagation/held');
      expect(held.body._embedded.held).toEqual([]);
      return (await accounts())
        .filter((one) => one.enabled)
        .map((one) => one.identifier_lower)
        .sort();
    };
    const all = NAMES.map(addressOf);
    expect(await see('id-ada', { name: 'ada', state: 'inactive' })).toEqual(all.slice(1));
    expect(await see('id-ada', { name: 'ada' })).toEqual(all);
    expect(await see('id-bob', { name: 'bobby' })).toEqual(
      all.map((address) => (address === addressOf('bob') ? addressOf('bobby') : address)),
    );
    expect(await see('id-bob', { name: 'bob' })).toEqual(all);
  });

  it('keeps them on the way back', async () => {
    const before = await everything();
    const made = await bridge.admin('POST', '/connections', {
      ...{ name: 'Pushed', strategy: 'scim', matchPeople: true },
    });
    const token = await bridge.admin('POST', `/connections/${made.body.id}/scim-configuration/tokens`, {
      name: 'idp',
    });
    await push(NAMES, token.body.token);
    await bridge.settled();
    await leave(pulled.path);
    await bridge.settled();
    expect(await everything()).toEqual(before);
    const { Resources } = (await bridge.scimWith(token.body.token, 'GET', '/Users')).body;
    const [ada] = Resources.filter(({ userName }: { userName: string }) => userName === addressOf('ada'));
    for (const active of [false, true]) {
      await bridge.scimWith(token.body.token, 'PATCH', `/Users/${ada.id}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      });
      await bridge.settled();
      expect((await accounts()).filter(({ enabled }) => enabled)).toHaveLength(
        NAMES.length - (active ? 0 : 1),
      );
    }
  });

  it('says once that a directory was not read for too long, and nothing while nobody reads it yet', async () => {
    const watched = await Pulled.make(bridge, {
      ...{ name: 'Watched', strategy: 'google', matchPeople: true, sync: { enabled: false } },
      ...{ configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' }, silentAfterHours: 48 },
    });
    const said = async () => {
      await bridge.ring();
      const rows = await bridge.db('events').where({ kind: 'connection.silent' }).orderBy('at');
      return rows.map(({ reason }) => reason);
    };
    clock.advance(3 * DAY_MS);
    expect(await said()).toEqual([]);
    await watched.activate();
    clock.advance(DAY_MS);
    await watched.sync({ full: true });
    clock.advance(1.5 * DAY_MS);
    expect(await said()).toEqual([]);
    clock.advance(DAY_MS);
    expect(await said()).toEqual([
      expect.stringMatching(/^Watched was read last at .*, longer than 48 hours/),
    ]);
    expect(await said()).toHaveLength(1);
    await leave(watched.path);
  });

  it('finds people by the id at the source, whatever their address, and lets those wait who could be several', async () => {
    const configuration = { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' };
    const google = { strategy: 'google', sync: { enabled: false }, configuration };
    const [gil, hal] = ['100000000000000000001', '100000000000000000002'];
    Object.assign(state, { users: [user(gil, { name: 'gil' }), user(hal, { name: 'hal' })], groups: [] });
    const one = await Pulled.make(bridge, { name: 'One', ...google, matchPeople: false });
    await one.activate();
    const third = await bridge.admin('POST', '/connections', {
      ...{ name: 'Third', strategy: 'scim', matchPeople: false },
    });
    const token = await bridge.admin('POST', `/connections/${third.body.id}/scim-configuration/tokens`, {});
    await push(['hal'], token.body.token);
    const found = async (q: string) =>
      (await bridge.admin('GET', `/people?q=${q}`)).body._embedded.people.map(({ id }: { id: string }) => id);
    const before = await found('gil');
    expect(await found('hal')).toHaveLength(2);

    state.users = [user(gil, { name: 'gilbert' }), user('100000000000000000003', { name: 'hal' })];
    const two = await Pulled.make(bridge, { name: 'Two', ...google, matchPeople: true });
    const { body } = await bridge.admin('POST', `${two.path}/activate`);
    const shown = await two.ended(body.preview);
    expect(shown).toMatchObject({ summary: { created: 1, skipped: 1 } });
    expect(shown.error).toContain('hal could be one of 2 people');
    expect(await two.changes(shown.id)).toMatchObject([
      { op: 'match', subject: { id: before[0], display: 'gilbert' } },
    ]);
    // An id says nothing where the other connection knows its people by something else: as an arrival judges it.
    const known = (attribute: string) =>
      bridge.admin('PUT', `${one.path}/scim-configuration`, { userIdAttribute: attribute });
    expect((await known('userName')).status).toBe(200);
    const unlike = await two.ended((await bridge.admin('POST', `${two.path}/activate`)).body.preview);
    expect(await two.changes(unlike.id)).toMatchObject([{ op: 'create', subject: { display: 'gilbert' } }]);
    expect((await known('externalId')).status).toBe(200);
    expect(await two.activate()).toMatchObject({ summary: { created: 1, skipped: 1 } });
    expect(await found('gilbert')).toEqual(before);
    expect(await found('hal')).toHaveLength(2);
  });

  it('lets two wait of whom either could be one person, and prefers the id, then whoever is active', async () => {
    const configuration = { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' };
    const google = { strategy: 'google', sync: { enabled: false }, configuration };
    const made = async (name: string, matchPeople: boolean) =>
      Pulled.make(bridge, { name, ...google, matchPeople });
    const known = '100000000000000000015';
    Object.assign(state, {
      users: [user(known, { name: 'ida' }), ...['jon', 'kim', 'lea'].map((name) => user(name))],
      groups: [],
    });
    await (await made('Before', false)).activate();
    const personOf = async (sourceId: string) =>
      (await bridge.db('users').where({ external_id: sourceId }).orderBy('created_at', 'desc').first())
        ?.person_id;
    const before = new Map<string, string>();
    for (const id of [known, 'jon', 'kim', 'lea']) before.set(id, await personOf(id));

    const login = (name: string, more: Partial<SourceUser> & { readonly name: string }) => {
      const { attributes } = user('', more);
      return user(`x-${name}`, { ...more, attributes: { ...attributes, login: addressOf(`x-${name}`) } });
    };
    state.users = [
      // In this order by their ids: whose address it is by now, and whose id it is.
      { ...login('new-ida', { name: 'ida' }), id: '100000000000000000014' },
      user(known, { name: 'ida.lovelace' }),
      login('jon-1', { name: 'jon' }),
      login('jon-2', { name: 'jon' }),
      login('kim-1', { name: 'kim', state: 'inactive' }),
      login('kim-2', { name: 'kim' }),
      login('lea-1', { name: 'lea', state: 'inactive' }),
      login('lea-2', { name: 'lea', state: 'inactive' }),
    ];
    const after = await made('After', true);
    const shown = await after.ended((await bridge.admin('POST', `${after.path}/activate`)).body.preview);
    expect(shown).toMatchObject({ summary: { created: 2, skipped: 6 }, error: expect.any(String) });
    expect((await after.changes(shown.id)).map(({ op, subject }) => [op, subject.id]).sort()).toEqual(
      [before.get(known), before.get('kim')].map((id) => ['match', id]).sort(),
    );
    expect(await after.activate()).toMatchObject({ state: 'DONE', summary: { created: 2, skipped: 6 } });
    expect(await personOf(known)).toBe(before.get(known));
    expect(await personOf('x-kim-2')).toBe(before.get('kim'));
    expect(await personOf('100000000000000000014')).toBeUndefined();
    // Nobody else can be meant by now; of the others nobody knows still.
    expect(await after.sync({ full: true })).toMatchObject({ summary: { created: 2, skipped: 4 } });
    expect(await personOf('100000000000000000014')).not.toBe(before.get(known));
    expect(await personOf('x-kim-1')).not.toBe(before.get('kim'));
  });

  it('keeps runs for thirty days, previews for one, and the newest of all', async () => {
    state.groups = [];
    const again = await Pulled.make(bridge, {
      ...{ name: 'Again', strategy: 'google', matchPeople: true, sync: { enabled: false } },
      configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret-that-nobody-sees' },
    });
    await bridge.admin('POST', `${again.path}/activate`).then(({ body }) => again.ended(body.preview));
    await again.activate();
    await again.sync({ full: true });
    const modes = async () =>
      (await bridge.admin('GET', `${again.path}/syncs`)).body._embedded.syncs.map(
        ({ mode }: { mode: string }) => mode,
      );
    expect(await modes()).toEqual(['full', 'full', 'preview']);
    clock.advance(2 * DAY_MS);
    await bridge.ring();
    expect(await modes()).toEqual(['full', 'full']);
    clock.advance(40 * DAY_MS);
    await bridge.ring();
    expect(await modes()).toEqual(['full']);
  });
});
