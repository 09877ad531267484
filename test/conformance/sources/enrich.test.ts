/** A directory that is pulled to add to people whom another connection brings (`enrich`), as an admin meets it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { Pulled } from './pulled.ts';
import { type Script, script, scripted, user } from './scripted.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-enrich-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let adding: Pulled;

  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory), undefined, {
      moreSources: [scripted(state)],
    });
    await bridge.scim('POST', '/Users', person('ada'));
    await bridge.scim('POST', '/Users', person('ben', { externalId: 'id-of-ben' }));
    Object.assign(state, {
      users: [
        user('n1', { name: 'ada', attributes: { title: 'Countess' } }),
        user('id-of-ben', { name: 'benjamin', attributes: { title: 'Clerk' } }),
        user('n3', { name: 'cy' }),
      ],
      groups: [{ id: 'g1', state: 'active', name: 'Readers', members: ['n1'] }],
      position: 'a position',
    });
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const settings = {
    ...{ name: 'Payroll', strategy: 'google', enrich: true, sync: { enabled: false } },
    configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' },
  };
  const identitiesOf = async (q: string) => {
    const { body } = await bridge.admin('GET', `/people?q=${q}`);
    return (await bridge.admin('GET', `/people/${body._embedded.people[0].id}`)).body.identities;
  };

  it('adds identities by the id and by the address, and makes nobody', async () => {
    adding = await Pulled.make(bridge, settings);
    expect(await adding.read()).toMatchObject({ enrich: true, isPrimary: false });
    const before = await adding.people();
    expect(await adding.activate()).toMatchObject({ state: 'DONE', summary: { created: 2, skipped: 1 } });
    expect(await adding.people()).toEqual(before);
    expect(await adding.groups()).toEqual({});
    expect(await identitiesOf('ada')).toMatchObject([{ vendorId: 'n1', attributes: { title: 'Countess' } }]);
    expect(await identitiesOf('ben')).toMatchObject([{ vendorId: 'id-of-ben' }]);
    const listed = await bridge.admin('GET', `${adding.path}/unmatched`);
    expect(listed.body._embedded.unmatched).toMatchObject([
      { id: 'n3', name: 'cy', email: 'cy@acme.example' },
    ]);
  });

  it('reads everybody each time, and changes nobody where nothing changed', async () => {
    expect(await adding.sync()).toMatchObject({
      mode: 'full',
      summary: { created: 0, updated: 0, deleted: 0 },
    });
  });

  it('makes nobody inactive who is inactive, or gone, there', async () => {
    state.users = [user('n1', { name: 'ada', state: 'inactive' }), user('n3', { name: 'cy' })];
    expect(await adding.sync()).toMatchObject({ state: 'DONE', summary: { updated: 1, deleted: 1 } });
    expect(Object.values(await adding.people())).toEqual([true, true]);
    expect(await identitiesOf('ada')).toMatchObject([{ state: 'inactive' }]);
    expect(await identitiesOf('ben')).toEqual([]);
  });

  it('lets rules name its handle', async () => {
    const demo = { name: 'Demo', type: 'Demo', configuration: {} };
    const { body } = await bridge.admin('POST', '/propagation/stores', demo);
    const rule = {
      ...{ name: 'countesses', storeId: body.id, active: true },
      populationExpression: 'identities.payroll.title eq "Countess"',
    };
    expect(await bridge.admin('POST', '/propagation/rules', rule)).toMatchObject({ status: 201 });
    expect((await bridge.admin('DELETE', adding.path)).status).toBe(409);
  });

  it('stays what it was made as, and never becomes the primary connection', async () => {
    const changed = await bridge.admin('PATCH', adding.path, { enrich: false });
    expect(changed).toMatchObject({ status: 400, body: { errors: [{ pointer: '/enrich' }] } });
    expect((await bridge.admin('PATCH', adding.path, { name: 'Payroll 2' })).status).toBe(200);
    const domains = await bridge.admin('POST', '/connections', {
      ...settings,
      name: 'B',
      domains: ['a.example'],
    });
    expect(domains).toMatchObject({ status: 400, body: { errors: [{ pointer: '/domains' }] } });
    const pushed = await bridge.admin('POST', '/connections', { name: 'P', strategy: 'scim', enrich: true });
    expect(pushed).toMatchObject({ status: 400, body: { errors: [{ pointer: '/enrich' }] } });
    const all = (await bridge.admin('GET', '/connections')).body._embedded.connections;
    const primary = all.find(({ isPrimary }: { isPrimary: boolean }) => isPrimary);
    expect((await bridge.admin('DELETE', `/connections/${primary.id}?confirm=true`)).status).toBeLessThan(
      300,
    );
    expect(await adding.read()).toMatchObject({ isPrimary: false });
  });
});
