/** The demo directory from its first check to its leavers. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { Pulled } from './pulled.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-pull-'));
  let bridge: RunningBridge;
  let demo: Pulled;
  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is made STAGED, and reads nothing', async () => {
    demo = await Pulled.make(bridge, { name: 'Company', strategy: 'demo' });
    expect(await demo.read()).toMatchObject({
      status: 'STAGED',
      mode: 'pull',
      sync: { enabled: true, intervalMinutes: 15, fullIntervalMinutes: 1440 },
      groups: { mode: 'All', selected: [] },
      manager: { enabled: true, childKey: 'managerId', parentKey: 'employeeNumber' },
      counts: { users: 0, active: 0, groups: 0 },
      lastSync: null,
    });
    expect((await bridge.admin('POST', `${demo.path}/syncs`, {})).status).toBe(409);
    expect((await bridge.admin('POST', `${demo.path}/check`)).body).toMatchObject({ status: 'OK' });
  });

  it('shows its first full sync before it does it', async () => {
    const previewed = await bridge.admin('POST', `${demo.path}/activate`);
    expect(previewed.status).toBe(200);
    const run = await demo.ended(previewed.body.preview);
    expect(run).toMatchObject({
      mode: 'preview',
      state: 'DONE',
      progress: { read: 60, total: 60 },
      summary: { created: 60, groups: { created: 12 } },
    });
    expect(await demo.read()).toMatchObject({ status: 'STAGED', counts: { users: 0 } });
    expect((await demo.changes(run.id)).filter(({ op }) => op === 'create')).toHaveLength(72);
  });

  it('brings everybody, with managers and groups', async () => {
    const run = await demo.activate();
    expect(run).toMatchObject({ mode: 'full', state: 'DONE', summary: { created: 60 } });
    expect(await demo.read()).toMatchObject({
      status: 'ACTIVE',
      accountId: 'demo',
      counts: { users: 60, active: 60, groups: 12 },
      attributesSeen: expect.arrayContaining(['department', 'managerId']),
      lastSync: { status: 'DONE', runId: run.id, error: null },
    });
    const users = await bridge.db('users').select('resource');
    const withManager = users.filter(({ resource }) => JSON.stringify(resource).includes('manager'));
    expect(withManager).toHaveLength(59);
  });

  it('tells in the metrics how long ago it was read', async () => {
    const headers = { authorization: `Bearer ${bridge.adminToken}` };
    const text = await (await fetch(`${bridge.url}/metrics`, { headers })).text();
    const id = demo.path.split('/').at(-1);
    expect(text).toMatch(new RegExp(`^scim_bridge_pull_age_seconds\\{connection_id="${id}"\\} \\d`, 'm'));
  });

  it('writes nothing where nothing changed', async () => {
    const before = await bridge.db('users').sum({ n: 'version' }).first();
    const events = await bridge.db('events').where('kind', 'like', 'user.%').count({ n: '*' }).first();
    // It has no delta: without one everything is read, and whoever is missing counts.
    expect(await demo.sync()).toMatchObject({
      mode: 'full',
      state: 'DONE',
      summary: { created: 0, updated: 0, unchanged: 60, groups: { joined: 0, left: 0 } },
    });
    expect(await bridge.db('users').sum({ n: 'version' }).first()).toEqual(before);
    expect(await bridge.db('events').where('kind', 'like', 'user.%').count({ n: '*' }).first()).toEqual(
      events,
    );
  });

  it('brings joiners, movers and leavers, each once', async () => {
    expect(await demo.sync({ day: 4 })).toMatchObject({
      state: 'DONE',
      summary: { created: 3, updated: 3, deactivated: 2, deleted: 1 },
    });
    expect(await demo.read()).toMatchObject({ counts: { users: 62, active: 60 } });
    expect(await demo.sync({ day: 4 })).toMatchObject({
      summary: { created: 0, updated: 0, deactivated: 0 },
    });
    expect((await bridge.admin('POST', `${demo.path}/syncs`, { day: 0 })).status).toBe(400);
  });

  it('is shown, and pulled, in the shape of directory provisioning too', async () => {
    const path = `${demo.path}/directory-provisioning`;
    const shown = await bridge.admin('GET', path);
    expect(shown.body).toMatchObject({
      ...{ connectionName: 'Company', strategy: 'demo', mapping: (await demo.read()).mapping },
      ...{ synchronizeAutomatically: true, synchronizeGroups: 'all' },
      ...{ lastSynchronizationStatus: 'DONE', lastSynchronizationError: null },
      lastSynchronizationAt: expect.any(String),
    });
    const defaults = await bridge.admin('GET', `${path}/default-mapping`);
    expect(defaults.body).toEqual((await bridge.admin('GET', `${demo.path}/defaultMapping`)).body);
    const first = await bridge.admin('GET', `${path}/synchronized-groups?limit=5`);
    expect(first.body).toMatchObject({ count: 12, size: 5, _links: { next: { href: expect.any(String) } } });
    expect(first.body._embedded.groups[0]).toEqual({
      ...{ id: expect.any(String), name: expect.any(String), membersCount: expect.any(Number) },
    });
    const run = await bridge.admin('POST', `${path}/synchronizations`);
    expect(run).toMatchObject({ status: 202, body: { synchronizationId: expect.any(String) } });
    expect(await demo.ended(run.body.synchronizationId)).toMatchObject({ state: 'DONE' });
    const [pushed] = (await bridge.admin('GET', '/connections')).body._embedded.connections;
    const other = `/connections/${pushed.id}/directory-provisioning`;
    expect((await bridge.admin('GET', other)).status).toBe(409);
  });

  it('holds what would take too many, and takes them when somebody approves', async () => {
    const run = await demo.sync({ day: 30 });
    expect(run).toMatchObject({ state: 'HELD', incident: { id: expect.any(String) } });
    expect(await demo.read()).toMatchObject({ counts: { users: 62, active: 60 } });
    const path = `/propagation/incidents/${run.incident.id}`;
    expect((await bridge.admin('GET', path)).body).toMatchObject({
      kind: 'source',
      state: 'OPEN',
      stores: [],
    });
    const people = await bridge.admin('GET', `${path}/people`);
    expect(people.body._embedded.people.length).toBeGreaterThan(10);
    expect((await bridge.admin('POST', `${path}/approve`, { all: true })).status).toBe(202);
    const taken = async () => ((await demo.read()).counts.active === 60 ? true : undefined);
    await eventually(taken, 30_000);
    await eventually(
      async () => (await bridge.admin('GET', path)).body.state === 'CLOSED' || undefined,
      30_000,
    );
  });
});
