/** What the check of an Okta connection says, and which settings are refused before anything is asked. */

import { oktaApiSource } from '../../../../src/sources/okta/index.ts';
import { type OktaEmulator, startOktaEmulator } from '../../../emulator/okta.ts';
import { CONTEXT, openReader } from '../reading.ts';

let okta: OktaEmulator;

beforeEach(async () => {
  okta = await startOktaEmulator();
});
afterEach(() => okta.close());

const app = () => ({
  ...{ ORG_URL: okta.url, CLIENT_ID: okta.app.clientId, KEY_ID: okta.app.keyId },
  PRIVATE_KEY: okta.privateKey,
});
const check = (configuration: Record<string, string> = app(), more: object = {}) =>
  openReader(oktaApiSource, configuration, more).source.check(CONTEXT);
const granted = (status: Awaited<ReturnType<typeof check>>) =>
  status.details.map(({ right, granted }) => `${right}: ${granted}`);

it('names every scope and right that is there, and the organisation', async () => {
  const status = await check();
  expect(status).toMatchObject({
    status: 'OK',
    tenant: { id: '00o1emulated', name: new URL(okta.url).host },
  });
  expect(granted(status)).toEqual([
    'okta.users.read: true',
    'okta.groups.read: true',
    'read people: true',
    'read groups: true',
    'see everybody: true',
  ]);
});

it('says of a role for some groups that it does not show everybody', async () => {
  okta.app.role = new Set([okta.state.addGroup('Some').id]);
  const status = await check();
  expect(status.status).toBe('FAILED');
  expect(granted(status).slice(2)).toEqual([
    'read people: true',
    'read groups: true',
    'see everybody: false',
  ]);
  expect(status.details.at(-1)).toMatchObject({
    code: 'everyone_not_shown',
    message: expect.stringContaining('Read-only Administrator for the whole organisation'),
  });
});

it('names each scope that is missing', async () => {
  okta.app.scopes = ['okta.users.read'];
  const one = await check();
  expect(one.status).toBe('FAILED');
  expect(granted(one)).toEqual(['okta.users.read: true', 'okta.groups.read: false']);
  expect(one.details[1]).toMatchObject({
    code: 'missing_scope',
    message: expect.stringContaining('Okta API Scopes'),
  });
  okta.app.scopes = [];
  expect(granted(await check())).toEqual(['okta.users.read: false', 'okta.groups.read: false']);
});

it('names each right that no role gives', async () => {
  okta.app.role = 'none';
  const status = await check();
  expect(granted(status).slice(2)).toEqual(['read people: false', 'read groups: false']);
  expect(status.details[2]?.message).toContain('Read-only Administrator');
});

it('says what is wrong with the app, the key or the clock', async () => {
  for (const [configuration, more] of [
    [{ ...app(), CLIENT_ID: '0oaother' }, {}],
    [{ ...app(), KEY_ID: 'other' }, {}],
    [app(), { wallClock: () => Date.now() - 3_600_000 }],
    [app(), { wallClock: () => Date.now() + 7_200_000 }],
  ] as const) {
    const status = await check(configuration, more);
    expect(status.status).toBe('FAILED');
    expect(granted(status)).toEqual(['credential: false']);
    const clock = 'wallClock' in more;
    expect(status.details[0]?.message).toContain(clock ? 'set the clock' : 'do not belong together');
    expect(JSON.stringify(status)).not.toContain('eyJ');
  }
});

it('takes an API token, and says when it has ended', async () => {
  const configuration = { ORG_URL: okta.url, API_TOKEN: okta.apiToken };
  expect(granted(await check(configuration))).toEqual([
    'read people: true',
    'read groups: true',
    'see everybody: true',
  ]);
  okta.tokens.apiTokens.clear();
  const status = await check(configuration);
  expect(granted(status)).toEqual(['credential: false']);
  expect(JSON.stringify(status)).not.toContain(okta.apiToken);
});

it('is no verdict where nobody answers, or somebody else', async () => {
  okta.faults.inject({ fault: { kind: 'answer', answer: { status: 200, body: '<html>' } } });
  await expect(check()).rejects.toMatchObject({ disposition: 'transient' });
  await okta.goDown();
  await expect(check()).rejects.toMatchObject({ disposition: 'transient' });
  await okta.comeBack();
});

it('refuses settings that cannot be right, in words', () => {
  const refused = (configuration: Record<string, string>) =>
    oktaApiSource.refuse?.({ ORG_URL: 'https://acme.okta.com', ...configuration }).map(({ key }) => key);
  const { CLIENT_ID, KEY_ID, PRIVATE_KEY } = app();
  expect(refused({ CLIENT_ID, KEY_ID, PRIVATE_KEY })).toEqual([]);
  expect(refused({ CLIENT_ID, KEY_ID, PRIVATE_KEY: PRIVATE_KEY.replaceAll('\n', '\\n') })).toEqual([]);
  expect(refused({ API_TOKEN: 'x' })).toEqual([]);
  expect(refused({})).toEqual(['CLIENT_ID']);
  expect(refused({ CLIENT_ID })).toEqual(['PRIVATE_KEY']);
  expect(refused({ PRIVATE_KEY, KEY_ID })).toEqual(['CLIENT_ID']);
  expect(refused({ CLIENT_ID, PRIVATE_KEY })).toEqual(['KEY_ID']);
  expect(refused({ CLIENT_ID, KEY_ID, PRIVATE_KEY: 'no key' })).toEqual(['PRIVATE_KEY']);
  expect(refused({ CLIENT_ID, API_TOKEN: 'x' })).toEqual(['CLIENT_ID']);
  const withPath = { ORG_URL: 'https://acme.okta.com/api/v1', API_TOKEN: 'x' };
  expect(oktaApiSource.refuse?.(withPath)).toEqual([
    { key: 'ORG_URL', detail: 'ORG_URL must end after host and port: enter https://acme.okta.com' },
  ]);
  expect(refused({ ORG_URL: 'https://acme.okta.com/', API_TOKEN: 'x' })).toEqual([]);
  const console = { ORG_URL: 'https://acme-admin.okta.com', API_TOKEN: 'x' };
  expect(oktaApiSource.refuse?.(console)[0]?.detail).toContain('https://acme.okta.com');
});
