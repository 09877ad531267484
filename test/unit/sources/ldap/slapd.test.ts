/** The same against a real OpenLDAP. Where the machine has no slapd, the one test here says so and is skipped. */

import { Attribute, Change, Client } from 'ldapts';
import type { Kind } from '../../../../src/model/subject.ts';
import { ldapSource } from '../../../../src/sources/ldap/index.ts';
import { eventually } from '../../../bridge.ts';
import { hasSlapd, SLAPD_READER, SLAPD_SUFFIX, type Slapd, startSlapd } from '../../../emulator/slapd.ts';
import { CERTIFICATE, KEY } from '../../outbound/certificate.ts';
import { ALL, CONTEXT, changesSince, collect, memberIds, openReader } from '../reading.ts';

const PEOPLE = `ou=people,${SLAPD_SUFFIX}`;
const GROUPS = `ou=groups,${SLAPD_SUFFIX}`;
const SALES = `ou=sales,${PEOPLE}`;
/** The server shows nobody who has it. */
const NO_ID = '5f3b0c3e-0000-1000-8000-000000000000';
const dnOf = (uid: string) => `uid=${uid},${PEOPLE}`;

const person = (uid: string, more: readonly string[] = [], dn = dnOf(uid)) =>
  [
    `dn: ${dn}`,
    ...['objectClass: inetOrgPerson', `uid: ${uid}`, `cn: ${uid}`, `sn: ${uid}`, `mail: ${uid}@acme.example`],
    ...more,
  ].join('\n');
const unit = (name: string) => `dn: ou=${name},${SLAPD_SUFFIX}\nobjectClass: organizationalUnit\nou: ${name}`;
const LDIF = [
  ...[unit('people'), unit('groups')],
  `dn: ${SALES}\nobjectClass: organizationalUnit\nou: sales`,
  person('boss', ['userPassword: never']),
  ...Array.from({ length: 230 }, (_, n) =>
    person(`p${n}`, n === 0 ? [`manager: ${dnOf('boss')}`, 'employeeNumber: 7'] : []),
  ),
  person('seller', [], `uid=seller,${SALES}`),
  `dn: cn=sellers,${GROUPS}\nobjectClass: groupOfNames\ncn: sellers\nmember: uid=seller,${SALES}`,
  `dn: cn=team,${GROUPS}\nobjectClass: groupOfNames\ncn: team\nmember: ${dnOf('p0')}\nmember: ${dnOf('p1')}`,
  `dn: cn=outer,${GROUPS}\nobjectClass: groupOfNames\ncn: outer\nmember: cn=team,${GROUPS}\nmember: cn=nobody`,
  `dn: cn=unix,${GROUPS}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 9\nmemberUid: P2\nmemberUid: ghost`,
].join('\n\n');

const FOLLOWS_WITHIN_MS = 60_000;

if (!hasSlapd()) {
  it.skip('there is no slapd on this machine: apt-get install slapd', () => undefined);
} else {
  let slapd: Slapd;
  const start = (lines: readonly string[]) =>
    startSlapd({ ldif: LDIF, lines, certificate: { cert: CERTIFICATE, key: KEY } });
  const settings = (more: Record<string, string> = {}) => ({
    ...{ URL: `ldap://localhost:${slapd.port}`, CA_PEM: CERTIFICATE, BIND_DN: SLAPD_READER.dn },
    ...{ BIND_PASSWORD: SLAPD_READER.password, USER_BASE: PEOPLE, GROUP_BASE: GROUPS, ...more },
  });
  const source = (more: Record<string, string> = {}) =>
    openReader(ldapSource, settings(more), { addressOf: async () => '127.0.0.1' }).source;
  const scan = () => collect(source().scan(ALL, CONTEXT));
  const asAdmin = async (work: (client: Client) => Promise<void>) => {
    const client = new Client({ url: `ldap://127.0.0.1:${slapd.port}` });
    await client.bind(slapd.root.dn, slapd.root.password);
    await work(client);
    await client.unbind();
  };
  const modify = (
    client: Client,
    dn: string,
    operation: 'add' | 'replace' | 'delete',
    type: string,
    values: string[],
  ) => client.modify(dn, new Change({ operation, modification: new Attribute({ type, values }) }));

  describe('OpenLDAP', () => {
    beforeAll(async () => {
      slapd = await start(['sizelimit size.soft=50 size.hard=100 size.pr=50 size.prtotal=unlimited']);
    });
    afterAll(() => slapd.close());

    it('is read over StartTLS and over TLS, page by page, whatever size it allows', async () => {
      const status = await source({ URL: `ldaps://localhost:${slapd.securePort}` }).check(CONTEXT);
      expect(status).toMatchObject({ status: 'OK', tenant: { id: `OpenLDAP:${SLAPD_SUFFIX}` } });
      const seen = await scan();
      expect(seen.users.size).toBe(232);
      const p0 = [...seen.users.values()].find(({ attributes }) => attributes.uid === 'p0');
      expect(p0).toMatchObject({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        attributes: { dn: dnOf('p0'), mail: 'p0@acme.example', manager: dnOf('boss'), employeeNumber: '7' },
      });
      expect(JSON.stringify([...seen.users.values()])).not.toMatch(/userPassword/i);
      const idOf = (uid: string) =>
        [...seen.users.values()].find(({ attributes }) => attributes.uid === uid)?.id;
      const groupOf = (name: string) =>
        [...seen.groups.values()].find((group) => group.name === name)?.id ?? '';
      expect(memberIds(seen, groupOf('team'))).toEqual([idOf('p0'), idOf('p1')].sort());
      expect(memberIds(seen, groupOf('outer'))).toEqual([groupOf('team')]);
      expect(memberIds(seen, groupOf('unix'))).toEqual([idOf('p2')]);
      expect(seen.skipped).toEqual([expect.objectContaining({ what: 'member', count: 2 })]);
    });

    it('shows who was renamed, locked out for good or deleted', async () => {
      const first = await scan();
      const idOf = (uid: string) =>
        [...first.users.values()].find(({ attributes }) => attributes.uid === uid)?.id ?? '';
      const [renamed, locked, gone] = [idOf('p1'), idOf('p5'), idOf('p6')];
      await asAdmin(async (client) => {
        await client.modifyDN(dnOf('p1'), 'uid=renamed');
        await modify(client, dnOf('p5'), 'add', 'pwdAccountLockedTime', ['000001010000Z']);
        await client.del(dnOf('p6'));
      });
      const changes = await changesSince(source(), first.position);
      expect(changes.users.get(renamed)?.attributes.dn).toBe(dnOf('renamed'));
      expect(changes.users.get(locked)).toMatchObject({
        state: 'inactive',
        because: expect.stringMatching(/pwdAccountLockedTime/),
      });
      const team = [...changes.groups.values()].find(({ name }) => name === 'team');
      expect(memberIds(changes, team?.id ?? '')).toContain(renamed);
      expect(await source().lookup('user', gone, CONTEXT)).toEqual({ is: 'gone' });
      expect(await source().lookup('user', renamed, CONTEXT)).toMatchObject({ is: 'found', inScope: true });
      const { source: narrow } = openReader(ldapSource, settings({ USER_FILTER: '(title=Boss)' }), {
        addressOf: async () => '127.0.0.1',
      });
      expect(await narrow.lookup('user', renamed, CONTEXT)).toMatchObject({ is: 'found', inScope: false });
    });

    it('knows people and their groups again whose folder was renamed above them', async () => {
      const first = await scan();
      const [seller] = [...first.users.values()].filter(({ attributes }) => attributes.uid === 'seller');
      const id = seller?.id ?? '';
      const renamed = `uid=seller,ou=selling,${PEOPLE}`;
      await asAdmin(async (client) => {
        await client.modifyDN(SALES, 'ou=selling');
        // The overlay refint follows later.
        await eventually(async () => {
          const { searchEntries } = await client.search(GROUPS, { filter: `(member=${renamed})` });
          return searchEntries[0];
        }, FOLLOWS_WITHIN_MS);
      });
      const again = await scan();
      expect(again.users.get(id)?.attributes).toMatchObject({ uid: 'seller', dn: renamed });
      expect(again.users.size).toBe(first.users.size);
      const sellers = [...again.groups.values()].find(({ name }) => name === 'sellers');
      expect(memberIds(again, sellers?.id ?? '')).toEqual([id]);
      expect(
        await source().lookup('user', id, CONTEXT, { place: String(seller?.attributes.dn) }),
      ).toMatchObject({
        is: 'found',
        inScope: true,
      });
    });
  });

  it('takes a group whose members it may not read for unread, and not for empty', async () => {
    slapd = await start(['access to dn.exact="cn=team,ou=groups,dc=acme,dc=example" attrs=member by * none']);
    try {
      const seen = await scan();
      const idOf = (name: string) => [...seen.groups.values()].find((group) => group.name === name)?.id;
      expect(seen.unread).toEqual([
        { kind: 'unread', what: 'members', id: idOf('team'), reason: expect.stringContaining('member') },
      ]);
      expect(memberIds(seen, idOf('outer') ?? '')).toEqual([idOf('team')]);
    } finally {
      await slapd.close();
    }
  });

  it('asks a group itself about who is missing from its list, and knows an answer from none', async () => {
    slapd = await start([
      'access to attrs=memberUid by * none',
      `access to dn.exact="cn=team,${GROUPS}" attrs=member val.exact="${dnOf('p0')}" by * none`,
    ]);
    try {
      const seen = await scan();
      const named = (name: string) =>
        [...seen.groups.values()].find((group) => group.name === name)?.id ?? '';
      const idOf = (uid: string) =>
        [...seen.users.values()].find(({ attributes }) => attributes.uid === uid)?.id ?? '';
      expect(memberIds(seen, named('unix'))).toEqual([]);
      expect(memberIds(seen, named('team'))).toEqual([idOf('p1')]);
      const isIn = (group: string, uid: string) => source().isMember?.(named(group), idOf(uid), CONTEXT);
      expect(await isIn('unix', 'p2')).toBeNull();
      expect(await isIn('team', 'p0')).toBeNull();
      expect(await isIn('team', 'p1')).toBe(true);
      expect(await isIn('team', 'p3')).toBe(false);
      expect(await isIn('sellers', 'p3')).toBe(false);
    } finally {
      await slapd.close();
    }
  });

  it('does not say that somebody has left whose user name it may not read', async () => {
    slapd = await start([`access to dn.exact="${dnOf('p2')}" attrs=uid by * none`]);
    try {
      const seen = await scan();
      const unix = [...seen.groups.values()].find(({ name }) => name === 'unix')?.id ?? '';
      const idOf = (mail: string) =>
        [...seen.users.values()].find(({ attributes }) => attributes.mail === mail)?.id ?? '';
      expect(memberIds(seen, unix)).toEqual([]);
      expect(await source().isMember?.(unix, idOf('p2@acme.example'), CONTEXT)).toBeNull();
      expect(await source().isMember?.(unix, idOf('p3@acme.example'), CONTEXT)).toBe(false);
    } finally {
      await slapd.close();
    }
  });

  it('does not take for deleted who is hidden, alone or with their folder', async () => {
    const hidden = [dnOf('p1'), SALES, `cn=team,${GROUPS}`].map(
      (dn) => `access to dn.subtree="${dn}" by * none`,
    );
    slapd = await start(hidden);
    try {
      const isNow = async (dn: string, kind: Kind = 'user') =>
        (await source().lookup(kind, NO_ID, CONTEXT, { place: dn })).is;
      expect(await isNow(dnOf('p1'))).toBe('unknown');
      expect(await isNow(`uid=seller,${SALES}`)).toBe('unknown');
      expect(await isNow(dnOf('nobody'))).toBe('gone');
      expect(await isNow(`uid=nobody,ou=gone,${PEOPLE}`)).toBe('gone');
      expect(await isNow(`cn=team,${GROUPS}`, 'group')).toBe('unknown');
      expect(await isNow(`cn=nobody,${GROUPS}`, 'group')).toBe('gone');
    } finally {
      await slapd.close();
    }
  });

  it('says what to do where OpenLDAP cuts people off, in the check and in the scan', async () => {
    slapd = await start(['sizelimit 90']);
    try {
      const status = await source().check(CONTEXT);
      expect(status.details.filter(({ granted }) => !granted)).toEqual([
        expect.objectContaining({
          right: 'people',
          message: expect.stringMatching(/size\.prtotal=unlimited/),
        }),
      ]);
      await expect(scan()).rejects.toThrow(/size\.prtotal=unlimited/);
    } finally {
      await slapd.close();
    }
  });
}
