/** `people.csv` and `access.csv`: every row, whole, harmless to a spreadsheet, and on both databases. */

import { cellOf } from '../../../src/api/answer/csv.ts';
import type { Dialect } from '../../../src/db/open.ts';
import { mail, startWorld, type World } from './world.ts';

/** As RFC 4180 is read by whoever knows nothing of the writer. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (let found = cells.exec(text); found && cells.lastIndex <= text.length; found = cells.exec(text)) {
    rows.at(-1)?.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === '\r\n') rows.push([]);
    if (found[3] === '') break;
  }
  return rows.slice(0, -1);
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect: Dialect) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(dialect);
    await world.add('GitLabSelfManaged', { BRAKE_PERCENT: 100 });
  });
  afterAll(() => world.stop());

  const read = async (name: string) => {
    const { bridge } = world;
    const url = `${bridge.url}/v1/environments/default/propagation/stores/${world.id('GitLabSelfManaged')}/${name}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${bridge.adminToken}` } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/csv; charset=utf-8/);
    const [columns = [], ...rows] = parse(await response.text());
    return {
      columns,
      rows: rows.map((row) => Object.fromEntries(columns.map((column, n) => [column, row[n] ?? '']))),
    };
  };

  it('list everybody once, over several pages, and no cell is a formula', async () => {
    const ids: string[] = [];
    for (const name of ['ann', 'bob', 'cyd']) ids.push(await world.join(name));
    const evil = await world.join('eve', { userName: '=HYPERLINK("http://x","a, b")', emails: [] });
    await world.setActive(ids[1] ?? '', false);
    const { columns, rows } = await read('people.csv');
    expect(columns.join()).toBe('person,userName,email,lifecycle,account,accountState,status,origin,since');
    expect(rows).toHaveLength(4);
    const of = (userName: string) => rows.find((row) => row.userName === userName);
    expect(of(mail('ann'))).toMatchObject({
      ...{ email: mail('ann'), lifecycle: 'active', account: 'ann' },
      ...{ accountState: 'enabled', status: 'synced', origin: 'created' },
    });
    expect(of(mail('bob'))).toMatchObject({ lifecycle: 'inactive', accountState: 'disabled' });
    expect(of(`'=HYPERLINK("http://x","a, b")`)).toMatchObject({ accountState: 'none', status: 'unsynced' });
    const person = await world.bridge.db('users').where({ id: evil }).first('person_id');
    expect(rows.map((row) => row.person)).toContain(person.person_id);
    await world.bridge.db.transaction(async (tx) => {
      for (let n = 0; n < 450; n++) {
        const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
        const row = { id, environment_id: 'default', created_at: '2026-01-01T00:00:00.000Z' };
        await tx('persons').insert(row);
        const user = await tx('users').where({ id: ids[0] }).first();
        const named = { user_name: `many${n}`, user_name_lower: `many${n}`, external_id: null };
        await tx('users').insert({ ...user, id, person_id: id, ...named, resource: JSON.stringify({}) });
      }
    });
    const many = (await read('people.csv')).rows.map((row) => row.person);
    expect(many).toHaveLength(454);
    expect(new Set(many).size).toBe(454);
  });

  it('list every membership, whose it is, and whether it is wanted', async () => {
    world.gitlab.state.addGroup({ path: 'team' });
    const [dan, fay] = [await world.join('dan'), await world.join('fay')];
    const team = [...world.gitlab.state.groups.values()].find(({ path }) => path === 'team');
    const foreign = world.seed('GitLabSelfManaged', { name: 'gus' });
    world.gitlab.state.setMember(team?.id ?? 0, Number(foreign), 30);
    await world.group('team', [dan, fay]);
    await world.store('GitLabSelfManaged', 'POST', '/sync', {});
    await world.settled();
    const { columns, rows } = await read('access.csv');
    expect(columns.join()).toBe('group,groupId,account,person,level,origin,wanted');
    const shown = rows.map(({ group, account, level, origin, wanted }) => [
      group,
      account,
      level,
      origin,
      wanted,
    ]);
    expect(shown.sort()).toEqual([
      ['team', 'dan', '30', 'added', 'true'],
      ['team', 'fay', '30', 'added', 'true'],
      ['team', 'gus', '30', 'foreign', 'false'],
    ]);
    expect(rows.every(({ groupId }) => groupId === String(team?.id))).toBe(true);
  });
});

it.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@x', "'@x"],
  ['\tx', "'\tx"],
  ['\rx', '"\'\rx"'],
  ['a=1', 'a=1'],
  ['a,b', '"a,b"'],
  ['a"b', '"a""b"'],
  ['a\nb', '"a\nb"'],
  ['=a,"b"', '"\'=a,""b"""'],
])('writes %j as %j', (text, cell) => expect(cellOf(text)).toBe(cell));
