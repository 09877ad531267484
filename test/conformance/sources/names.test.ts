/**
 * Names that go from one to another in one run: given up, passed on, taken by whoever is made anew, and swapped, whatever
 * the order of the ids at the source. Against a directory that a test scripts.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

type Names = Readonly<Record<string, string>>;

/** From what the ids `1`, `2` and `3` are called to what those are called that are there afterwards. */
const MOVES: readonly [string, Names][] = [
  ['one is made anew under the same name, with a later id', { 1: 'a', 2: 'b', 4: 'c' }],
  ['one is made anew under the same name, with an earlier id', { 1: 'a', 2: 'b', 0: 'c' }],
  ['all are made anew', { 0: 'a', 5: 'b', 4: 'c' }],
  ['names are passed on to the next', { 1: 'b', 2: 'c', 3: 'd' }],
  ['names are passed on to the one before', { 1: 'd', 2: 'a', 3: 'b' }],
  ['one takes the name of one who is gone', { 1: 'c', 2: 'b' }],
  ['the last one takes the name of one who is gone', { 2: 'b', 3: 'a' }],
  ['one who is new takes a name that is passed on', { 0: 'a', 1: 'b', 2: 'c', 3: 'd' }],
  ['two swap theirs', { 1: 'b', 2: 'a', 3: 'c' }],
  ['the first and the last swap theirs', { 1: 'c', 2: 'b', 3: 'a' }],
  ['names go round', { 1: 'b', 2: 'c', 3: 'a' }],
  ['names go round the other way', { 1: 'c', 2: 'a', 3: 'b' }],
  ['two swap theirs, and the third is made anew', { 1: 'b', 2: 'a', 9: 'c' }],
  ['two swap theirs, but for the case', { 1: 'B', 2: 'A', 3: 'c' }],
];

const BEFORE: Names = { 1: 'a', 2: 'b', 3: 'c' };

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-names-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  let run = 0;
  let uniqueIds: (names: Names) => Names = (names) => names;
  /** With ids that nobody had in a test before. */
  const show = (people: Names, groups: Names) => {
    const [who, which] = [uniqueIds(people), uniqueIds(groups)];
    state.users = [user('reader'), ...Object.entries(who).map(([id, name]) => user(`u${id}`, { name }))];
    state.groups = Object.entries(which).map(([id, name]) => ({
      ...{ id: `g${id}`, state: 'active', name, members: ['reader'] },
    }));
  };
  const names = async (table: 'users' | 'groups', column: string): Promise<Names> => {
    const rows = await bridge.db(table).whereNull('deleted_at').whereNot('external_id', 'reader');
    return Object.fromEntries(rows.map((row) => [row.external_id.slice(1), row[column].replace(/@.*/, '')]));
  };
  const people = () => names('users', 'user_name');
  const groups = () => names('groups', 'display_name');

  beforeAll(async () => {
    show(BEFORE, BEFORE);
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
    await pulled.activate();
    state.position = 'from here on';
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    run += 1;
    const prefix = `${run}.`;
    uniqueIds = (given) => Object.fromEntries(Object.entries(given).map(([id, name]) => [prefix + id, name]));
    show(BEFORE, BEFORE);
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { skipped: 0 } });
  });
  afterEach(() => {
    state.changed = [];
  });

  it('lets a leaver go who has the name of somebody with theirs', async () => {
    show({ 1: 'b', 2: 'a', 3: 'c' }, BEFORE);
    state.users = state.users.map((one) => (one.id === `u${run}.1` ? { ...one, state: 'inactive' } : one));
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { skipped: 0 } });
    expect(await pulled.people()).toMatchObject({ 'a@acme.example': true, 'b@acme.example': false });
    expect(await people()).toEqual(uniqueIds({ 1: 'b', 2: 'a', 3: 'c' }));
  });

  describe.each(['people', 'groups'] as const)('%s', (kind) => {
    const move = (after: Names) => {
      const before = kind === 'people' ? state.users : state.groups;
      const was = new Map(before.map((one) => [one.id, JSON.stringify(one)]));
      show(kind === 'people' ? after : BEFORE, kind === 'groups' ? after : BEFORE);
      const now = kind === 'people' ? state.users : state.groups;
      state.changed = now.filter((one) => was.get(one.id) !== JSON.stringify(one)).map(({ id }) => id);
    };
    const there = () => (kind === 'people' ? people() : groups());

    it.each(MOVES)('%s', async (_, after) => {
      move(after);
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { skipped: 0 } });
      expect(await there()).toEqual(uniqueIds(after));
      if (kind === 'groups')
        expect(Object.values(await pulled.groups())).toEqual(
          Object.values(after).map(() => ['reader@acme.example']),
        );
      expect(await pulled.sync({ full: true })).toMatchObject({ summary: { updated: 0, created: 0 } });
    });

    it.each(MOVES)('in a delta, %s', async (_, after) => {
      move(after);
      expect(await pulled.sync()).toMatchObject({ state: 'DONE', mode: 'delta', summary: { skipped: 0 } });
      expect(await there()).toMatchObject(uniqueIds(after));
    });
  });
});
