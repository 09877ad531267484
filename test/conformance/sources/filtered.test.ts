/**
 * Whoever an applied change leaves out leaves under the brake, and waits for a decision for as long as it takes, whatever
 * runs meanwhile. Against a directory that a test scripts.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { purgePeople } from '../../../src/directory/retention.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { outage, type Script, script, startScripted, user } from './scripted.ts';

const EVERYBODY = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'];

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-filtered-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  const company = () =>
    Object.assign(state, script(), {
      users: EVERYBODY.map((id) => user(id)),
      position: 'p',
    });
  const there = async () => Object.keys(await pulled.people()).map((name) => name.slice(0, 2));
  const apply = async (patch: object) => {
    const changed = await bridge.admin('PATCH', `${pulled.path}?apply=true`, patch);
    expect(changed.status).toBe(202);
    return pulled.ended(changed.body.id);
  };
  const incidentOf = async ({ incident }: { incident: { id: string } }) =>
    (await bridge.admin('GET', `/propagation/incidents/${incident.id}`)).body;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  const decide = async (run: any, verb: string, body: object) => {
    const decided = await bridge.admin('POST', `/propagation/incidents/${run.incident.id}/${verb}`, body);
    expect(decided.status).toBe(202);
    const done = async () => (await pulled.read()).lastSync.status === 'DONE' || undefined;
    await eventually(done, 10_000);
    expect((await incidentOf(run)).state).toBe('CLOSED');
  };

  beforeAll(async () => {
    company();
    const url = await freshDatabaseUrl(dialect, directory);
    ({ bridge, pulled } = await startScripted(url, state, { BRAKE_MIN: 2 }));
    expect(await pulled.activate()).toMatchObject({ state: 'DONE', summary: { created: 6 } });
  });
  // Each test ends with everybody back.
  afterEach(async () => {
    company();
    const everybody = { configuration: { FILTER: null }, domains: [] };
    const changed = await bridge.admin('PATCH', `${pulled.path}?apply=true`, everybody);
    if (changed.status === 202) await pulled.ended(changed.body.id);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    expect((await there()).sort()).toEqual(EVERYBODY);
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const CHANGES: readonly (readonly [string, object])[] = [
    ['a filter', { configuration: { FILTER: 'a' } }],
    ['domains', { domains: ['other.example'] }],
  ];

  it.each(CHANGES)('stays held for %s until somebody decides, whatever runs meanwhile', async (_, patch) => {
    const leaving = 'domains' in patch ? EVERYBODY.length : 3;
    const first = await apply(patch);
    expect(first).toMatchObject({ state: 'HELD', summary: { deleted: leaving } });
    let last = first;
    for (const body of [{ full: true }, {}, {}]) {
      last = await pulled.sync(body);
      expect(last).toMatchObject({ state: 'HELD', mode: 'full', incident: first.incident });
      expect(await incidentOf(first)).toMatchObject({ state: 'OPEN', causes: [{ people: leaving }] });
      expect(await there()).toHaveLength(6);
    }
    expect(await pulled.sync({ preview: true })).toMatchObject({ summary: { deleted: leaving } });
    await decide(last, 'approve', { all: true });
    expect(await there()).toHaveLength(6 - leaving);
  });

  it('is told as what it is, in the directory and at a store: nobody was deleted', async () => {
    const demo = { name: 'Demo', type: 'Demo', status: 'ACTIVE', configuration: {} };
    const store = await bridge.admin('POST', '/propagation/stores', demo);
    await bridge.settled(15_000);
    const personOf = async (name: string) =>
      (await bridge.admin('GET', `/people?q=${name}`)).body._embedded.people[0].id as string;
    const b1 = await personOf('b1');
    const run = await apply({ configuration: { FILTER: 'a' } });
    const line = { op: 'remove', reason: expect.stringContaining('would') };
    expect(await pulled.changes(run.id)).toContainEqual(expect.objectContaining(line));
    await decide(run, 'approve', { all: true });
    await bridge.settled(15_000);
    const events = async (kind: string) =>
      (await bridge.admin('GET', `/events?subjectId=${b1}&kind=${kind}`)).body._embedded.events;
    expect(await events('user.deleted')).toEqual([]);
    const reason = expect.stringContaining('filtered out: the filter, base, domains or groups of Scripted');
    expect((await events('user.filtered'))[0]).toMatchObject({ reason });
    expect(await events('change.disable')).toMatchObject([
      { reason: expect.stringContaining('filtered out') },
    ]);
    const standing = async (id: string) => (await bridge.admin('GET', `/people/${id}`)).body.stores[0].reason;
    expect(await standing(b1)).toContain('Scripted filtered out this person');
    const why = await bridge.admin('GET', `/people/${b1}/explanation?storeId=${store.body.id}`);
    expect(why.body.sentence).toContain('filtered out');
    // So is a purge.
    const purges = async () => {
      const deps = { db: bridge.db, clock: { ...systemClock, now: () => Date.now() + 1_000 } };
      await purgePeople(
        { ...deps, identifierHash: async () => (text) => text },
        new AbortController().signal,
      );
      const { body } = await bridge.admin('GET', '/events?kind=user.purged&limit=100');
      const events: { after?: { because: string } }[] = body._embedded.events;
      return events.flatMap(({ after }) => after?.because ?? []);
    };
    await bridge.admin('PATCH', pulled.path, { retentionDays: 0 });
    expect(new Set(await purges())).toEqual(new Set(['filtered out']));
    // Whoever is gone at the source is told as before.
    state.users = state.users.filter(({ id }) => id !== 'a1');
    const a1 = await personOf('a1');
    await pulled.sync({ full: true });
    await bridge.settled(15_000);
    expect(await standing(a1)).toContain('Scripted deleted this person');
    expect(await purges()).toContain('deleted');
    await bridge.admin('PATCH', pulled.path, { retentionDays: null });
  });

  it('is declined once for all: the next runs leave them in, and ask nobody', async () => {
    const run = await apply({ configuration: { FILTER: 'a' } });
    await decide(run, 'discard', { all: true });
    for (let times = 0; times < 2; times++)
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { filtered: 3 } });
    expect(await there()).toHaveLength(6);
  });

  it.each<[string, string, () => void]>([
    ['fails', 'FAILED', () => Object.assign(state, { fails: outage('transient') })],
    [
      'does not know of everybody',
      'PARTIAL',
      () => Object.assign(state, { lookups: { b1: { is: 'unknown', reason: '403' } } }),
    ],
  ])('is carried out by a later run where the one that applies it %s', async (_, expected, happens) => {
    happens();
    expect(await apply({ configuration: { FILTER: 'a' } })).toMatchObject({ state: expected });
    expect(await there()).toHaveLength(6);
    company();
    expect(await pulled.sync({})).toMatchObject({ state: 'HELD', summary: { deleted: 3 } });
  });

  it('is over with a change back', async () => {
    const run = await apply({ configuration: { FILTER: 'a' } });
    expect(await apply({ configuration: { FILTER: null } })).toMatchObject({ state: 'DONE' });
    expect((await incidentOf(run)).state).toBe('CLOSED');
  });

  it('asks about people who are gone after a delta that does not show them, too', async () => {
    state.users = state.users.slice(3);
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD', summary: { deleted: 3 } });
    expect(await pulled.sync({})).toMatchObject({ state: 'HELD', incident: run.incident });
  });
});
