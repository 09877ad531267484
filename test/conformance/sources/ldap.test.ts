/** An LDAP server's own ways of showing less than there is, without any error. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type ActiveDirectory, connectionTo, startActiveDirectory } from '../../emulator/activeDirectory.ts';
import { Pulled } from './pulled.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-ldap-'));
  let ad: ActiveDirectory;
  let bridge: RunningBridge;
  let pulled: Pulled;
  let people: string[];
  let groups: string[];
  beforeEach(async () => {
    ad = await startActiveDirectory();
    people = ['Ada', 'Bob', 'Cyd'].map((name) => ad.addPerson(name));
    groups = ['A', 'B', 'C', 'D'].map((name) => ad.addGroup(name, people));
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    const body = { name: 'Domain', sync: { enabled: false }, ...connectionTo(ad) };
    pulled = await Pulled.make(bridge, body);
    expect(await pulled.activate()).toMatchObject({ state: 'DONE', summary: { groups: { joined: 12 } } });
  });
  afterEach(async () => {
    await bridge.stop();
    await ad.close();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each([
    ['whose entries say that they are in them', () => undefined],
    [
      'which cannot be empty',
      () => {
        for (const group of groups) ad.change(group, { objectClass: ['top', 'group', 'groupOfNames'] });
        ad.faults.hiddenAttributes = new Set(['member', 'memberof']);
      },
    ],
  ])('takes nobody out of groups that show no members, %s', async (_, so) => {
    const before = await pulled.groups();
    ad.faults.hiddenAttributes = new Set(['member']);
    so();
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'PARTIAL', summary: { groups: { left: 0 } } });
    expect(await pulled.groups()).toEqual(before);
    ad.faults.hiddenAttributes = new Set();
    ad.change(groups[0] ?? '', { member: people.slice(1) });
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { groups: { left: 1 } },
    });
  });

  it('does not take for deleted who is hidden, and still in a group', async () => {
    const [ada = '', bob = ''] = people;
    ad.faults.hides = (dn) => dn === ada;
    expect(await pulled.sync({ full: true })).toMatchObject({ state: 'PARTIAL', summary: { unknown: 1 } });
    expect(Object.values(await pulled.people())).toEqual([true, true, true]);
    expect((await pulled.groups()).A).toHaveLength(3);
    ad.faults.hides = () => false;
    ad.remove(bob);
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ state: 'DONE', summary: { deleted: 1, unknown: 0 } });
  });

  it('does not take a group for deleted that is hidden, and of which people are still members', async () => {
    const before = await pulled.groups();
    ad.faults.hides = (dn) => dn === groups[0];
    expect(await pulled.sync({ full: true })).toMatchObject({
      ...{ state: 'PARTIAL', error: expect.stringContaining('is still a member of it') },
    });
    expect(await pulled.groups()).toEqual(before);
    ad.faults.hides = () => false;
    ad.remove(groups[1] ?? '');
    const run = await pulled.sync({ full: true });
    expect(run).toMatchObject({ summary: { groups: { deleted: 1 } } });
  });
});
