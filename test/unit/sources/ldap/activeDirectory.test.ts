/** What scans, deltas and look-ups of Active Directory show, against a stand-in with its shapes and its bad days. */

import { randomBytes } from 'node:crypto';
import { ldapSource } from '../../../../src/sources/ldap/index.ts';
import { PositionLost } from '../../../../src/sources/source.ts';
import {
  type ActiveDirectory,
  AD_GROUPS,
  AD_PEOPLE,
  AD_READER,
  AD_SUFFIX,
  startActiveDirectory,
} from '../../../emulator/activeDirectory.ts';
import { ALL, CONTEXT, changesSince, collect, memberIds, openReader } from '../reading.ts';

let ad: ActiveDirectory;

beforeEach(async () => {
  ad = await startActiveDirectory();
});
afterEach(() => ad.close());

const settings = (more: Record<string, string> = {}) => ({
  ...{
    URL: `ldap://127.0.0.1:${ad.port}`,
    TLS: 'none',
    BIND_DN: AD_READER.dn,
    BIND_PASSWORD: AD_READER.password,
  },
  ...{ USER_BASE: AD_PEOPLE, GROUP_BASE: AD_GROUPS, ...more },
});
const source = (more: Record<string, string> = {}, deps: object = {}) =>
  openReader(ldapSource, settings(more), deps).source;
const scan = (more: Record<string, string> = {}, deps: object = {}) =>
  collect(source(more, deps).scan(ALL, CONTEXT));

it('shows people by their objectGUID, whatever its bytes are, with what it says of them', async () => {
  const boss = ad.addPerson('Boss');
  const ada = ad.addPerson('Ada', {
    ...{
      objectGUID: Buffer.from('ABCDEFGHIJKLMNOP'),
      mail: 'ada@corp.example',
      manager: boss,
      givenname: 'Ada',
    },
    ...{
      proxyAddresses: ['SMTP:ada@corp.example', 'smtp:countess@corp.example', 'X500:/o=corp'],
      telephoneNumber: '',
    },
    ...{ unicodePwd: 'never', thumbnailPhoto: Buffer.from([0xff, 0xd8, 0xff]) },
  });
  const seen = await scan();
  expect(ad.idOf(ada)).toBe('44434241-4645-4847-494a-4b4c4d4e4f50');
  const user = seen.users.get(ad.idOf(ada));
  expect(user).toMatchObject({
    state: 'active',
    aliases: ['ada@corp.example', 'countess@corp.example'],
    attributes: { dn: ada, mail: 'ada@corp.example', manager: boss, givenName: 'Ada', cn: 'Ada' },
  });
  expect(Object.keys(user?.attributes ?? {})).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/pwd|photo|object|member|usn|when/i)]),
  );
  expect(user?.attributes.telephoneNumber).toBeUndefined();
  expect([...seen.users.keys()]).toEqual([ad.idOf(boss), ad.idOf(ada)]);
});

it('tells who is disabled, has expired, will expire, or is only locked out', async () => {
  const fileTime = (iso: string) => String((BigInt(Date.parse(iso)) + 11_644_473_600_000n) * 10_000n);
  const disabled = ad.addPerson('Disabled', { userAccountControl: '514' });
  const expired = ad.addPerson('Expired', { accountExpires: fileTime('2020-01-01T00:00:00Z') });
  const leaving = ad.addPerson('Leaving', { accountExpires: fileTime('2031-01-01T00:00:00Z') });
  const never = ad.addPerson('Never', { accountExpires: '0' });
  const locked = ad.addPerson('Locked', { userAccountControl: '528', lockoutTime: '1' });
  const { users } = await scan();
  expect(users.get(ad.idOf(disabled))).toMatchObject({
    state: 'inactive',
    because: 'disabled in Active Directory',
  });
  expect(users.get(ad.idOf(expired))).toMatchObject({
    state: 'inactive',
    because: expect.stringMatching(/2020-01-01/),
  });
  expect(users.get(ad.idOf(leaving))).toMatchObject({
    state: 'active',
    activeUntil: '2031-01-01T00:00:00.000Z',
  });
  expect(users.get(ad.idOf(never))?.state).toBe('active');
  expect(users.get(ad.idOf(never))?.activeUntil).toBeUndefined();
  expect(users.get(ad.idOf(locked))?.state).toBe('active');
});

it('takes nobody for active whose account control it may not read', async () => {
  const ada = ad.addPerson('Ada', { userAccountControl: '514' });
  ad.faults.hiddenAttributes = new Set(['useraccountcontrol']);
  const seen = await scan();
  expect(seen.users.size).toBe(0);
  expect(seen.unread).toEqual([expect.objectContaining({ what: 'user', id: ad.idOf(ada) })]);
  ad.faults.hiddenAttributes = new Set(['objectguid']);
  expect((await scan({ GROUP_FILTER: '(cn=none)' })).unread).toEqual([expect.objectContaining({ id: null })]);
});

it('reads every page, empty ones and refused sizes included', async () => {
  for (let n = 0; n < 300; n++) ad.addPerson(`P${n}`);
  ad.faults.pageMax = 70;
  ad.faults.emptyPages = [1, 3];
  expect((await scan({ GROUP_FILTER: '(cn=none)' })).users.size).toBe(300);
});

it('fails where the server cuts off, or the connection breaks for good', async () => {
  for (let n = 0; n < 510; n++) ad.addPerson(`P${n}`);
  ad.faults.totalMax = 505;
  await expect(scan()).rejects.toThrow(/size\.prtotal=unlimited/);
  ad.faults.totalMax = Number.POSITIVE_INFINITY;
  ad.faults.dropAfterSearches = 3;
  await expect(scan()).rejects.toMatchObject({ disposition: 'transient' });
});

it('signs in again where a connection breaks, and begins the search anew', async () => {
  for (let n = 0; n < 510; n++) ad.addPerson(`P${n}`);
  const pages = source().scan(ALL, CONTEXT)[Symbol.asyncIterator]();
  await pages.next();
  ad.faults.dropNext = 1;
  const seen = await collect({ [Symbol.asyncIterator]: () => pages });
  expect(seen.users.size).toBe(510);
  expect(ad.log.filter((line) => line.startsWith('bind'))).toHaveLength(2);
});

it('reads groups of more members than one answer shows, and those who are in by their primary group', async () => {
  const people = Array.from({ length: 340 }, (_, n) => ad.addPerson(`P${n}`, { primaryGroupID: '513' }));
  ad.faults.rangeMax = 150;
  const big = ad.addGroup('Big', people);
  const everybody = ad.addGroup('Domain Users', [], 513);
  const empty = ad.addGroup('Empty');
  const seen = await scan();
  const ids = people.map((dn) => ad.idOf(dn)).sort();
  expect(memberIds(seen, ad.idOf(big))).toEqual(ids);
  expect(memberIds(seen, ad.idOf(everybody))).toEqual(ids);
  expect(seen.members.get(ad.idOf(empty))).toEqual([]);
  expect(seen.groups.get(ad.idOf(big))).toMatchObject({ name: 'Big', type: 'security' });
});

it('shows groups in groups, and counts members from elsewhere', async () => {
  const ada = ad.addPerson('Ada');
  const inner = ad.addGroup('Inner', [ada]);
  const outer = ad.addGroup('Outer', [inner, `CN=S-1-5-21,CN=ForeignSecurityPrincipals,${AD_SUFFIX}`]);
  ad.change(inner, { member: [ada, outer] });
  const seen = await scan();
  expect(seen.members.get(ad.idOf(outer))).toEqual([{ kind: 'group', id: ad.idOf(inner) }]);
  expect(seen.skipped).toEqual([expect.objectContaining({ what: 'member', count: 1 })]);
});

it('looks into groups that were not chosen where a chosen one contains them', async () => {
  const [ada, bob] = [ad.addPerson('Ada'), ad.addPerson('Bob')];
  const deep = ad.addGroup('Deep', [bob]);
  const inner = ad.addGroup('Inner', [ada, deep]);
  const outer = ad.addGroup('Outer', [inner]);
  ad.change(deep, { member: [bob, outer] });
  const groups = { mode: 'Selected', ids: [ad.idOf(outer), 'no id', ad.idOf(ada)] } as const;
  const seen = await collect(source().scan({ groups, position: null }, CONTEXT));
  expect([...seen.groups.values()].map(({ name }) => name)).toEqual(['Outer']);
  // Itself too, by way of the hidden one: who compares the scan says that it is a circle.
  expect(memberIds(seen, ad.idOf(outer))).toEqual([outer, ada, bob].map((dn) => ad.idOf(dn)).sort());
});

it('takes no group for empty that cannot be so by the schema', async () => {
  const schema = `CN=Aggregate,CN=Schema,CN=Configuration,${AD_SUFFIX}`;
  const group = ad.addGroup('Odd');
  ad.change(group, { objectClass: ['top', 'group', 'groupOfNames'] });
  const unread = async () => (await scan()).unread.map(({ id }) => id);
  expect(await unread()).toEqual([ad.idOf(group)]);
  ad.root = { ...ad.root, subschemaSubentry: schema };
  const classIs = (rest: string) =>
    ad.put(schema, { objectClasses: [`( 2.5.6.9 NAME 'groupOfNames' DESC 'MUST member' SUP top ${rest} )`] });
  classIs('MUST ( member $ cn )');
  expect(await unread()).toEqual([ad.idOf(group)]);
  classIs('MUST cn MAY ( member $ ou )');
  expect(await unread()).toEqual([]);
});

it('says of one person by their own entry whether a group has them', async () => {
  const [ada, bob] = [ad.addPerson('Ada'), ad.addPerson('Bob')];
  const inner = ad.addGroup('Inner', [ada]);
  const outer = ad.addGroup('Outer', [inner]);
  ad.change(inner, { member: [ada, outer] });
  ad.faults.hiddenAttributes = new Set(['member']);
  const { isMember } = source();
  const isIn = (group: string, person: string) => isMember?.(ad.idOf(group), ad.idOf(person), CONTEXT);
  expect([await isIn(inner, ada), await isIn(outer, ada), await isIn(outer, bob)]).toEqual([
    true,
    true,
    false,
  ]);
  // What it is in may be in the one that is meant.
  ad.faults.hides = (dn) => dn === inner;
  expect([await isIn(outer, ada), await isIn(outer, bob)]).toEqual([null, false]);
  ad.faults.hides = () => false;
  ad.faults.hiddenAttributes = new Set(['memberof']);
  expect(await isIn(inner, ada)).toBe(true);
  ad.faults.hiddenAttributes = new Set(['memberof', 'member']);
  expect(await isIn(inner, ada)).toBe(false);
  ad.faults.hides = (dn) => dn === inner;
  expect(await isIn(inner, ada)).toBeNull();
});

it('does not take for deleted a group that is hidden, and of which somebody or a group is a member', async () => {
  const team = ad.addGroup('Team', [ad.addPerson('Ada')]);
  const outer = ad.addGroup('Outer', [ad.addGroup('Inner')]);
  for (const dn of [team, outer]) {
    const lookUp = async (id: string) => source().lookup('group', id, CONTEXT, { place: dn });
    const id = ad.idOf(dn);
    ad.faults.hides = (one) => one === dn;
    expect(await lookUp(id)).toMatchObject({ is: 'unknown' });
    ad.remove(dn);
    expect(await lookUp(id)).toEqual({ is: 'gone' });
  }
});

it('says no more of one person than what it was shown of their groups', async () => {
  const ada = ad.addPerson('Ada');
  const groups = ['A', 'B', 'C'].map((name) => ad.addGroup(name, [ada]));
  const other = ad.addGroup('Other');
  const isIn = (group: string) => source().isMember?.(ad.idOf(group), ad.idOf(ada), CONTEXT);
  expect(await isIn(other)).toBe(false);
  ad.faults.rangeMax = 2;
  expect([await isIn(groups[0] as string), await isIn(other)]).toEqual([true, null]);
});

it('finds a member who was moved while the people were read', async () => {
  const ada = ad.addPerson('Ada');
  const team = ad.addGroup('Team', [ada]);
  const pages = source().scan(ALL, CONTEXT)[Symbol.asyncIterator]();
  await pages.next();
  ad.move(ada, `CN=Ada,OU=Sales,${AD_PEOPLE}`);
  const seen = await collect({ [Symbol.asyncIterator]: () => pages });
  expect(memberIds(seen, ad.idOf(team))).toEqual([ad.idOf(`CN=Ada,OU=Sales,${AD_PEOPLE}`)]);
});

it('ends no scan whose account lost its sight, or whose base is gone', async () => {
  ad.addPerson('Ada');
  ad.faults.hides = (dn) => dn === AD_PEOPLE;
  await expect(scan()).rejects.toThrow(/USER_BASE .* is gone, or the account of BIND_DN cannot see it/);
  ad.faults.hides = () => false;
  const pages = source().scan(ALL, CONTEXT)[Symbol.asyncIterator]();
  await pages.next();
  ad.faults.hides = (dn) => dn === AD_READER.dn;
  await expect(collect({ [Symbol.asyncIterator]: () => pages })).rejects.toThrow(/lost its rights/);
});

it('reads nothing as somebody who has not signed in', async () => {
  ad.addPerson('Ada');
  ad.faults.anonymous = 'nothing';
  await expect(scan({ BIND_PASSWORD: 'wrong' })).rejects.toMatchObject({ disposition: 'unauthorized' });
  expect(ad.log.filter((line) => line.startsWith('search'))).toEqual([]);
});

it('says what answers where that is no LDAP server', async () => {
  ad.faults.speaksHttp = true;
  await expect(scan()).rejects.toMatchObject({ disposition: 'transient', unrecognised: true });
});

it('counts the parts of the tree that are elsewhere, and not the three of every forest', async () => {
  ad.addPerson('Ada');
  expect((await scan()).skipped).toEqual([]);
  ad.faults.references = [`ldap://other.example/OU=Far,${AD_SUFFIX}`];
  expect((await scan()).skipped[0]).toMatchObject({
    what: 'user',
    reason: expect.stringContaining('other servers'),
  });
});

describe('a delta', () => {
  it('shows who changed since the counter, and all members of groups that did', async () => {
    const [ada, bob] = [ad.addPerson('Ada'), ad.addPerson('Bob')];
    const team = ad.addGroup('Team', [ada]);
    ad.addGroup('Still', [ada]);
    const first = await scan();
    ad.change(bob, { title: 'Engineer' });
    ad.change(team, { member: [ada, bob] });
    const changes = await changesSince(source(), first.position);
    expect([...changes.users.keys()]).toEqual([ad.idOf(bob)]);
    expect([...changes.groups.values()].map(({ name }) => name)).toEqual(['Team']);
    expect(memberIds(changes, ad.idOf(team))).toEqual([ada, bob].map((dn) => ad.idOf(dn)).sort());
    const next = await changesSince(source(), changes.position);
    expect([next.users.size, next.groups.size]).toEqual([0, 0]);
  });

  it('shows the groups that contain one that changed, chosen or not in between', async () => {
    const [ada, bob] = [ad.addPerson('Ada'), ad.addPerson('Bob')];
    const inner = ad.addGroup('Inner', [ada, bob]);
    const between = ad.addGroup('Between', [inner]);
    const outer = ad.addGroup('Outer', [between]);
    ad.change(inner, { member: [ada, bob, outer] });
    const { position } = await scan();
    ad.change(inner, { member: [ada, outer] });
    const all = await changesSince(source(), position);
    expect([...all.groups.values()].map(({ name }) => name).sort()).toEqual(['Between', 'Inner', 'Outer']);
    const groups = { mode: 'Selected', ids: [ad.idOf(outer)] } as const;
    const { delta } = source();
    if (!delta || !position) throw new Error('there is no delta');
    const chosen = await collect(delta(position, { groups, position: null }, CONTEXT));
    expect([...chosen.groups.keys()]).toEqual([ad.idOf(outer)]);
    expect(memberIds(chosen, ad.idOf(outer))).toEqual([outer, ada].map((dn) => ad.idOf(dn)).sort());
  });

  it('shows again what changed while the reading before it was under way', async () => {
    const ada = ad.addPerson('Ada');
    const pages = source().scan(ALL, CONTEXT)[Symbol.asyncIterator]();
    await pages.next();
    ad.change(ada, { userAccountControl: '514' });
    const first = await collect({ [Symbol.asyncIterator]: () => pages });
    expect((await changesSince(source(), first.position)).users.get(ad.idOf(ada))?.state).toBe('inactive');
  });

  it('does not go on at another controller, or at one that was restored', async () => {
    ad.addPerson('Ada');
    const { position } = await scan();
    ad.setInvocation(randomBytes(16));
    await expect(changesSince(source(), position)).rejects.toThrow(PositionLost);
    const again = (await scan()).position;
    const before = ad.root;
    ad.root = { ...before, highestCommittedUSN: '7' };
    await expect(changesSince(source(), again)).rejects.toThrow(PositionLost);
    ad.root = { ...before, dnsHostName: 'dc2.corp.example' };
    await expect(changesSince(source(), again)).rejects.toThrow(PositionLost);
  });
});

it('signs in once where several searches find the connection broken', async () => {
  const ada = ad.addPerson('Ada');
  const teams = Array.from({ length: 12 }, (_, n) => ad.addGroup(`Team ${n}`, [ada]));
  const pages = source().scan(ALL, CONTEXT)[Symbol.asyncIterator]();
  for (let page = await pages.next(); page.value?.kind !== 'groups'; ) page = await pages.next();
  ad.faults.dropNext = 1;
  const seen = await collect({ [Symbol.asyncIterator]: () => pages });
  expect(seen.members.size).toBe(teams.length);
  expect(ad.log.filter((line) => line.startsWith('bind'))).toHaveLength(2);
});

describe('whoever is missing', () => {
  it('is found, out of scope, gone or unknown', async () => {
    const ada = ad.addPerson('Ada');
    const id = ad.idOf(ada);
    const lookup = (wanted = id, more: Record<string, string> = {}) =>
      source(more).lookup('user', wanted, CONTEXT);
    expect(await lookup()).toMatchObject({ is: 'found', inScope: true, user: { id } });
    expect(await lookup(id, { USER_FILTER: '(title=Boss)' })).toMatchObject({ is: 'found', inScope: false });
    ad.move(ada, `CN=Ada,OU=Service,${AD_SUFFIX}`);
    expect(await lookup()).toMatchObject({ is: 'found', inScope: false, user: { id } });
    ad.remove(`CN=Ada,OU=Service,${AD_SUFFIX}`);
    expect(await lookup()).toEqual({ is: 'gone' });
    expect(await lookup('no id')).toMatchObject({ is: 'unknown' });
    ad.faults.references = [`ldap://other.example/OU=Far,${AD_SUFFIX}`];
    expect(await lookup()).toMatchObject({ is: 'unknown' });
    ad.faults.hides = (dn) => dn === AD_PEOPLE;
    expect(await lookup()).toMatchObject({ is: 'unknown' });
    expect(await source().lookup('group', id, CONTEXT)).toMatchObject({ is: 'unknown' });
  });
});
