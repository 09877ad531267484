/** Accounts at a GitLab that add to people, read there or taken from a store that sees them, as an admin meets them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../../emulator/gitlab.ts';
import { Pulled } from './pulled.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-accounts-'));
  let bridge: RunningBridge;
  let gitlab: GitLabEmulator;
  let accounts: Pulled;
  /** Ids of persons. */
  const people: Record<string, string> = {};

  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    gitlab = await startGitLabEmulator();
    for (const name of ['ada', 'ben', 'cy']) {
      await bridge.scim('POST', '/Users', person(name));
      const found = await bridge.admin('GET', `/people?q=${name}`);
      people[name] = found.body._embedded.people[0].id;
    }
    const add = (username: string, more: object = {}) =>
      gitlab.state.addUser({ username, email: `${username}@acme.example`, confirmed: true, ...more });
    add('ada', { profile: { organization: 'Research' } });
    add('benjamin', { email: 'Ben@acme.example', profile: { organization: 'Sales' } });
    add('cy', { confirmed: false, profile: { organization: 'Research' } });
    add('guest', { external: true });
    add('stranger');
  });
  afterAll(async () => {
    await bridge.stop();
    await gitlab.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const own = () => ({ BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken });
  const identitiesOf = async (name: string) =>
    (await bridge.admin('GET', `/people/${people[name]}`)).body.identities;
  const unmatched = async (from: Pulled) =>
    (await bridge.admin('GET', `${from.path}/unmatched`)).body._embedded.unmatched;
  const account = (username: string) =>
    [...gitlab.state.users.values()].find((user) => user.username === username);

  it('refuses a configuration that is neither a credential nor a store', async () => {
    for (const configuration of [{}, { BASE_URL: gitlab.url }, { ...own(), STORE_ID: 'a' }]) {
      const made = await bridge.admin('POST', '/connections', {
        ...{ name: 'Instance', strategy: 'gitlabSelf', configuration },
      });
      expect(made.status).toBe(400);
      expect(made.body.errors.length).toBeGreaterThan(0);
    }
  });

  it('is checked, and shows what it would add before it adds it', async () => {
    accounts = await Pulled.make(bridge, {
      ...{ name: 'Instance', handle: 'gitlab', strategy: 'gitlabSelf', configuration: own() },
    });
    expect(await accounts.read()).toMatchObject({ isPrimary: false, status: 'STAGED', mode: 'pull' });
    const checked = await bridge.admin('POST', `${accounts.path}/check`);
    expect(checked.body).toMatchObject({ status: 'OK' });
    expect(checked.body.details.map(({ code }: { code: string }) => code)).toContain('granted');
    const { body } = await bridge.admin('POST', `${accounts.path}/activate`);
    const run = await accounts.ended(body.preview);
    expect(run).toMatchObject({ state: 'DONE', mode: 'preview', summary: { created: 2 } });
    expect(await identitiesOf('ada')).toEqual([]);
    expect(await unmatched(accounts)).toEqual([]);
  });

  it('adds identities to people, and makes nobody', async () => {
    const before = await accounts.people();
    const run = await accounts.activate();
    expect(run).toMatchObject({ state: 'DONE', mode: 'full', summary: { created: 2, unchanged: 0 } });
    expect(await accounts.people()).toEqual(before);
    expect(await identitiesOf('ben')).toEqual([
      {
        connection: { id: accounts.path.split('/').at(-1), name: 'Instance', handle: 'gitlab' },
        vendorId: String(account('benjamin')?.id),
        state: 'active',
        attributes: expect.objectContaining({ username: 'benjamin', organization: 'Sales' }),
      },
    ]);
    expect(await identitiesOf('cy')).toEqual([]);
    const listed = await unmatched(accounts);
    expect(listed.map(({ name, why }: { name: string; why: string }) => [name, why])).toEqual([
      ['root', 'nobody'],
      ['cy', 'unconfirmed'],
      ['stranger', 'nobody'],
    ]);
    expect(listed[1]).toMatchObject({ near: [{ id: people.cy }] });
  });

  it('says which attributes its accounts have', async () => {
    const { attributesSeen } = await accounts.read();
    expect(attributesSeen).toEqual(expect.arrayContaining(['username', 'organization']));
  });

  it('changes nothing where nothing changed', async () => {
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { created: 0, updated: 0 } });
  });

  it('decides by rules who has an account elsewhere, and follows what changes', async () => {
    const demo = { name: 'Demo', type: 'Demo', configuration: {} };
    const made = await bridge.admin('POST', '/propagation/stores', demo);
    expect(made).toMatchObject({ status: 201 });
    const storeId = made.body.id;
    const rule = (handle: string) => ({
      ...{ name: 'research', storeId, active: true },
      populationExpression: `identities.${handle}.organization eq "Research"`,
    });
    const wrong = await bridge.admin('POST', '/propagation/rules', rule('gitlob'));
    expect(wrong.status).toBe(400);
    const saved = await bridge.admin('POST', '/propagation/rules', rule('gitlab'));
    expect(saved).toMatchObject({ status: 201 });
    await bridge.admin('PATCH', `/propagation/stores/${storeId}`, { status: 'ACTIVE' });
    await bridge.settled();
    const enabled = async () =>
      (await bridge.db('demo_accounts').where({ store_id: storeId }))
        .filter((row) => row.enabled === true || row.enabled === 1)
        .map((row) => row.identifier_lower ?? row.identifier)
        .sort();
    expect(await enabled()).toEqual(['ada@acme.example']);
    const ben = account('benjamin');
    if (ben) ben.profile.organization = 'research';
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { updated: 1 } });
    await bridge.settled();
    expect(await enabled()).toEqual(['ada@acme.example', 'ben@acme.example']);
  });

  it('keeps its handle, and stays, while a rule names it', async () => {
    const renamed = await bridge.admin('PATCH', accounts.path, { handle: 'git' });
    expect(renamed).toMatchObject({ status: 409 });
    expect(renamed.body.errors[0].detail).toContain('Demo');
    expect((await bridge.admin('DELETE', accounts.path)).status).toBe(409);
  });

  it('forgets whose account became that of a guest', async () => {
    const ada = account('ada');
    if (ada) ada.external = true;
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { deleted: 1 } });
    expect(await identitiesOf('ada')).toEqual([]);
    if (ada) ada.external = false;
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { created: 1 } });
    expect(await identitiesOf('ada')).toHaveLength(1);
  });

  it('forgets an account that GitLab says is gone, and nothing where nobody can read', async () => {
    const ben = account('benjamin');
    if (ben) gitlab.state.removeUser(ben.id);
    expect(await accounts.sync()).toMatchObject({ state: 'DONE', summary: { deleted: 1 } });
    expect(await identitiesOf('ben')).toEqual([]);
    for (const token of gitlab.state.tokens.values()) token.revoked = true;
    expect(await accounts.sync()).toMatchObject({ state: 'FAILED' });
    expect(await identitiesOf('ada')).toHaveLength(1);
    for (const token of gitlab.state.tokens.values()) token.revoked = false;
  });

  it('takes what a store has seen, and whose the store knows it to be', async () => {
    const store = await bridge.admin('POST', '/propagation/stores', {
      ...{ name: 'GitLab', type: 'GitLabSelfManaged', status: 'ACTIVE', configuration: own() },
    });
    await bridge.settled();
    const fed = await Pulled.make(bridge, {
      ...{ name: 'Seen', strategy: 'gitlabSelf', configuration: { STORE_ID: store.body.id } },
    });
    expect((await bridge.admin('POST', `${fed.path}/check`)).body).toMatchObject({ status: 'OK' });
    expect(await fed.activate()).toMatchObject({ state: 'DONE' });
    const seen = (await identitiesOf('ada')).filter(
      ({ connection }: { connection: { handle: string } }) => connection.handle === 'seen',
    );
    expect(seen).toMatchObject([{ attributes: { username: 'ada', organization: expect.any(String) } }]);
    const linked = await bridge.db('identities').where({ connection_id: fed.path.split('/').at(-1) });
    expect(linked.some(({ matched_by }) => matched_by === 'link')).toBe(true);
    // And what the bridge has made there since.
    await bridge.scim('POST', '/Users', person('dee'));
    await bridge.settled();
    const id = account('dee')?.id;
    expect(id).toBeDefined();
    expect(await fed.sync()).toMatchObject({ state: 'DONE', summary: { created: 1, deleted: 0 } });
    const found = await bridge.admin('GET', '/people?q=dee');
    people.dee = found.body._embedded.people[0].id;
    const shown = { vendorId: String(id), state: 'active', attributes: { username: 'dee' } };
    expect(await identitiesOf('dee')).toMatchObject([shown]);
    expect(await fed.sync()).toMatchObject({ summary: { created: 0, updated: 0, deleted: 0 } });
    await bridge.admin('POST', `/propagation/stores/${store.body.id}/sync`, {});
    await bridge.settled();
    expect(await fed.sync()).toMatchObject({ summary: { created: 0, deleted: 0 } });
    expect(await identitiesOf('dee')).toMatchObject([shown]);
  });
});
