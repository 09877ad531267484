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
  const ada = async () =>
    (await bridge.admin('GET', `/users?filter=${encodeURIComponent('userName eq "ada@acme.example"')}`)).body;
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
    const shown = async () => (await ada())._embedded.users[0].metadata;
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

  it.each(['metadata', 'metadata.', 'metadata.a.b', 'metadata.__proto__', "metadata.a'b", 'metadata.é'])(
    'refuses %s',
    async (target) => {
      const body = { mapping: mapping(target) };
      expect(await bridge.admin('PATCH', pulled.path, body)).toMatchObject({
        ...{ status: 400, body: { errors: [{ pointer: '/mapping/1/target' }] } },
      });
    },
  );
});
