/** What a mapping keeps under a name of the admin's own: people show it, and rules go by it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-metadata-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  const worker = (id: string, shift: string) => user(id, { attributes: { shift } });
  const mapping = (target: string) => [
    { target: 'userName', sources: ['email'] },
    { target, sources: ['team', 'shift'] },
    { target: 'primaryEmail', sources: ['email'] },
  ];
  const ada = async () => {
    const { id } = await bridge.db('users').where({ user_name: 'ada@acme.example' }).first('id');
    return (await bridge.admin('GET', `/users/${id}`)).body;
  };
  beforeAll(async () => {
    Object.assign(state, { users: [worker('ada', 'Night'), worker('bob', 'Day'), user('cyd')] });
    const url = await freshDatabaseUrl(dialect, directory);
    ({ bridge, pulled } = await startScripted(url, state, {}, { mapping: mapping('metadata.shift-name') }));
    expect(await pulled.activate()).toMatchObject({ state: 'DONE', summary: { created: 3 } });
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('shows it, and follows it', async () => {
    const shown = async () => (await ada()).metadata;
    expect(await shown()).toEqual({ 'shift-name': 'Night' });
    expect(await pulled.sync()).toMatchObject({ summary: { updated: 0 } });
    state.users[0] = worker('ada', 'Late');
    expect(await pulled.sync()).toMatchObject({ summary: { updated: 1 } });
    expect(await shown()).toEqual({ 'shift-name': 'Late' });
    state.users[0] = worker('ada', 'Night');
    expect(await pulled.sync()).toMatchObject({ summary: { updated: 1 } });
  });

  it('lets a rule say whom a store serves, from then on', async () => {
    const store = (
      await bridge.admin('POST', '/propagation/stores', { name: 'Nights', type: 'Demo', configuration: {} })
    ).body;
    const rule = {
      name: 'Nights',
      storeId: store.id,
      active: true,
      populationExpression: 'metadata.shift-name eq "night"',
    };
    const misspelt = { ...rule, populationExpression: 'metadata.shift eq "night"' };
    expect(await bridge.admin('POST', '/propagation/rules', misspelt)).toMatchObject({ status: 400 });
    expect(await bridge.admin('POST', '/propagation/rules', rule)).toMatchObject({ status: 201 });
    await bridge.admin('PATCH', `/propagation/stores/${store.id}`, { status: 'ACTIVE' });
    const served = async () => {
      await bridge.settled(15_000);
      const rows = await bridge.db('demo_accounts').where({ store_id: store.id });
      return rows.filter((row) => Boolean(row.enabled)).length;
    };
    expect(await served()).toBe(1);
    state.users[1] = worker('bob', 'night');
    expect(await pulled.sync()).toMatchObject({ summary: { updated: 1 } });
    expect(await served()).toBe(2);
  });

  it('feeds a store where its mapping says so', async () => {
    const body = { name: 'Shifts', type: 'Demo', configuration: {} };
    const store = `/propagation/stores/${(await bridge.admin('POST', '/propagation/stores', body)).body.id}`;
    const feed = (sourceAttribute: string) =>
      bridge.admin('PUT', `${store}/mappings`, {
        mappings: [{ targetAttribute: 'department', sourceAttribute }],
        groupMappings: [],
      });
    expect(await feed('metadata.shift')).toMatchObject({ status: 400 });
    expect(await feed('metadata.shift-name')).toMatchObject({ status: 200 });
    await bridge.admin('PATCH', store, { status: 'ACTIVE' });
    await bridge.settled(15_000);
    const accounts = await bridge.db('demo_accounts').where({ store_id: store.split('/').at(-1) });
    const shown = accounts.map(({ attributes }) =>
      typeof attributes === 'string' ? JSON.parse(attributes) : attributes,
    );
    expect(shown.map(({ department }) => department ?? '').sort()).toEqual(['', 'Night', 'night']);
  });

  it.each([
    'metadata',
    'metadata.',
    'Metadata.a',
    'metadata.a.b',
    'metadata.__proto__',
    "metadata.a'b",
    'metadata.é',
  ])('refuses %s', async (target) => {
    const body = { mapping: mapping(target) };
    expect(await bridge.admin('PATCH', pulled.path, body)).toMatchObject({
      ...{ status: 400, body: { errors: [{ pointer: '/mapping/1/target' }] } },
    });
  });
});
