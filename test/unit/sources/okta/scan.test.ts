/** What a scan and a delta of an Okta organisation show, over HTTP, and what they make of Okta's bad days. */

import { oktaApiSource } from '../../../../src/sources/okta/index.ts';
import { PositionLost } from '../../../../src/sources/source.ts';
import { type OktaEmulator, startOktaEmulator } from '../../../emulator/okta.ts';
import type { EmulatedRequest } from '../../../emulator/server.ts';
import { ALL, CONTEXT, changesSince, collect, memberIds, openReader } from '../reading.ts';

let okta: OktaEmulator;
let nowMs: number;
const MINUTE_MS = 60_000;

beforeEach(async () => {
  nowMs = Date.parse('2026-01-05T09:00:00.000Z');
  okta = await startOktaEmulator({ now: () => nowMs });
});
afterEach(() => okta.close());

const open = (more: object = {}) =>
  openReader(
    oktaApiSource,
    {
      ...{ ORG_URL: okta.url, CLIENT_ID: okta.app.clientId, KEY_ID: okta.app.keyId },
      PRIVATE_KEY: okta.privateKey,
    },
    { wallClock: () => nowMs, ...more },
  );
const scan = (request: Parameters<ReturnType<typeof open>['source']['scan']>[0] = ALL) =>
  collect(open().source.scan(request, CONTEXT));
const isList = ({ path }: EmulatedRequest) => path === '/api/v1/users';

it('shows everybody on every page, the deactivated too, with what Okta says of them', async () => {
  for (let n = 0; n < 450; n++) okta.state.addUser({ login: `p${n}@acme.example` });
  const leaver = okta.state.addUser({ login: 'leaver@acme.example', status: 'DEPROVISIONED' });
  const ada = okta.state.addUser({
    login: 'ada@acme.example',
    profile: { managerId: 'E1', secondEmail: 'ada@home.example', skills: ['maths', 'engines'], level: 7 },
  });
  const seen = await scan();
  expect(seen.users.size).toBe(452);
  expect(seen.users.get(leaver.id)).toMatchObject({ state: 'inactive', because: 'deactivated in Okta' });
  expect(seen.users.get(ada.id)).toEqual({
    id: ada.id,
    state: 'active',
    attributes: {
      ...{ id: ada.id, status: 'ACTIVE', login: 'ada@acme.example', email: 'ada@acme.example' },
      ...{ firstName: 'ada', lastName: 'Doe', managerId: 'E1', skills: ['maths', 'engines'], level: '7' },
    },
    createdAt: '2026-01-05T09:00:00.000Z',
    changedAt: '2026-01-05T09:00:00.000Z',
  });
  expect(seen.position).toEqual(expect.any(String));
});

it.each([
  ['STAGED', 'inactive'],
  ['PROVISIONED', 'active'],
  ['RECOVERY', 'active'],
  ['PASSWORD_EXPIRED', 'active'],
  ['LOCKED_OUT', 'active'],
  ['SUSPENDED', 'inactive'],
  ['DEPROVISIONED', 'inactive'],
] as const)('takes whoever is %s for %s', async (status, state) => {
  const { id } = okta.state.addUser({ login: 'ada@acme.example', status });
  expect((await scan()).users.get(id)?.state).toBe(state);
});

it('leaves somebody as they are whose status says nothing', async () => {
  const { id } = okta.state.addUser({ login: 'ada@acme.example' });
  okta.state.setStatus(id, 'ACTIVATING');
  const seen = await scan();
  expect(seen.users.has(id)).toBe(false);
  expect(seen.unread).toEqual([
    expect.objectContaining({ what: 'user', id, reason: expect.stringContaining('ACTIVATING') }),
  ]);
});

it('shows groups with all their members, and not that of everybody', async () => {
  const people = Array.from(
    { length: 430 },
    (_, n) => okta.state.addUser({ login: `p${n}@acme.example` }).id,
  );
  const team = okta.state.addGroup('Team', people);
  const empty = okta.state.addGroup('Empty');
  const seen = await scan();
  expect([...seen.groups.values()].map(({ name }) => name)).toEqual(['Team', 'Empty']);
  expect(memberIds(seen, team.id)).toEqual([...people].sort());
  expect(seen.members.get(empty.id)).toEqual([]);
});

it('reads the groups that were chosen, or none', async () => {
  const a = okta.state.addGroup('A');
  okta.state.addGroup('B');
  const chosen = await scan({ groups: { mode: 'Selected', ids: [a.id, '00gneverwas'] }, position: null });
  expect([...chosen.groups.keys()]).toEqual([a.id]);
  expect(chosen.unread).toEqual([]);
  okta.forgetRequests();
  await scan({ groups: { mode: 'Off' }, position: null });
  const asked = okta.requests.filter(({ path }) => path.includes('/groups'));
  expect(asked.map(({ query }) => query.get('filter'))).toEqual(['type eq "BUILT_IN"']);
});

it('does not end where a page stays away', async () => {
  for (let n = 0; n < 250; n++) okta.state.addUser({ login: `p${n}@acme.example` });
  const matches = (request: EmulatedRequest) => isList(request) && request.query.has('after');
  okta.faults.inject({
    fault: { kind: 'answer', answer: { status: 502 } },
    matches,
    times: Number.POSITIVE_INFINITY,
  });
  await expect(scan()).rejects.toMatchObject({ disposition: 'transient', status: 502 });
});

it('tries a page again, and goes on from it', async () => {
  for (let n = 0; n < 250; n++) okta.state.addUser({ login: `p${n}@acme.example` });
  const matches = (request: EmulatedRequest) => isList(request) && request.query.has('after');
  okta.faults.inject({ fault: { kind: 'drop' }, matches, times: 2 });
  expect((await scan()).users.size).toBe(250);
  expect(
    okta.requests.filter((r) => isList(r) && !r.query.has('after') && !r.query.has('filter')),
  ).toHaveLength(1);
});

it('takes no list of something else for an empty organisation', async () => {
  for (const body of ['<html>sign in</html>', '[{"name": "somebody else"}]', '{}', '']) {
    okta.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body } },
      matches: isList,
      times: 9,
    });
    await expect(scan()).rejects.toMatchObject({ unrecognised: true });
    okta.faults.clear();
  }
});

it('follows no link to another host', async () => {
  const headers = { link: '<https://evil.example/api/v1/users?after=1>; rel="next"' };
  okta.faults.inject({
    fault: { kind: 'answer', answer: { status: 200, headers, body: [] } },
    matches: isList,
  });
  await expect(scan()).rejects.toThrow(/leads to another host/);
});

it('keeps what one group had where its members cannot be read, and reads the others', async () => {
  const ada = okta.state.addUser({ login: 'ada@acme.example' });
  const bad = okta.state.addGroup('Bad', [ada.id]);
  const good = okta.state.addGroup('Good', [ada.id]);
  okta.faults.inject({
    fault: { kind: 'answer', answer: { status: 500, body: { errorCode: 'E0000009', errorSummary: 'slow' } } },
    matches: ({ path }) => path === `/api/v1/groups/${bad.id}/users`,
    times: Number.POSITIVE_INFINITY,
  });
  const seen = await scan();
  expect(seen.unread).toEqual([expect.objectContaining({ what: 'members', id: bad.id })]);
  expect(seen.members.has(bad.id)).toBe(false);
  expect(memberIds(seen, good.id)).toEqual([ada.id]);
});

it('stops where no group can be read any more', async () => {
  for (let n = 0; n < 9; n++) okta.state.addGroup(`G${n}`);
  const matches = ({ path }: EmulatedRequest) => /groups\/.*\/users/.test(path);
  const fault = { kind: 'answer', answer: { status: 503, body: 'down' } } as const;
  okta.faults.inject({ fault, matches, times: Number.POSITIVE_INFINITY });
  await expect(scan()).rejects.toMatchObject({ disposition: 'transient' });
});

it('waits until Okta counts anew, and leaves a tenth of the minute to others', async () => {
  await okta.close();
  okta = await startOktaEmulator({ now: () => nowMs, limits: { other: 20 } });
  for (let n = 0; n < 40; n++) okta.state.addGroup(`G${n}`);
  const waits: number[] = [];
  const base = performance.now();
  let ahead = 0;
  const { source } = open({
    now: () => base + ahead,
    async sleep(ms: number) {
      waits.push(ms);
      ahead += ms;
      nowMs += ms;
    },
  });
  const seen = await collect(source.scan(ALL, CONTEXT));
  expect(seen.members.size).toBe(40);
  expect(okta.requests.filter(({ status }) => status === 429)).toEqual([]);
  expect(Math.max(...waits)).toBeGreaterThan(30_000);
});

it('waits out a 429 as long as Okta says', async () => {
  okta.state.addUser({ login: 'ada@acme.example' });
  const headers = {
    date: new Date(nowMs).toUTCString(),
    'x-rate-limit-reset': String(nowMs / 1000 + 42),
  };
  const body = { errorCode: 'E0000047', errorSummary: 'API call exceeded rate limit' };
  okta.faults.inject({ fault: { kind: 'answer', answer: { status: 429, headers, body } }, matches: isList });
  const { source, waits } = open();
  expect((await collect(source.scan(ALL, CONTEXT))).users.size).toBe(1);
  expect(Math.max(...waits)).toBe(42_000);
});

it('proves possession where the app demands it, with the nonce', async () => {
  okta.app.demandsDpop = true;
  okta.state.addUser({ login: 'ada@acme.example' });
  expect((await scan()).users.size).toBe(1);
  expect(okta.requests.filter(({ path }) => path.endsWith('/token')).map(({ status }) => status)).toEqual([
    400, 400, 200,
  ]);
});

it('gets a new token where the old one ends early', async () => {
  okta.state.addUser({ login: 'ada@acme.example' });
  const { source } = open();
  await collect(source.scan(ALL, CONTEXT));
  okta.tokens.revokeAll();
  expect((await collect(source.scan(ALL, CONTEXT))).users.size).toBe(1);
});

describe('a delta', () => {
  it('shows who changed and which groups did, and goes on from there', async () => {
    const ada = okta.state.addUser({ login: 'ada@acme.example' });
    const bob = okta.state.addUser({ login: 'bob@acme.example' });
    const team = okta.state.addGroup('Team', [ada.id]);
    okta.state.addGroup('Still');
    nowMs += 60 * MINUTE_MS;
    const first = await scan();
    nowMs += 60 * MINUTE_MS;
    okta.state.setStatus(bob.id, 'DEPROVISIONED');
    okta.state.setMembers(team.id, [ada.id, bob.id]);
    const { source } = open();
    const changes = await changesSince(source, first.position);
    expect([...changes.users.keys()]).toEqual([ada.id, bob.id]);
    expect(changes.users.get(bob.id)?.state).toBe('inactive');
    expect(memberIds(changes, team.id)).toEqual([ada.id, bob.id].sort());
    nowMs += 60 * MINUTE_MS;
    const next = await changesSince(source, changes.position);
    expect([...next.users.keys()]).toEqual([bob.id]);
    expect([...next.groups.values()].map(({ name }) => name)).toEqual(['Team']);
    expect(next.position).toBe(changes.position);
  });

  it('sees again whoever changed while the scan that came before was under way', async () => {
    const early = okta.state.addUser({ login: 'early@acme.example' });
    for (let n = 0; n < 250; n++) okta.state.addUser({ login: `p${n}@acme.example` });
    const { source } = open();
    const pages = source.scan(ALL, CONTEXT);
    const iterator = pages[Symbol.asyncIterator]();
    await iterator.next();
    nowMs += 20 * MINUTE_MS;
    okta.state.setStatus(early.id, 'SUSPENDED');
    nowMs += 20 * MINUTE_MS;
    okta.state.addUser({ login: 'late@acme.example' });
    let position: string | null = null;
    for (let one = await iterator.next(); !one.done; one = await iterator.next()) {
      if (one.value.kind === 'end') position = one.value.position;
    }
    const changes = await changesSince(source, position);
    expect(changes.users.get(early.id)?.state).toBe('inactive');
  });

  it('does not go on from another organisation', async () => {
    const position = JSON.stringify({
      org: 'https://other.okta.com',
      users: '2026-01-01',
      groups: '2026-01-01',
    });
    const { source } = open();
    await expect(changesSince(source, position)).rejects.toThrow(PositionLost);
  });
});

describe('whoever is missing', () => {
  it('is found, gone or unknown', async () => {
    const ada = okta.state.addUser({ login: 'ada@acme.example' });
    const { source } = open();
    const lookup = (id: string) => source.lookup('user', id, CONTEXT);
    expect(await lookup(ada.id)).toMatchObject({ is: 'found', inScope: true, user: { id: ada.id } });
    expect(await lookup('00unobody')).toEqual({ is: 'gone' });
    expect(await lookup('ada@acme.example')).toMatchObject({ is: 'unknown' });
    for (const answer of [
      { status: 404, body: '<html>not here</html>' },
      { status: 404, body: { error: 'not found' } },
      { status: 403, body: { errorCode: 'E0000006', errorSummary: 'You do not have permission' } },
      { status: 500, body: 'down' },
    ]) {
      okta.faults.inject({ fault: { kind: 'answer', answer } });
      expect(await lookup(ada.id)).toMatchObject({ is: 'unknown' });
    }
    okta.app.role = 'none';
    expect(await lookup(ada.id)).toMatchObject({ is: 'unknown' });
    okta.tokens.revokeAll();
    okta.tokens.apps.clear();
    await expect(lookup(ada.id)).rejects.toMatchObject({ disposition: 'unauthorized' });
  });
});
