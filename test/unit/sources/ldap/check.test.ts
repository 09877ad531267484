/** What the check of an LDAP connection says, over which ways, and which settings are refused before anything is asked. */

import { AddressRefused } from '../../../../src/connectors/connector.ts';
import { ldapSource } from '../../../../src/sources/ldap/index.ts';
import {
  type ActiveDirectory,
  AD_GROUPS,
  AD_PEOPLE,
  AD_READER,
  startActiveDirectory,
} from '../../../emulator/activeDirectory.ts';
import { CERTIFICATE, KEY } from '../../outbound/certificate.ts';
import { CONTEXT, openReader } from '../reading.ts';

let ad: ActiveDirectory;
const certificate = { cert: CERTIFICATE, key: KEY };

beforeEach(async () => {
  ad = await startActiveDirectory({ certificate });
  ad.addPerson('Ada');
});
afterEach(() => ad.close());

const settings = (more: Record<string, string> = {}) => ({
  ...{
    URL: `ldap://localhost:${ad.port}`,
    CA_PEM: CERTIFICATE,
    BIND_DN: AD_READER.dn,
    BIND_PASSWORD: AD_READER.password,
  },
  ...{ USER_BASE: AD_PEOPLE, GROUP_BASE: AD_GROUPS, ...more },
});
const loopback = async () => '127.0.0.1';
const check = (more: Record<string, string> = {}, addressOf: (host: string) => Promise<string> = loopback) =>
  openReader(ldapSource, settings(more), { addressOf }).source.check(CONTEXT);
const refused = async (more: Record<string, string> = {}) => {
  const status = await check(more);
  expect(status.status).toBe('FAILED');
  expect(JSON.stringify(status)).not.toContain(AD_READER.password);
  return status.details.filter(({ granted }) => !granted).map(({ right, message }) => `${right}: ${message}`);
};

it('names every base and attribute that can be read, and what the connection is pinned to', async () => {
  const status = await check();
  expect(status).toMatchObject({
    status: 'OK',
    tenant: { id: 'ActiveDirectory:dc=corp,dc=example', name: 'DC=corp,DC=example' },
    self: { identifiers: [AD_READER.dn] },
  });
  expect(status.details.map(({ right }) => right)).toEqual([
    ...['BIND_DN', 'USER_BASE', 'GROUP_BASE', 'people', 'objectGUID', 'userAccountControl', 'groups'],
  ]);
  expect(ad.log.slice(0, 2)).toEqual(['startTls', `bind ${AD_READER.dn}`]);
});

it('signs in over TLS from the first byte', async () => {
  const secure = await startActiveDirectory({ certificate, isSecure: true });
  secure.addPerson('Ada');
  expect((await check({ URL: `ldaps://localhost:${secure.port}` })).status).toBe('OK');
  await secure.close();
});

it('sends no password to a server that cannot prove its name', async () => {
  const { CA_PEM: _, ...untrusting } = settings();
  const { source } = openReader(ldapSource, untrusting, { addressOf: loopback });
  const status = await source.check(CONTEXT);
  expect(status.details[0]).toMatchObject({
    right: 'TLS',
    granted: false,
    message: expect.stringContaining('CA_PEM'),
  });
  expect(await refused({ URL: `ldap://vendor.test:${ad.port}` })).toEqual([
    expect.stringMatching(/^TLS: .*another name/),
  ]);
  expect(ad.log.filter((line) => line.startsWith('bind'))).toEqual([]);
});

it('sends no password where the server does not encrypt', async () => {
  const plain = await startActiveDirectory();
  expect(await refused({ URL: `ldap://localhost:${plain.port}` })).toEqual([
    expect.stringMatching(/^TLS: .*set TLS to ldaps/),
  ]);
  expect(plain.log).toEqual([]);
  await plain.close();
});

it('connects to the address that was judged, and to none that was refused', async () => {
  const message = 'ldap.example leads to a loopback address';
  const status = await check({}, () => Promise.reject(new AddressRefused(message)));
  expect(status).toMatchObject({
    status: 'FAILED',
    details: [{ code: 'address_refused', message: expect.stringContaining(message) }],
  });
});

it('says what is wrong with the account, as Active Directory knows it', async () => {
  expect(await refused({ BIND_PASSWORD: 'wrong' })).toEqual([
    expect.stringMatching(/^BIND_DN: .*the password is wrong/),
  ]);
});

it('names each base, attribute and person that is not shown', async () => {
  expect(await refused({ USER_BASE: 'OU=Nowhere,DC=corp,DC=example' })).toEqual([
    expect.stringMatching(/^USER_BASE: /),
  ]);
  expect(await refused({ GROUP_BASE: 'OU=Nowhere,DC=corp,DC=example' })).toEqual([
    expect.stringMatching(/^GROUP_BASE: /),
  ]);
  expect(await refused({ USER_FILTER: '(title=Nobody)' })).toEqual([expect.stringMatching(/^USER_FILTER: /)]);
  ad.faults.hiddenAttributes = new Set(['useraccountcontrol']);
  expect(await refused()).toEqual([expect.stringMatching(/^userAccountControl: /)]);
  ad.faults.hiddenAttributes = new Set(['objectguid']);
  expect(await refused()).toEqual([expect.stringMatching(/^objectGUID: /)]);
});

it('finds a limit that would cut people off, before the first scan does', async () => {
  for (let n = 0; n < 600; n++) ad.addPerson(`P${n}`);
  ad.faults.totalMax = 500;
  expect(await refused()).toEqual([expect.stringMatching(/^people: .*size\.prtotal=unlimited/)]);
});

it('is no verdict where nobody answers', async () => {
  await ad.close();
  await expect(check()).rejects.toMatchObject({ disposition: 'transient' });
  ad = await startActiveDirectory();
});

it('refuses settings that cannot be right, in words', () => {
  const mistakes = (more: Record<string, string>) =>
    ldapSource.refuse?.(settings(more)).map(({ key }) => key);
  expect(mistakes({})).toEqual([]);
  expect(mistakes({ URL: 'ldaps://[::1]:1636/' })).toEqual([]);
  for (const URL of ['dc1.corp.example', 'https://dc1', 'ldap://dc1/dc=corp', 'ldap://reader:secret@dc1']) {
    expect(mistakes({ URL })).toEqual(['URL']);
  }
  expect(mistakes({ TLS: 'ldaps' })).toEqual(['URL']);
  expect(mistakes({ BIND_PASSWORD: ' ' })).toEqual(['BIND_PASSWORD']);
  expect(mistakes({ USER_BASE: 'people' })).toEqual(['USER_BASE']);
  for (const USER_FILTER of [
    '(objectClass=person',
    '(&(objectClass=person)(department=Sales)',
    '(|(&(a=b)(c=d))(e=f)',
    'objectClass=person)',
    '(a=b)(c=d)',
    '(&)x',
    '()',
    'person',
  ]) {
    expect(mistakes({ USER_FILTER })).toEqual(['USER_FILTER']);
    expect(mistakes({ GROUP_FILTER: USER_FILTER })).toEqual(['GROUP_FILTER']);
  }
  expect(mistakes({ USER_FILTER: '(cn=a \\28b)' })).toEqual([]);
  expect(mistakes({ INACTIVE_WHEN: 'disabled' })).toEqual(['INACTIVE_WHEN']);
  expect(mistakes({ PROXY_URL: 'http://proxy:3128' })).toEqual(['PROXY_URL']);
});
