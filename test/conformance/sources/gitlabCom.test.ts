/** Accounts in a group on GitLab.com that add to people, as an admin meets them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type GitLabComEmulator, startGitLabComEmulator } from '../../emulator/gitlabCom.ts';
import { Pulled } from './pulled.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-gitlab-com-'));
  let bridge: RunningBridge;
  let gitlab: GitLabComEmulator;
  let accounts: Pulled;
  /** Ids of persons. */
  const people: Record<string, string> = {};

  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    gitlab = await startGitLabComEmulator();
    for (const name of ['ada', 'ben', 'cy', 'dee']) {
      await bridge.scim('POST', '/Users', { ...person(name), externalId: `00u-${name}` });
      const found = await bridge.admin('GET', `/people?q=${name}`);
      people[name] = found.body._embedded.people[0].id;
    }
    const { state } = gitlab;
    state.add('ada-codes', { externUid: '00u-ada' });
    state.add('benjamin', { email: 'Ben@acme.example', accessLevel: 40 });
    // Owned by the company, and a member of nothing.
    state.add('cy', { email: 'cy@acme.example', isMember: false });
    state.add('dee');
    state.add('project_7_bot_0a1b');
    for (let n = 0; n < 230; n++) state.add(`stranger-${n}`);
  });
  afterAll(async () => {
    await bridge.stop();
    await gitlab.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const own = () => ({ BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.state.token, ROOT_GROUP: 'acme' });
  const make = (name: string, configuration: object) =>
    bridge.admin('POST', '/connections', { name, handle: name, strategy: 'gitlabSaas', configuration });
  const identitiesOf = async (name: string) =>
    (await bridge.admin('GET', `/people/${people[name]}`)).body.identities;
  const check = async () => (await bridge.admin('POST', `${accounts.path}/check`)).body;
  const account = (username: string) =>
    [...gitlab.state.people.values()].find((one) => one.username === username);

  it('refuses what is neither a credential nor a store, and a group inside another', async () => {
    for (const configuration of [
      {},
      { ACCESS_TOKEN: 'a-token' },
      { ...own(), ROOT_GROUP: 'acme/teams' },
      { ...own(), STORE_ID: 'a' },
    ])
      expect(await make('wrong', configuration)).toMatchObject({ status: 400 });
    const { body } = await bridge.admin('GET', '/connectionMetadata/gitlabSaas');
    expect(body.configuration.map(({ key }: { key: string }) => key)).toEqual(
      expect.arrayContaining(['STORE_ID', 'ACCESS_TOKEN', 'ROOT_GROUP', 'BASE_URL', 'BRAKE_PERCENT']),
    );
  });

  it('says which right is missing, and what a plan does not offer', async () => {
    accounts = await Pulled.make(bridge, {
      ...{ name: 'Com', handle: 'com', strategy: 'gitlabSaas', configuration: own() },
    });
    expect(await check()).toMatchObject({ status: 'OK' });
    const { state } = gitlab;
    state.role = 'developer';
    expect(await check()).toMatchObject({
      status: 'FAILED',
      details: expect.arrayContaining([
        expect.objectContaining({ code: 'missing_right', message: expect.stringContaining('role Owner') }),
      ]),
    });
    Object.assign(state, { role: 'owner', plan: 'free' });
    expect(await check()).toMatchObject({
      status: 'OK',
      details: expect.arrayContaining([expect.objectContaining({ code: 'not_offered' })]),
    });
    Object.assign(state, { plan: 'premium', revoked: true });
    expect(await check()).toMatchObject({ status: 'FAILED' });
    state.revoked = false;
  });

  it('knows people by their SAML sign-in, and by the address where the company owns the account', async () => {
    const run = await accounts.activate();
    expect(run).toMatchObject({ state: 'DONE', summary: { created: 3 } });
    expect(await identitiesOf('ada')).toMatchObject([
      { state: 'active', attributes: { username: 'ada-codes', extern_uid: '00u-ada', access_level: '30' } },
    ]);
    expect(await identitiesOf('ben')).toMatchObject([
      {
        attributes: {
          ...{ username: 'benjamin', access_level: '40' },
          ...{ job_title: 'Engineer', two_factor_enabled: 'false', is_admin: 'false' },
        },
      },
    ]);
    expect(await identitiesOf('cy')).toMatchObject([{ attributes: { username: 'cy' } }]);
    // The name alone says nothing.
    expect(await identitiesOf('dee')).toEqual([]);
    const { body } = await bridge.admin('GET', `${accounts.path}/unmatched?limit=1000`);
    expect(body._embedded.unmatched).toHaveLength(231);
  });

  it('says of a member who waits that the account is inactive', async () => {
    const ben = account('benjamin');
    if (ben) ben.membershipState = 'awaiting';
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { updated: 1 } });
    expect(await identitiesOf('ben')).toMatchObject([{ state: 'inactive' }]);
  });

  it('forgets whoever is neither a member nor owned, and nobody where the role was lost', async () => {
    const ada = account('ada-codes');
    if (ada) ada.isMember = false;
    gitlab.state.role = 'developer';
    expect(await accounts.sync()).toMatchObject({ state: 'FAILED' });
    expect(await identitiesOf('ada')).toHaveLength(1);
    gitlab.state.role = 'owner';
    await bridge.admin('POST', `${accounts.path}/resume`);
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { deleted: 1 } });
    expect(await identitiesOf('ada')).toEqual([]);
    gitlab.state.role = 'none';
    expect(await accounts.sync()).toMatchObject({ state: 'FAILED' });
    gitlab.state.role = 'owner';
  });
});
