/**
 * What a real OpenLDAP hides from the bridge's account, or moves out of its bases, takes no group from anybody. Where
 * the machine has no slapd, the one test here says so and is skipped.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Attribute, Change, Client } from 'ldapts';
import { eventually, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { hasSlapd, SLAPD_READER, SLAPD_SUFFIX, type Slapd, startSlapd } from '../../emulator/slapd.ts';
import { CERTIFICATE, KEY } from '../../unit/outbound/certificate.ts';
import { Pulled } from './pulled.ts';

const PEOPLE = `ou=people,${SLAPD_SUFFIX}`;
const GROUPS = `ou=groups,${SLAPD_SUFFIX}`;
const ELSEWHERE = `ou=elsewhere,${SLAPD_SUFFIX}`;
const personDn = (uid: string) => `uid=${uid},${PEOPLE}`;
const groupDn = (name: string) => `cn=${name},${GROUPS}`;
const unit = (dn: string) => `dn: ${dn}\nobjectClass: organizationalUnit`;
const person = (uid: string) =>
  `dn: ${personDn(uid)}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${uid}@acme.example`;
const group = (name: string, members: readonly string[]) =>
  [`dn: ${groupDn(name)}`, 'objectClass: groupOfNames', ...members.map((dn) => `member: ${dn}`)].join('\n');
const LDIF = [
  ...[PEOPLE, GROUPS, ELSEWHERE].map(unit),
  ...['ada', 'bob', 'cyd', 'dan'].map(person),
  group('team', [personDn('ada'), personDn('bob'), personDn('left-long-ago')]),
  group('inner', [personDn('cyd')]),
  group('outer', [groupDn('inner'), personDn('ada')]),
].join('\n\n');
/** Whatever has this description is hidden from the bridge's account. */
const HIDDEN = 'hidden';
const FOLLOWS_WITHIN_MS = 60_000;

if (!hasSlapd()) {
  it.skip('there is no slapd on this machine: apt-get install slapd', () => undefined);
} else {
  describe.each(PLAYED)('on %s', (dialect) => {
    const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-openldap-'));
    let slapd: Slapd;
    let bridge: RunningBridge;
    let pulled: Pulled;
    let client: Client;
    let before: Record<string, string[]>;
    const change = (dn: string, operation: 'add' | 'delete', type: string, values: string[]) =>
      client.modify(dn, new Change({ operation, modification: new Attribute({ type, values }) }));
    const hide = (dn: string) => change(dn, 'add', 'description', [HIDDEN]);
    /** The overlay refint follows a little later. */
    const moved = async (dn: string, to: string, where: string) => {
      await client.modifyDN(dn, to);
      const followed = async () =>
        (await client.search(GROUPS, { filter: `(&(cn=${where})(member=${to}))` })).searchEntries[0];
      await eventually(followed, FOLLOWS_WITHIN_MS);
    };

    beforeEach(async () => {
      const lines = [`access to filter="(description=${HIDDEN})" by * none`];
      slapd = await startSlapd({ ldif: LDIF, lines, certificate: { cert: CERTIFICATE, key: KEY } });
      client = new Client({ url: `ldap://127.0.0.1:${slapd.port}` });
      await client.bind(slapd.root.dn, slapd.root.password);
      bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
      pulled = await Pulled.make(bridge, {
        ...{ name: 'OpenLDAP', strategy: 'ldap', sync: { enabled: false } },
        configuration: {
          ...{ URL: `ldap://127.0.0.1:${slapd.port}`, TLS: 'none', PRESET: 'OpenLDAP' },
          ...{ BIND_DN: SLAPD_READER.dn, BIND_PASSWORD: SLAPD_READER.password },
          ...{ USER_BASE: PEOPLE, GROUP_BASE: GROUPS },
        },
      });
      expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
      before = await pulled.groups();
      expect(before).toMatchObject({ team: { length: 2 }, inner: { length: 1 }, outer: { length: 2 } });
    });
    afterEach(async () => {
      await bridge.stop();
      await client.unbind();
      await slapd.close();
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    it('takes no group for deleted that it hides, nor its members out of the group around it', async () => {
      await hide(groupDn('inner'));
      const run = await pulled.sync({ full: true });
      expect(run).toMatchObject({ state: 'PARTIAL', error: expect.stringContaining('hidden') });
      expect(await pulled.groups()).toEqual(before);
      await client.del(groupDn('team'));
      await change(groupDn('inner'), 'delete', 'description', []);
      expect(await pulled.sync({ full: true })).toMatchObject({
        ...{ state: 'DONE', summary: { groups: { deleted: 1 } } },
      });
    });

    it('takes the members of a hidden group out of no group around it that changed', async () => {
      await hide(groupDn('inner'));
      await change(groupDn('outer'), 'add', 'member', [personDn('dan')]);
      expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'PARTIAL' });
      const outer = [...(before.outer ?? []), 'dan@acme.example'].sort();
      expect(await pulled.groups()).toEqual({ ...before, outer });
    });

    it('takes nobody out of a group that changed whom it hides', async () => {
      await hide(personDn('ada'));
      await change(groupDn('team'), 'add', 'member', [personDn('dan')]);
      expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'PARTIAL' });
      const team = [...(before.team ?? []), 'dan@acme.example'].sort();
      expect(await pulled.groups()).toEqual({ ...before, team });
    });

    it('takes nobody out of a group who was moved out of the base, before an admin lets them go', async () => {
      await moved(personDn('bob'), `uid=bob,${ELSEWHERE}`, 'team');
      expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'DONE' });
      expect(await pulled.groups()).toEqual(before);
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE', summary: { filtered: 1 } });
      expect(await pulled.groups()).toEqual(before);
    });

    it.each([
      ['a delta', {}],
      ['a full scan', { full: true }],
    ])(
      'leaves the members of a group that was moved out of the base in the one around it: %s',
      async (_, how) => {
        await moved(groupDn('inner'), `cn=inner,${ELSEWHERE}`, 'outer');
        expect(await pulled.sync(how)).toMatchObject({ state: 'DONE' });
        expect(await pulled.groups()).toEqual(before);
      },
    );

    it('takes out whoever really left, by a delta', async () => {
      await change(groupDn('team'), 'delete', 'member', [personDn('bob')]);
      expect(await pulled.sync()).toMatchObject({
        mode: 'delta',
        state: 'DONE',
        summary: { groups: { left: 1 } },
      });
      expect(await pulled.groups()).toEqual({ ...before, team: ['ada@acme.example'] });
    });
  });
}
