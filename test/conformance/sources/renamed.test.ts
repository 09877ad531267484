/**
 * A list that came without an attribute, or with another's, replaces nobody's userName or address before somebody has
 * decided: in the directory, and so at the stores. Against a directory that a test scripts.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceUser } from '../../../src/sources/source.ts';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const NAMES = Array.from({ length: 24 }, (_, n) => `p${String(n).padStart(2, '0')}`);
const LIMIT = 10;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-renamed-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  let storeId: string;

  const company = () => Object.assign(state, script(), { users: NAMES.map((id) => user(id)) });
  const change = (ids: readonly string[], more: (id: string) => SourceUser['attributes']) => {
    state.users = state.users.map((one) =>
      ids.includes(one.id) ? { ...one, attributes: { ...one.attributes, ...more(one.id) } } : one,
    );
  };
  const address = (ids: readonly string[], of: (id: string) => string) =>
    change(ids, (id) => ({ email: of(id) }));
  const hideAddresses = () => address(NAMES, () => '');
  /** By the id at the source, what the directory has of them. */
  const directoryHas = async () => {
    const rows = await bridge.db('users').whereNull('deleted_at').orderBy('external_id');
    return rows.map((row) => {
      const { userName, emails, title } = JSON.parse(
        typeof row.resource === 'string' ? row.resource : JSON.stringify(row.resource),
      );
      return `${row.external_id} ${userName} ${emails?.[0]?.value ?? '-'}${title ? ` ${title}` : ''}`;
    });
  };
  const atStore = async () => {
    await bridge.settled(15_000);
    const rows = await bridge.db('demo_accounts').where({ store_id: storeId });
    return rows.map((row) => row.identifier_lower as string).sort();
  };
  const incidentOf = (run: { incident: { id: string } }) => `/propagation/incidents/${run.incident.id}`;
  const decide = async (incident: string, verb: string, body: object) => {
    const decided = await bridge.admin('POST', `${incident}/${verb}`, body);
    expect(decided.status).toBe(202);
    const closed = async () => (await bridge.admin('GET', incident)).body.state === 'CLOSED' || undefined;
    await eventually(closed, 10_000);
    return decided.body;
  };

  beforeAll(async () => {
    company();
    const url = await freshDatabaseUrl(dialect, directory);
    ({ bridge, pulled } = await startScripted(
      url,
      state,
      {},
      {
        mapping: [
          { target: 'userName', sources: ['email', 'number'] },
          { target: 'primaryEmail', sources: ['email'] },
          { target: 'title', sources: ['title'] },
        ],
      },
    ));
    const store = await bridge.admin('POST', '/propagation/stores', {
      ...{ name: 'Demo', type: 'Demo', status: 'ACTIVE' },
      configuration: { BRAKE_MIN: 5 },
    });
    storeId = store.body.id;
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
    expect(await atStore()).toHaveLength(NAMES.length);
  });
  // Each test ends with everybody as they were, by the directory itself.
  afterEach(async () => {
    company();
    const run = await pulled.sync({ full: true });
    if (run.state === 'HELD') await decide(incidentOf(run), 'approve', { all: true });
    await bridge.settled(15_000);
    await bridge.admin('POST', '/propagation/held/approve', { all: true });
    expect(await directoryHas()).toEqual(NAMES.map((id) => `${id} ${id}@acme.example ${id}@acme.example`));
    expect(await atStore()).toEqual(NAMES.map((id) => `${id}@acme.example`));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('holds whole what a hidden address would make of everybody', async () => {
    const before = await directoryHas();
    hideAddresses();
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({
      ...{ state: 'HELD', summary: { updated: NAMES.length } },
      error: expect.stringContaining(`${NAMES.length} of ${NAMES.length} people would have their userName`),
    });
    expect(await directoryHas()).toEqual(before);
    expect(await atStore()).toEqual(NAMES.map((id) => `${id}@acme.example`));
    const incident = (await bridge.admin('GET', incidentOf(run))).body;
    expect(incident).toMatchObject({ kind: 'source', causes: [{ kind: 'pull', people: NAMES.length }] });
    const people = (await bridge.admin('GET', `${incidentOf(run)}/people`)).body;
    expect(people.count).toBe(NAMES.length);
    expect(people._embedded.people.flatMap((one: { items: unknown[] }) => one.items)).toContainEqual(
      expect.objectContaining({
        ...{ op: 'update', state: 'held' },
        attributes: expect.arrayContaining([
          { name: 'userName', from: 'p00@acme.example', to: 'p00' },
          { name: 'emails', from: 'p00@acme.example', to: null },
        ]),
      }),
    );
    // A list that has the addresses again ends the question.
    company();
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { updated: 0 } });
    expect((await bridge.admin('GET', incidentOf(run))).body.state).toBe('CLOSED');
  });

  it('lets pass as many as the limit, and whatever fills what was empty or differs in case alone', async () => {
    change(NAMES, () => ({ title: 'Cook' }));
    address(NAMES.slice(0, LIMIT), (id) => `${id}@other.example`);
    address(['p20'], () => 'P20@ACME.example');
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    expect((await directoryHas())[0]).toBe('p00 p00@other.example p00@other.example Cook');
  });

  it('remembers a discard while lists show the same, and changes whatever else they say', async () => {
    const before = await directoryHas();
    hideAddresses();
    const run = await pulled.sync({ full: true });
    expect(await decide(incidentOf(run), 'discard', { all: true })).toMatchObject({ people: NAMES.length });
    change(['p03'], () => ({ title: 'Cook' }));
    const again = await pulled.sync({ full: true });
    expect(again).toMatchObject({ state: 'DONE', summary: { updated: 1, skipped: NAMES.length } });
    const titled = before.map((line) => (line.startsWith('p03') ? `${line} Cook` : line));
    expect(await directoryHas()).toEqual(titled);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { updated: 0 } });
    // What they would be called by now is another question.
    address(NAMES, (id) => `${id}@other.example`);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'HELD' });
    expect(await directoryHas()).toEqual(titled);
  });

  it('carries out what somebody approves, at the stores too, and gives it back', async () => {
    address(NAMES, (id) => `${id}@other.example`);
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'HELD' });
    expect(await decide(incidentOf(run), 'approve', { all: true })).toMatchObject({ people: NAMES.length });
    expect(await directoryHas()).toEqual(NAMES.map((id) => `${id} ${id}@other.example ${id}@other.example`));
    expect(await atStore()).toEqual(NAMES.map((id) => `${id}@other.example`));
    const undone = await bridge.admin('POST', `${incidentOf(run)}/undo`, { all: true });
    expect(undone).toMatchObject({ status: 202, body: { people: NAMES.length } });
    expect(await atStore()).toEqual(NAMES.map((id) => `${id}@acme.example`));
  });
});
