/** What a connection's configuration says of its identity provider: how far the setup is, and what was refused. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dialect } from '../../../src/db/open.ts';
import { patch, person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect: Dialect) => {
  let folder: string;
  let bridge: RunningBridge;
  let path: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'scim-bridge-activity-'));
    bridge = await startBridge(await freshDatabaseUrl(dialect, folder));
    const { body } = await bridge.admin('GET', '/connections');
    path = `/connections/${body._embedded.connections[0].id}/scim-configuration`;
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const shown = async () => (await bridge.admin('GET', path)).body;
  const ticked = async () =>
    (await shown()).setupSteps
      .filter(({ seenAt }: { seenAt?: string }) => seenAt !== undefined)
      .map(({ id }: { id: string }) => id);

  it('ticks each step by the request that comes', async () => {
    expect(await ticked()).toEqual([]);
    expect((await shown()).lastRequestAt).toBeNull();
    await bridge.scim('GET', '/Users?filter=userName%20eq%20%22nobody%22');
    expect(await ticked()).toEqual(['tokenUsed', 'connectionTest']);
    const { body: jane } = await bridge.scim('POST', '/Users', person('jane'));
    await bridge.scim('POST', '/Groups', { schemas: GROUP, displayName: 'Team' });
    expect(await ticked()).toEqual(['tokenUsed', 'connectionTest', 'firstUser', 'firstGroup']);
    await bridge.scim('PUT', `/Users/${jane.id}`, person('jane', { title: 'Engineer' }));
    expect(await ticked()).toHaveLength(5);
    const before = (await shown()).setupSteps;
    await bridge.scim('PATCH', `/Users/${jane.id}`, patch({ op: 'replace', value: { active: false } }));
    const { setupSteps, lastRequestAt } = await shown();
    expect(setupSteps.map(({ id, title }: { id: string; title: string }) => [id, title !== ''])).toEqual(
      ['tokenUsed', 'connectionTest', 'firstUser', 'firstGroup', 'firstUpdate', 'firstLeaver'].map((id) => [
        id,
        true,
      ]),
    );
    expect(setupSteps.slice(0, 5)).toEqual(before.slice(0, 5));
    expect(setupSteps[5].seenAt <= lastRequestAt).toBe(true);
  });

  it('lists what was refused, the newest first, the last twenty, and no query', async () => {
    await bridge.scim('GET', '/Users?filter=userName%20eq%20%22jane');
    await bridge.scim('POST', '/Users', person('jane'));
    const [newest, older] = (await shown()).recentRefusals;
    expect(newest).toMatchObject({ method: 'POST', path: '/scim/v2/Users', status: 409 });
    expect(newest.detail).toMatch(/userName/);
    expect(older).toMatchObject({ method: 'GET', path: '/scim/v2/Users', status: 400 });
    const tokens = await bridge.admin('POST', `${path}/tokens`, { scopes: ['get:users'] });
    await bridge.scimWith(tokens.body.token, 'DELETE', '/Users/42');
    expect((await shown()).recentRefusals[0]).toMatchObject({
      ...{ method: 'DELETE', path: '/scim/v2/Users/42', status: 403 },
      detail: 'The token lacks the scope delete:users.',
    });
    for (let n = 0; n < 25; n++) await bridge.scim('GET', `/Users/nobody-${n}`);
    const { recentRefusals } = await shown();
    expect(recentRefusals).toHaveLength(20);
    expect(recentRefusals[0].path).toBe('/scim/v2/Users/nobody-24');
    const again = await bridge.admin('PUT', path, await shown());
    expect(again.status).toBe(200);
  });
});

const GROUP = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
