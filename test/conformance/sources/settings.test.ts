/** What an admin may not set on a pulled connection, and what is shown before it is saved. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { startOktaEmulator } from '../../emulator/okta.ts';
import { companyAtActiveDirectory } from './companies/activeDirectory.ts';
import { Pulled } from './pulled.ts';

const login = { target: 'userName', sources: ['login'] };

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-settings-'));
  let bridge: RunningBridge;
  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    [{ manager: { childKey: 'profile.managerId' } }, '/manager/childKey'],
    [{ manager: { parentKey: 'profile.employeeNumber' } }, '/manager/parentKey'],
    [{ manager: { childKey: 'a'.repeat(256) } }, '/manager/childKey'],
    [{ manager: { parentKey: 'a'.repeat(256) } }, '/manager/parentKey'],
    [{ domains: ['acme.example', '*'] }, '/domains/1'],
    [{ domains: ['*.acme.example'] }, '/domains/0'],
    [{ domains: ['ada@acme.example'] }, '/domains/0'],
    [{ mapping: [login, { target: 'title', sources: ['title'] }, login] }, '/mapping/2/target'],
  ])('refuses %j', async (settings, pointer) => {
    const body = { name: 'Company', strategy: 'demo' };
    const refused = await bridge.admin('POST', '/connections', { ...body, ...settings });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    const made = await Pulled.make(bridge, body);
    const changed = await bridge.admin('PATCH', made.path, settings);
    expect(changed).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    await bridge.admin('DELETE', made.path);
  });

  it('takes what is near', async () => {
    const settings = {
      manager: { childKey: 'a'.repeat(255), parentKey: 'profiled' },
      domains: ['acme.example', 'müller.example', 'xn--mller-kva.example', 'intranet'],
    };
    const made = await Pulled.make(bridge, { name: 'Near', strategy: 'demo', ...settings });
    expect(await made.read()).toMatchObject(settings);
    await bridge.admin('DELETE', made.path);
  });

  it('activates no connection whose role is for some groups, and names that right alone', async () => {
    const okta = await startOktaEmulator();
    okta.app.role = new Set([okta.state.addGroup('Some').id]);
    const pulled = await Pulled.make(bridge, {
      ...{ name: 'Narrow', strategy: 'oktaApi' },
      configuration: {
        ...{ ORG_URL: okta.url, CLIENT_ID: okta.app.clientId, KEY_ID: okta.app.keyId },
        PRIVATE_KEY: okta.privateKey,
      },
    });
    const refused = await bridge.admin('POST', `${pulled.path}/activate?apply=true`);
    expect(refused.status).toBe(400);
    expect(refused.body.errors).toEqual([
      { pointer: '/configuration', detail: expect.stringContaining('Read-only Administrator') },
    ]);
    await okta.close();
  });

  it('shows whom another rule makes inactive before it is saved', async () => {
    const company = await companyAtActiveDirectory();
    const pulled = await Pulled.make(bridge, {
      ...{ name: 'Company', sync: { enabled: false } },
      ...company.connection,
    });
    await pulled.activate();
    const before = await pulled.people();
    const rule = { configuration: { INACTIVE_WHEN: 'title=Engineer' } };
    const previewed = await bridge.admin('PATCH', pulled.path, rule);
    expect(previewed).toMatchObject({ status: 200, body: { preview: expect.any(String) } });
    const run = await pulled.ended(previewed.body.preview);
    expect(run).toMatchObject({ mode: 'preview', summary: { deactivated: 5 } });
    expect(await pulled.people()).toEqual(before);
    expect((await pulled.read()).configuration).not.toHaveProperty('INACTIVE_WHEN');
    await company.close();
  });
});
