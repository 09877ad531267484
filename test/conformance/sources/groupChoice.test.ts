/** The groups of a directory, from which an admin chooses: page by page, searched, and what is said where there are none. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type OktaEmulator, startOktaEmulator } from '../../emulator/okta.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { Pulled } from './pulled.ts';

/** With the group of everybody, 51 more than the bridge reads for one page. */
const GROUPS = 2050;
const isList = ({ path }: EmulatedRequest) => path === '/api/v1/groups';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-groups-'));
  let okta: OktaEmulator;
  let bridge: RunningBridge;
  let pulled: Pulled;
  beforeAll(async () => {
    okta = await startOktaEmulator();
    for (let n = 0; n < GROUPS; n += 1)
      okta.state.addGroup(`Team ${n}`, [], n % 2 ? 'APP_GROUP' : 'OKTA_GROUP');
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    const configuration = { ORG_URL: okta.url, API_TOKEN: okta.apiToken };
    pulled = await Pulled.make(bridge, { name: 'Okta', strategy: 'oktaApi', configuration });
  });
  afterEach(() => okta.faults.clear());
  afterAll(async () => {
    await bridge.stop();
    await okta.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const list = (query = '', { path }: { readonly path: string } = pulled) =>
    bridge.admin('GET', `${path}/groups${query}`);
  /** Of each page, the names. */
  const pages = async (query: string): Promise<readonly (readonly string[])[]> => {
    const found: string[][] = [];
    for (let search: string | null = query; search !== null; ) {
      const { body } = await list(search);
      found.push(body._embedded.groups.map(({ name }: { name: string }) => name));
      const { next } = body._links;
      search = next === undefined ? null : new URL(next.href).search;
    }
    return found;
  };

  it('comes page by page, each group once, with what it asks of Okta', async () => {
    const before = okta.requests.filter(isList).length;
    const found = await pages('?limit=1000');
    expect(found.map(({ length }) => length)).toEqual([1000, 1000, 51]);
    const everything = okta.state.groups.values();
    expect(found.flat()).toEqual(Array.from(everything, ({ profile }) => profile.name));
    expect(okta.requests.filter(isList).length - before).toBe(13);
  });

  it('is searched, in any case, a part of a large directory at a time', async () => {
    expect(await pages('?q=TEAM%2044&limit=6')).toEqual([
      ['Team 44', 'Team 440', 'Team 441', 'Team 442', 'Team 443', 'Team 444'],
      ['Team 445', 'Team 446', 'Team 447', 'Team 448', 'Team 449'],
    ]);
    expect(await pages('?q=nobody')).toEqual([[], []]);
    const [chosen] = (await list('?q=Team%207&limit=1')).body._embedded.groups;
    expect(chosen).toMatchObject({ name: 'Team 7', type: 'APP_GROUP' });
    expect(await pages(`?q=${chosen.id}`)).toEqual([['Team 7'], []]);
  });

  it('says at once that Okta is out of order, and leaves the connection as it is', async () => {
    okta.faults.inject({ fault: { kind: 'answer', answer: { status: 502, body: {} } }, matches: isList });
    expect(await list()).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('HTTP 502') },
    });
    expect(await pulled.read()).toMatchObject({ status: 'STAGED' });
    expect((await list()).status).toBe(200);
    expect(await bridge.db('inquiries')).toEqual([]);
  });

  it('refuses what it does not understand', async () => {
    expect((await list('?limit=0')).status).toBe(400);
    expect((await list('?cursor=WzFd')).status).toBe(400);
    expect((await list('?name=Team')).status).toBe(400);
  });

  it('lists those of the demo directory', async () => {
    const demo = await Pulled.make(bridge, { name: 'Demo', strategy: 'demo' });
    const { body } = await list('?q=on-CALL', demo);
    expect(body._embedded.groups).toEqual([{ id: 'demo-group-on-call', name: 'On-call' }]);
  });

  it('says where there are none to choose: it is pushed, or only adds to people', async () => {
    const { body: pushed } = await bridge.admin('POST', '/connections', { name: 'Pushed', strategy: 'okta' });
    expect(await list('', { path: `/connections/${pushed.id}` })).toMatchObject({ status: 409 });
    const adding = await Pulled.make(bridge, {
      ...{ name: 'Accounts', strategy: 'gitlabSelf' },
      configuration: { BASE_URL: 'https://gitlab.example', ACCESS_TOKEN: 'glpat-of-an-administrator' },
    });
    expect(await list('', adding)).toMatchObject({
      ...{ status: 409, body: { detail: expect.stringContaining('only adds to people') } },
    });
  });
});
