/**
 * A group that is gone at the source takes its members' memberships: each is somebody's loss, listed and decided as such.
 * Against a directory that a test scripts.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const NAMES = Array.from({ length: 8 }, (_, n) => `p${n}`);
const READERS = NAMES.slice(0, 6);
const WRITERS = NAMES.slice(4);

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-groups-gone-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  const company = () =>
    Object.assign(state, script(), {
      users: NAMES.map((id) => user(id)),
      groups: [
        { id: 'g1', state: 'active', name: 'Readers', members: READERS },
        { id: 'g2', state: 'active', name: 'Writers', members: WRITERS },
        { id: 'g3', state: 'active', name: 'Nobody', members: [] },
        { id: 'g4', state: 'active', name: 'Stay', members: NAMES },
      ],
    });
  const groups = async () => {
    const names = Object.entries(await pulled.groups());
    return Object.fromEntries(names.map(([name, ids]) => [name, ids.map((id) => id.slice(0, 2))]));
  };
  /** All but one are gone at the source. */
  const held = async () => {
    state.groups = state.groups.slice(3);
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD', summary: { groups: { deleted: 3, left: 10 } } });
    return `/propagation/incidents/${run.incident.id}`;
  };
  const decide = async (incident: string, verb: string, body: object) => {
    const decided = await bridge.admin('POST', `${incident}/${verb}`, body);
    expect(decided.status).toBe(202);
    return decided.body;
  };
  const closed = async (incident: string) => {
    const ended = async () => {
      const { state: standing } = (await bridge.admin('GET', incident)).body;
      return (standing === 'CLOSED' && (await pulled.read()).lastSync.status === 'DONE') || undefined;
    };
    await eventually(ended, 10_000);
  };
  const personOf = async (name: string) =>
    (await bridge.admin('GET', `/people?q=${name}`)).body._embedded.people[0].id as string;

  beforeAll(async () => {
    company();
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
  });
  // Each test ends with every group back.
  afterEach(async () => {
    company();
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    const all = { Readers: READERS, Writers: WRITERS, Nobody: [], Stay: NAMES };
    expect(await groups()).toEqual(all);
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('counts and lists the members, and lets the groups go with an approval of all', async () => {
    const incident = await held();
    const shown = (await bridge.admin('GET', incident)).body;
    expect(shown.causes).toMatchObject([{ people: NAMES.length }]);
    expect(shown.summary).toContain(`from ${NAMES.length} people of the directory`);
    const { body } = await bridge.admin('GET', `${incident}/people`);
    expect(body.count).toBe(NAMES.length);
    // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
    const items = body._embedded.people.flatMap((one: any) => one.items);
    expect(items).toHaveLength(READERS.length + WRITERS.length);
    const leaves = { op: 'leave', member: { id: 'g1', display: 'Readers' }, state: 'held' };
    expect(items).toContainEqual(expect.objectContaining(leaves));
    expect(await decide(incident, 'approve', { all: true })).toMatchObject({
      ...{ decided: items.length, people: NAMES.length },
    });
    await closed(incident);
    expect(await groups()).toEqual({ Stay: NAMES });
  });

  it('leaves the groups as they are with a discard, and remembers it', async () => {
    const incident = await held();
    expect(await decide(incident, 'discard', { all: true })).toMatchObject({ people: NAMES.length });
    await closed(incident);
    const before = await groups();
    expect(await pulled.sync({ full: true })).toMatchObject({
      ...{ state: 'DONE', summary: { groups: { deleted: 0, left: 0 } } },
    });
    expect(await groups()).toEqual(before);
  });

  it('keeps a group of which somebody stays', async () => {
    const incident = await held();
    expect(await decide(incident, 'approve', { personIds: [await personOf('p0')] })).toMatchObject({
      ...{ decided: 1, people: 1 },
    });
    await eventually(async () => !(await groups()).Readers?.includes('p0') || undefined, 10_000);
    expect(await groups()).toMatchObject({ Readers: READERS.slice(1), Writers: WRITERS });
    await decide(incident, 'discard', { personIds: [await personOf('p1')] });
    await decide(incident, 'approve', { all: true });
    await closed(incident);
    expect(await groups()).toEqual({ Readers: ['p1'], Stay: NAMES });
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    expect(await groups()).toEqual({ Readers: ['p1'], Stay: NAMES });
  });

  it.each([
    ['ends no membership before the group, so that', 'g2', 'Writers', WRITERS],
    ['is asked about once more where it was approved at the source:', 'g1', 'Readers', READERS],
  ])('%s a store asks what its rule loses by that', async (_, gone, name, members) => {
    const { body } = await bridge.admin('GET', '/groups?limit=100');
    // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
    const id = body._embedded.groups.find((one: any) => one.displayName === name).id;
    const demo = { name, type: 'Demo', configuration: {} };
    const store = await bridge.admin('POST', '/propagation/stores', demo);
    const storeId = store.body.id;
    const rule = { name, storeId, active: true, groups: [{ id }] };
    expect((await bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
    await bridge.admin('PATCH', `/propagation/stores/${storeId}`, { status: 'ACTIVE' });
    const enabled = async () => {
      await bridge.settled(15_000);
      const rows = await bridge.db('demo_accounts').where({ store_id: storeId });
      return rows.filter((row) => Boolean(row.enabled)).length;
    };
    expect(await enabled()).toBe(members.length);
    state.groups = state.groups.filter((group) => group.id !== gone);
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ summary: { groups: { deleted: 1, left: members.length } } });
    const incident = run.state === 'HELD' ? `/propagation/incidents/${run.incident.id}` : null;
    if (incident) await decide(incident, 'approve', { all: true });
    if (incident) await closed(incident);
    expect(Object.keys(await groups())).not.toContain(name);
    expect(await enabled()).toBe(members.length);
    const held = await bridge.admin('GET', `/propagation/stores/${storeId}/held`);
    // Of each the account, and the membership.
    expect(held.body.count).toBe(2 * members.length);
  });
});
