/** What a preview of a pull says is what the run then does: the same figures, the same lines, and that much of the directory. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceUser } from '../../../src/sources/source.ts';
import { person, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const EVERYBODY = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'];

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-previewed-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;

  const change = (id: string, more: Partial<SourceUser> & { readonly name?: string }) => {
    state.users = state.users.map((one) => (one.id === id ? { ...one, ...user(id, more), ...more } : one));
  };
  const without = (...ids: readonly string[]) => {
    state.users = state.users.filter(({ id }) => !ids.includes(id));
  };
  const attributes = (id: string, more: Readonly<Record<string, string>>) =>
    change(id, { attributes: { ...user(id).attributes, ...more } });
  const members = (id: string, ...of: readonly string[]) => {
    state.groups = state.groups.map((group) => (group.id === id ? { ...group, members: of } : group));
  };

  beforeAll(async () => {
    state.users = EVERYBODY.map((id) => user(id));
    state.groups = [
      { id: 'g1', state: 'active', name: 'Readers', members: ['a1', 'a2', 'b1'] },
      { id: 'g2', state: 'active', name: 'Nested', members: ['a3', 'group:g1'] },
    ];
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
    await bridge.admin('PATCH', pulled.path, { matchPeople: true });
    await bridge.scim('POST', '/Users', person('known'));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  type Figures = Readonly<Record<string, unknown>>;
  /** Who and which groups there are, and in which state. */
  const standing = async () => {
    const users: Figures[] = await bridge.db('users').whereNull('deleted_at').whereNotNull('external_id');
    const groups: Figures[] = await bridge.db('groups').whereNull('deleted_at');
    const rows = (some: readonly Figures[]) =>
      new Map(some.map((row) => [String(row.id), { version: row.version, active: Boolean(row.active) }]));
    return { users: rows(users), groups: rows(groups) };
  };
  type Standing = Awaited<ReturnType<typeof standing>>;
  const came = (was: Standing, is: Standing, of: keyof Standing) =>
    [...is[of].keys()].filter((id) => !was[of].has(id)).length;
  const counted = (was: Standing, is: Standing) => {
    const kept = [...is.users].flatMap(([id, now]) => {
      const before = was.users.get(id);
      return before ? [{ before, now }] : [];
    });
    return {
      created: came(was, is, 'users'),
      deleted: came(is, was, 'users'),
      // Of a record that somebody else writes over it is both.
      returned:
        kept.filter(({ before, now }) => !before.active && now.active).length -
        kept.filter(({ before, now }) => before.active && !now.active).length,
      groups: { created: came(was, is, 'groups'), deleted: came(is, was, 'groups') },
    };
  };
  const linesOf = async (id: string) =>
    (await pulled.changes(id)).map(({ state: _, id: __, ...line }) => JSON.stringify(line)).sort();

  const CASES: readonly (readonly [string, () => void])[] = [
    ['a joiner whom another connection knows', () => state.users.push(user('known'))],
    [
      'a joiner, whose manager joins too',
      () => {
        state.users.push(user('c1', { attributes: { boss: 'c2' } }), user('c2'));
        members('g1', 'a1', 'a2', 'b1', 'c1');
      },
    ],
    ['a mover', () => attributes('a1', { title: 'Cook' })],
    [
      'two who swap their names',
      () => {
        change('a2', { name: 'a3' });
        change('a3', { name: 'a2' });
      },
    ],
    ['a leaver', () => change('b1', { state: 'inactive' })],
    ['a leaver who returns', () => change('b1', { state: 'active' })],
    ['somebody who is deleted', () => without('b2')],
    [
      'an account that is made anew under another id',
      () => {
        without('b3');
        state.users.push(user('n3', { name: 'b3' }));
      },
    ],
    [
      'a name that an inactive record loses',
      () => {
        change('b1', { state: 'inactive' });
        state.users.push(user('n1', { name: 'b1' }));
      },
    ],
    ['two with one name', () => state.users.push(user('d1', { name: 'a1' }))],
    [
      'somebody without a name',
      () => {
        without('d1');
        state.users.push({ id: 'e1', state: 'active', attributes: { displayName: 'E' } });
      },
    ],
    [
      'a name with an invisible character',
      () => {
        without('e1');
        state.users.push(user('f1', { attributes: { email: 'f\u200b1@acme.example' } }));
      },
    ],
    [
      'a group more, and one by another name',
      () => {
        without('f1');
        state.groups = [
          ...state.groups.map((group) => (group.id === 'g1' ? { ...group, name: 'Writers' } : group)),
          { id: 'g3', state: 'active', name: 'Cooks', members: ['a1', 'a2'] },
        ];
      },
    ],
    [
      'two groups of one name',
      () => {
        state.groups.push({ id: 'g4', state: 'active', name: 'cooks ', members: ['a3'] });
      },
    ],
    [
      'a group of the name that another gives up',
      () => {
        state.groups = state.groups
          .filter(({ id }) => id !== 'g4')
          .map((group) => (group.id === 'g3' ? { ...group, name: 'Bakers' } : group));
        state.groups.push({ id: 'g5', state: 'active', name: 'Cooks', members: ['a3'] });
      },
    ],
    ['a member less', () => members('g3', 'a1')],
    [
      'a group that is deleted',
      () => {
        state.groups = state.groups.filter(({ id }) => id !== 'g3');
      },
    ],
    [
      'somebody whom the list leaves out',
      () => {
        state.hidden = ['a1'];
        members('g2', 'group:g1');
      },
    ],
  ];

  it('brings everybody', async () => {
    const { body } = await bridge.admin('POST', `${pulled.path}/activate`);
    const preview = await pulled.ended(body.preview);
    const run = await pulled.activate();
    expect(preview.summary).toEqual(run.summary);
    expect(run.summary).toMatchObject({ created: EVERYBODY.length });
  });

  it.each(CASES)('%s', async (_, happens) => {
    happens();
    const was = await standing();
    const preview = await pulled.sync({ preview: true });
    expect(await standing()).toEqual(was);
    const run = await pulled.sync({ full: true });
    expect(preview.summary).toEqual(run.summary);
    expect(await linesOf(preview.id)).toEqual(await linesOf(run.id));
    const { created, deleted, deactivated, reactivated, groups } = run.summary;
    const said = { created, deleted, returned: reactivated - deactivated };
    expect({ ...said, groups: { created: groups.created, deleted: groups.deleted } }).toEqual(
      counted(was, await standing()),
    );
    const again = await pulled.sync({ full: true });
    expect(again.summary).toMatchObject({
      created: 0,
      updated: 0,
      deactivated: 0,
      reactivated: 0,
      deleted: 0,
    });
    expect(again.summary.groups).toEqual({ created: 0, updated: 0, deleted: 0, joined: 0, left: 0 });
  });
});
