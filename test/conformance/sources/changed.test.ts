/** What an admin changes on a pulled connection takes effect with its next run, and while it is paused too. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-changed-'));
  let state: Script;
  let bridge: RunningBridge;
  let pulled: Pulled;

  beforeEach(async () => {
    state = script();
    state.users = [
      user('a1'),
      user('a2', { attributes: { ...user('a2').attributes, boss: 'a1', lead: 'b1' } }),
      user('b1'),
    ];
    state.groups = [{ id: 'g1', state: 'active', name: 'Readers', members: ['a1', 'a2'] }];
    state.position = 'somewhere';
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
    await pulled.activate();
  });
  afterEach(() => bridge.stop());
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const managerOf = async (userName: string) => {
    const { body } = await bridge.admin('GET', '/users?limit=10');
    const shown = JSON.parse(JSON.stringify(body._embedded.users)) as Record<string, string>[];
    const id = JSON.stringify(shown.find((one) => one.userName === userName)).match(
      /"manager":{"value":"([^"]+)"/,
    );
    return shown.find((one) => one.id === id?.[1])?.userName;
  };

  it('has other managers and names of groups after a run in which nobody else changed', async () => {
    expect(await pulled.sync()).toMatchObject({ mode: 'delta' });
    expect(await managerOf('a2@acme.example')).toBe('a1@acme.example');
    await bridge.admin('PATCH', pulled.path, { manager: { childKey: 'lead' } });
    expect(await pulled.sync()).toMatchObject({ mode: 'full', summary: { updated: 1 } });
    expect(await managerOf('a2@acme.example')).toBe('b1@acme.example');
    await bridge.admin('PATCH', pulled.path, { tags: [{ original: 'Readers', translation: 'Leser' }] });
    expect(await pulled.sync()).toMatchObject({ mode: 'full' });
    expect(Object.keys(await pulled.groups())).toEqual(['Leser']);
    await bridge.admin('PATCH', pulled.path, { handle: 'other', sync: { intervalMinutes: 30 } });
    expect(await pulled.sync()).toMatchObject({ mode: 'delta' });
  });

  it('reads everybody with another credential, which may see others', async () => {
    expect(await pulled.sync()).toMatchObject({ mode: 'delta' });
    const another = { configuration: { TOKEN: 'another-secret' } };
    expect(await bridge.admin('PATCH', pulled.path, another)).toMatchObject({ status: 200 });
    expect(await pulled.sync()).toMatchObject({ mode: 'full' });
    expect(await pulled.sync()).toMatchObject({ mode: 'delta' });
  });

  it('previews and takes a filter while it is paused, and another one after that', async () => {
    await bridge.admin('POST', `${pulled.path}/pause`);
    const filter = (text: string) => ({ configuration: { FILTER: text } });
    const previewed = await bridge.admin('PATCH', pulled.path, filter('x'));
    expect(previewed.status).toBe(200);
    const run = await pulled.ended(previewed.body.preview);
    expect(run).toMatchObject({ mode: 'preview', state: 'FAILED' });
    expect((await pulled.read()).status).toBe('PAUSED');
    const wrong = await bridge.admin('PATCH', `${pulled.path}?apply=true`, filter('x'));
    expect(wrong).toMatchObject({ status: 202, body: { state: 'QUEUED' } });
    const right = await bridge.admin('PATCH', `${pulled.path}?apply=true`, filter('a'));
    expect(right).toMatchObject({ status: 202, body: { state: 'QUEUED' } });
    expect(await pulled.ended(wrong.body.id)).toMatchObject({ state: 'FAILED' });
    expect(Object.keys(await pulled.people())).toHaveLength(3);
    await bridge.admin('POST', `${pulled.path}/resume`);
    expect(await pulled.ended(right.body.id)).toMatchObject({ state: 'DONE', summary: { deleted: 1 } });
    expect(Object.keys(await pulled.people()).sort()).toEqual(['a1@acme.example', 'a2@acme.example']);
  });
});
