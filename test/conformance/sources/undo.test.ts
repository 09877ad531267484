/**
 * An incident of a directory that is pulled, undone: stores give back what they took for it, and take nothing more of
 * it, until the directory moves.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const NAMES = Array.from({ length: 24 }, (_, n) => `p${String(n).padStart(2, '0')}`);
const LEAVERS = NAMES.slice(0, 12);
const READERS = NAMES.slice(6, 18);
const EVERYBODY = NAMES.length;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-undo-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  let storeId: string;
  const company = (leavers: readonly string[] = [], readers = READERS) => {
    const stateOf = (id: string) => ({
      state: leavers.includes(id) ? ('inactive' as const) : ('active' as const),
    });
    Object.assign(state, {
      users: NAMES.map((id) => user(id, stateOf(id))),
      groups: [{ id: 'g1', state: 'active', name: 'Readers', members: readers }],
    });
  };
  const path = () => `/propagation/stores/${storeId}`;
  const enabled = async () => {
    await bridge.settled(15_000);
    const rows = await bridge.db('demo_accounts').where({ store_id: storeId });
    return rows
      .filter((row) => Boolean(row.enabled))
      .map(({ identifier_lower }) => identifier_lower.slice(0, 3));
  };
  const members = async () => (await bridge.db('demo_members')).length;
  const statusOf = async (name: string) => {
    const { body } = await bridge.admin('GET', `/people?q=${name}`);
    const person = await bridge.admin('GET', `/people/${body._embedded.people[0].id}`);
    return { id: person.body.id, ...person.body.stores[0] };
  };
  /** What the source shows now is held, and an admin lets it into the directory. */
  const approved = async () => {
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD' });
    const incident = `/propagation/incidents/${run.incident.id}`;
    expect((await bridge.admin('POST', `${incident}/approve`, { all: true })).status).toBe(202);
    await eventually(
      async () => (await bridge.admin('GET', incident)).body.state === 'CLOSED' || undefined,
      10_000,
    );
    return incident;
  };
  const itemsOf = async (incident: string) => {
    const { body } = await bridge.admin('GET', `${incident}/people`);
    // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
    return body._embedded.people.flatMap(({ items }: any) => items) as any[];
  };

  beforeAll(async () => {
    company();
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
    const store = await bridge.admin('POST', '/propagation/stores', {
      ...{ name: 'Demo', type: 'Demo', status: 'ACTIVE', configuration: {} },
    });
    storeId = store.body.id;
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect(await members()).toBe(READERS.length);
  });
  // Each test ends with everybody back, by the directory itself.
  afterEach(async () => {
    company();
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect(await members()).toBe(READERS.length);
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('gives back accounts and memberships, one person first and then all, and takes them no more', async () => {
    company(LEAVERS, NAMES.slice(6, 14));
    const incident = await approved();
    expect(await enabled()).toEqual(NAMES.slice(LEAVERS.length));
    expect(await members()).toBe(READERS.length - 4);
    expect(new Set((await itemsOf(incident)).map((item) => item.state))).toEqual(new Set(['taken']));

    const { id } = await statusOf('p03');
    const one = await bridge.admin('POST', `${incident}/undo`, { personIds: [id] });
    expect(one).toMatchObject({ status: 202, body: { decided: 1, people: 1 } });
    expect(await enabled()).toHaveLength(EVERYBODY - LEAVERS.length + 1);
    expect(await statusOf('p03')).toMatchObject({
      ...{ status: 'unsynced', accountState: 'enabled' },
      reason: expect.stringContaining('given back by'),
    });

    const rest = await bridge.admin('POST', `${incident}/undo`, { all: true });
    expect(rest).toMatchObject({ status: 202, body: { decided: 15, people: 15 } });
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect(await members()).toBe(READERS.length);
    expect(new Set((await itemsOf(incident)).map((item) => item.state))).toEqual(new Set(['undone']));
    const shown = (await bridge.admin('GET', incident)).body;
    expect(shown).toMatchObject({ undo: { moved: 0, impossible: 0 }, stores: [{ lost: 0, held: 0 }] });
    expect(shown.undo.given).toBe(shown.undo.requested);
    expect((await bridge.admin('POST', `${incident}/undo`, { all: true })).body).toMatchObject({
      decided: 0,
    });

    // Neither the directory, which stays as the source says, nor a sync of the store takes it again.
    expect(Object.values(await pulled.people()).filter(Boolean)).toHaveLength(EVERYBODY - LEAVERS.length);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { deactivated: 0 } });
    expect((await bridge.admin('POST', `${path()}/sync`, { repair: true })).status).toBe(202);
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect((await bridge.admin('GET', `${path()}/syncStatus`)).body.openLeavers).toEqual([]);
  });

  it('takes nothing that a store had not taken when it was undone', async () => {
    await bridge.admin('POST', `${path()}/pause`);
    company(LEAVERS, NAMES.slice(6, 14));
    const incident = await approved();
    expect((await bridge.admin('POST', `${incident}/undo`, { all: true })).status).toBe(202);
    await bridge.admin('POST', `${path()}/resume`);
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect(await members()).toBe(READERS.length);
    expect(await statusOf('p03')).toMatchObject({
      ...{ status: 'unsynced', reason: expect.stringContaining('discarded by') },
    });
    expect((await bridge.admin('POST', `${path()}/sync`, { repair: true })).status).toBe(202);
    expect(await enabled()).toHaveLength(EVERYBODY);
    expect((await bridge.admin('GET', `${path()}/held`)).body._embedded.held).toEqual([]);
  });

  it('gives back the memberships of a group that the source no longer has', async () => {
    state.groups = [{ id: 'g2', state: 'active', name: 'Writers', members: [] }];
    const incident = await approved();
    await bridge.settled(15_000);
    expect(await members()).toBe(0);
    expect((await bridge.admin('POST', `${incident}/undo`, { all: true })).status).toBe(202);
    await bridge.settled(15_000);
    expect(await members()).toBe(READERS.length);
  });

  it('takes whoever leaves anew', async () => {
    company(LEAVERS);
    const incident = await approved();
    await bridge.admin('POST', `${incident}/undo`, { all: true });
    expect(await enabled()).toHaveLength(EVERYBODY);
    company();
    await pulled.sync({ full: true });
    company(['p03']);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { deactivated: 1 } });
    expect(await enabled()).toHaveLength(EVERYBODY - 1);
  });
});
