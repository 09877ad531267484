/** When the bridge doubts what Okta's lists leave out: a role that was narrowed, and a group that has lost members. */

import { oktaApiSource } from '../../../../src/sources/okta/index.ts';
import { type OktaEmulator, startOktaEmulator } from '../../../emulator/okta.ts';
import { ALL, CONTEXT, changesSince, collect, openReader } from '../reading.ts';

let okta: OktaEmulator;
beforeEach(async () => {
  okta = await startOktaEmulator();
});
afterEach(() => okta.close());

const open = () =>
  openReader(oktaApiSource, {
    ...{ ORG_URL: okta.url, CLIENT_ID: okta.app.clientId, KEY_ID: okta.app.keyId },
    PRIVATE_KEY: okta.privateKey,
  }).source;

it.each(['All', 'Off'] as const)(
  'reads nothing any more where the role was narrowed to some groups (groups: %s)',
  async (mode) => {
    const ada = okta.state.addUser({ login: 'ada@acme.example' });
    const bob = okta.state.addUser({ login: 'bob@acme.example' });
    const group = okta.state.addGroup('Some', [ada.id]);
    const source = open();
    const { position } = await collect(source.scan({ ...ALL, groups: { mode } }, CONTEXT));
    okta.app.role = new Set([group.id]);
    const again = { groups: { mode }, position: position ?? null };
    await expect(collect(source.scan(again, CONTEXT))).rejects.toMatchObject({ code: 'everyone_not_shown' });
    await expect(changesSince(source, position)).rejects.toMatchObject({ code: 'everyone_not_shown' });
    okta.app.role = 'readOnly';
    expect([...(await collect(source.scan(again, CONTEXT))).users.keys()]).toEqual([ada.id, bob.id]);
  },
);

it('reads what a role of some groups shows where it was so from the beginning', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  okta.app.role = new Set([okta.state.addGroup('Some', [ada.id]).id]);
  const source = open();
  const { position } = await collect(source.scan(ALL, CONTEXT));
  expect((await collect(source.scan({ ...ALL, position: position ?? null }, CONTEXT))).users.size).toBe(1);
});

it('calls nobody gone, and no group, while it is not shown the group of everybody', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  const group = okta.state.addGroup('Some', [ada.id]);
  okta.app.role = new Set([group.id]);
  const source = open();
  for (const kind of ['user', 'group'] as const)
    expect(await source.lookup(kind, `00${kind[0]}nobody`, CONTEXT)).toMatchObject({ is: 'unknown' });
  expect(await source.isMember?.(group.id, '00unobody', CONTEXT)).toBeNull();
  okta.app.role = 'readOnly';
  okta.faults.inject({
    fault: {
      kind: 'answer',
      answer: { status: 403, body: { errorCode: 'E0000006', errorSummary: 'no permission' } },
    },
    matches: ({ path }) => path === '/api/v1/groups',
  });
  expect(await open().lookup('user', '00unobody', CONTEXT)).toMatchObject({ is: 'unknown' });
  expect(await open().lookup('user', '00unobody', CONTEXT)).toEqual({ is: 'gone' });
});

it('asks for the group of everybody once for many who are missing at once', async () => {
  const source = open();
  for (let n = 0; n < 20; n++) await source.lookup('user', `00unobody${n}`, CONTEXT);
  expect(okta.requests.filter(({ path }) => path === '/api/v1/groups')).toHaveLength(1);
});

it('believes no list of the groups of one person that is without that of everybody', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  const [some, other] = [okta.state.addGroup('Some', [ada.id]), okta.state.addGroup('Other')];
  const { isMember } = open();
  expect(await isMember?.(other.id, ada.id, CONTEXT)).toBe(false);
  okta.faults.inject({
    fault: { kind: 'answer', answer: { status: 200, body: [] } },
    matches: ({ path }) => path.endsWith('/groups'),
  });
  expect(await isMember?.(some.id, ada.id, CONTEXT)).toBeNull();
});

it('believes no 404 about the groups of one person that is not of Okta', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  const group = okta.state.addGroup('Some', [ada.id]);
  okta.faults.inject({
    fault: { kind: 'answer', answer: { status: 404, body: '<html>Not found</html>' } },
    matches: ({ path }) => path.endsWith('/groups'),
    times: Number.POSITIVE_INFINITY,
  });
  expect(await open().isMember?.(group.id, ada.id, CONTEXT)).toBeNull();
});

it('says of one person whether a group has them, or that Okta does not say', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  const bob = okta.state.addUser({ login: 'bob@acme.example' });
  const group = okta.state.addGroup('Some', [ada.id]);
  const { isMember } = open();
  expect(await isMember?.(group.id, ada.id, CONTEXT)).toBe(true);
  expect(await isMember?.(group.id, bob.id, CONTEXT)).toBe(false);
  expect(await isMember?.(group.id, '00uneverwas', CONTEXT)).toBe(false);
  okta.faults.inject({ fault: { kind: 'answer', answer: { status: 502 } }, times: Number.POSITIVE_INFINITY });
  expect(await isMember?.(group.id, ada.id, CONTEXT)).toBeNull();
});
