/** What the check, the scans and the look-ups of a Google Workspace show, over HTTP, and what Google's bad days make of them. */

import { googleSource } from '../../../../src/sources/google/index.ts';
import {
  type GoogleEmulator,
  type GoogleMember,
  googleError,
  startGoogleEmulator,
} from '../../../emulator/google.ts';
import type { EmulatedRequest } from '../../../emulator/server.ts';
import { ALL, CONTEXT, collect, memberIds, openReader } from '../reading.ts';

let google: GoogleEmulator;
const SCOPE = 'https://www.googleapis.com/auth/admin.directory.';

beforeEach(async () => {
  google = await startGoogleEmulator();
});
afterEach(() => google.close());

const settings = () => ({
  ...{ SERVICE_ACCOUNT_KEY: google.serviceAccountKey, SUBJECT: 'reader@acme.example' },
  ...{ API_BASE_URL: google.url, TOKEN_URL: google.tokenUrl },
});
const open = (more: Record<string, string> = {}, deps: object = {}) =>
  openReader(googleSource, { ...settings(), ...more }, deps);
const scan = (request: Parameters<ReturnType<typeof open>['source']['scan']>[0] = ALL) =>
  collect(open().source.scan(request, CONTEXT));
const user = ({ id }: { id: string }): GoogleMember => ({ id, type: 'USER', status: 'ACTIVE' });
const isUsers = ({ path }: EmulatedRequest) => path.endsWith('/users');

describe('a scan', () => {
  it('shows everybody on every page, with what Google says of them', async () => {
    for (let n = 0; n < 1100; n++) google.addUser(`p${n}@acme.example`);
    const ada = google.addUser('ada@acme.example', {
      aliases: ['countess@acme.example'],
      orgUnitPath: '/Research',
      organizations: [
        { title: 'Old' },
        { title: 'Engineer', department: 'R&D', primary: true, type: 'work' },
      ],
      relations: [
        { type: 'manager', value: 'boss@acme.example' },
        { type: 'custom', customType: 'buddy', value: 'bob@acme.example' },
      ],
      externalIds: [{ type: 'organization', value: 'E7' }],
      customSchemas: { Access: { badge: 'red', keys: [{ value: 'a' }, { value: 'b' }] } },
      recoveryEmail: 'ada@home.example',
    });
    const seen = await scan();
    expect(seen.users.size).toBe(1102);
    // Google's search lags by hours.
    expect(google.requests.filter(({ query }) => query.has('query'))).toEqual([]);
    expect(seen.position).toBeNull();
    const shown = seen.users.get(ada.id);
    expect(shown).toMatchObject({ state: 'active', aliases: ['countess@acme.example'] });
    expect(shown?.attributes).toMatchObject({
      ...{ primaryEmail: 'ada@acme.example', orgUnitPath: '/Research', 'name.givenName': 'ada' },
      ...{ 'organizations.title': 'Engineer', 'organizations.department': 'R&D' },
      ...{ 'relations.manager': 'boss@acme.example', 'relations.buddy': 'bob@acme.example' },
      ...{
        'externalIds.organization': 'E7',
        'customSchemas.Access.badge': 'red',
        'customSchemas.Access.keys': ['a', 'b'],
      },
    });
    expect(
      Object.keys(shown?.attributes ?? {}).filter((name) => /recovery|etag|emails|Time/.test(name)),
    ).toEqual([]);
  });

  it('tells the suspended and the archived, and leaves guests out', async () => {
    const suspended = google.addUser('a@acme.example', { suspended: true, suspensionReason: 'ADMIN' });
    const archived = google.addUser('b@acme.example', { archived: true });
    google.addUser('guest@acme.example', { isGuestUser: true });
    const seen = await scan();
    expect(seen.users.get(suspended.id)).toMatchObject({
      state: 'inactive',
      because: expect.stringMatching(/ADMIN/),
    });
    expect(seen.users.get(archived.id)).toMatchObject({
      state: 'inactive',
      because: expect.stringMatching(/archived/),
    });
    expect(seen.users.size).toBe(3);
    expect(seen.skipped).toEqual([expect.objectContaining({ what: 'user', count: 1 })]);
  });

  it('shows members of every kind, and counts those from outside', async () => {
    const people = Array.from({ length: 450 }, (_, n) => google.addUser(`p${n}@acme.example`));
    const inner = google.addGroup('inner@acme.example', people.map(user));
    const outside: GoogleMember[] = [
      { id: '9', type: 'EXTERNAL', email: 'x@else.example' },
      { id: '8', type: 'USER', email: 'y@else.example' },
      { id: '7', type: 'GROUP', email: 'g@else.example' },
    ];
    const outer = google.addGroup('outer@acme.example', [{ id: inner.id, type: 'GROUP' }, ...outside]);
    const all = google.addGroup('all@acme.example', [{ id: google.customerId, type: 'CUSTOMER' }]);
    const empty = google.addGroup('empty@acme.example');
    const seen = await scan();
    expect(memberIds(seen, inner.id)).toEqual(people.map(({ id }) => id).sort());
    expect(seen.members.get(outer.id)).toEqual([{ kind: 'group', id: inner.id }]);
    expect(seen.members.get(all.id)).toEqual([{ kind: 'everyone' }]);
    expect(seen.members.get(empty.id)).toEqual([]);
    expect(seen.skipped).toEqual([expect.objectContaining({ what: 'member', count: 3 })]);
  });

  it('looks into groups that were not chosen where a chosen one contains them, and shows a circle', async () => {
    const [ada, bob] = [google.addUser('ada@acme.example'), google.addUser('bob@acme.example')];
    const inner = google.addGroup('inner@acme.example', [user(ada)]);
    const outer = google.addGroup('outer@acme.example', [user(bob), { id: inner.id, type: 'GROUP' }]);
    google.members.set(inner.id, [user(ada), { id: outer.id, type: 'GROUP' }]);
    const seen = await scan({ groups: { mode: 'Selected', ids: [outer.id, 'none'] }, position: null });
    expect([...seen.groups.keys()]).toEqual([outer.id]);
    expect(memberIds(seen, outer.id)).toEqual([outer.id, ada.id, bob.id].sort());
  });

  it('takes no page of something else for an empty company', async () => {
    for (const body of ['<html>sign in</html>', {}, { kind: 'other' }, { users: [{ name: 'x' }] }, '']) {
      google.faults.inject({
        fault: { kind: 'answer', answer: { status: 200, body } },
        matches: isUsers,
        times: 9,
      });
      await expect(scan()).rejects.toMatchObject({ unrecognised: true });
      google.faults.clear();
    }
  });

  it('waits where Google limits the rate, whatever status it says it with, and goes on from the page', async () => {
    for (let n = 0; n < 700; n++) google.addUser(`p${n}@acme.example`);
    const second = (request: EmulatedRequest) => isUsers(request) && request.query.has('pageToken');
    for (const [status, reason] of [
      [403, 'userRateLimitExceeded'],
      [403, 'quotaExceeded'],
      [429, 'rateLimitExceeded'],
      [503, 'backendError'],
    ] as const) {
      const answer = { status, body: googleError(status, reason) };
      google.faults.inject({ fault: { kind: 'answer', answer }, matches: second, times: 2 });
    }
    expect((await scan()).users.size).toBe(701);
    expect(google.requests.filter((request) => isUsers(request) && !second(request))).toHaveLength(1);
  });

  it('stops where the credential or the right is gone, and reads nothing into it', async () => {
    google.addUser('ada@acme.example');
    google.privileges.clear();
    await expect(scan()).rejects.toMatchObject({ disposition: 'unauthorized', status: 403 });
    google.privileges.add('users').add('groups');
    google.account.keyIsKnown = false;
    await expect(scan()).rejects.toMatchObject({ disposition: 'unauthorized' });
  });

  it('fails where SUBJECT is not shown its own account any more', async () => {
    google.addUser('ada@acme.example');
    const matches = ({ path }: EmulatedRequest) => path.endsWith('/users/reader%40acme.example');
    const fault = { kind: 'answer', answer: { status: 404, body: googleError(404, 'notFound') } } as const;
    google.faults.inject({ fault, matches, times: 9 });
    await expect(scan()).rejects.toThrow(/its rights were narrowed/);
  });

  it('keeps what one group had where its members cannot be read', async () => {
    const ada = google.addUser('ada@acme.example');
    const bad = google.addGroup('bad@acme.example', [user(ada)]);
    const good = google.addGroup('good@acme.example', [user(ada)]);
    const answer = {
      status: 403,
      body: googleError(403, 'forbidden', 'Not Authorized to access this resource/api'),
    };
    const matches = ({ path }: EmulatedRequest) => path.includes(`/groups/${bad.id}/`);
    google.faults.inject({ fault: { kind: 'answer', answer }, matches, times: 9 });
    const seen = await scan();
    expect(seen.unread).toEqual([expect.objectContaining({ what: 'members', id: bad.id })]);
    expect(memberIds(seen, good.id)).toEqual([ada.id]);
  });

  it('takes the wider scope for members where that alone is delegated, and a new token where one ends', async () => {
    google.delegated.delete(`${SCOPE}group.member.readonly`);
    google.delegated.add(`${SCOPE}group.member`);
    const ada = google.addUser('ada@acme.example');
    const team = google.addGroup('team@acme.example', [user(ada)]);
    const { source } = open();
    await collect(source.scan(ALL, CONTEXT));
    google.revokeAll();
    expect(memberIds(await collect(source.scan(ALL, CONTEXT)), team.id)).toEqual([ada.id]);
  });
});

it('finds whoever is missing, or says that they are gone or unknown', async () => {
  const ada = google.addUser('ada@acme.example');
  const team = google.addGroup('team@acme.example');
  const { source } = open();
  const lookup = (id: string) => source.lookup('user', id, CONTEXT);
  expect(await lookup(ada.id)).toMatchObject({ is: 'found', inScope: true, user: { id: ada.id } });
  expect(await source.lookup('group', team.id, CONTEXT)).toEqual({ is: 'found', inScope: true });
  expect(await lookup('109')).toEqual({ is: 'gone' });
  expect(await lookup('ada@acme.example')).toMatchObject({ is: 'unknown' });
  expect(await lookup(team.id)).toMatchObject({ is: 'unknown' });
  for (const answer of [
    { status: 404, body: '<html>' },
    { status: 404, body: { error: { code: 404, message: 'no such route' } } },
    { status: 403, body: googleError(403, 'forbidden') },
    { status: 502, body: 'bad gateway' },
  ]) {
    google.faults.inject({ fault: { kind: 'answer', answer } });
    expect(await lookup(ada.id)).toMatchObject({ is: 'unknown' });
  }
});

describe('the check', () => {
  const check = (more: Record<string, string> = {}, deps: object = {}) =>
    open(more, deps).source.check(CONTEXT);
  const refused = async (more: Record<string, string> = {}, deps: object = {}) => {
    const status = await check(more, deps);
    expect(status.status).toBe('FAILED');
    expect(JSON.stringify(status)).not.toMatch(/PRIVATE KEY|eyJ|ya29/);
    return status.details
      .filter(({ granted }) => !granted)
      .map(({ right, message }) => `${right}: ${message}`);
  };

  it('names every scope and right, and the customer', async () => {
    google.addGroup('team@acme.example');
    const status = await check();
    expect(status).toMatchObject({ status: 'OK', tenant: { id: 'C01emulated', name: 'acme.example' } });
    expect(status.details.map(({ right, granted }) => [right, granted])).toEqual([
      [`${SCOPE}user.readonly`, true],
      [`${SCOPE}group.readonly`, true],
      [`${SCOPE}group.member.readonly`, true],
      ['read SUBJECT reader@acme.example', true],
      ['read people', true],
      ['read groups', true],
      ['read members of groups', true],
    ]);
  });

  it('names each scope that is missing, and the number to enter it for', async () => {
    google.delegated.delete(`${SCOPE}group.readonly`);
    expect(await refused()).toEqual([
      expect.stringMatching(/group\.readonly: The client id 104711081510471108151 lacks/),
    ]);
    google.delegated.clear();
    expect(await refused()).toHaveLength(3);
    google.delegated.add(`${SCOPE}user.readonly`).add(`${SCOPE}group.readonly`).add(`${SCOPE}group.member`);
    expect((await check()).status).toBe('OK');
  });

  it('says what is wrong with the key, the clock, SUBJECT, the project or the role', async () => {
    expect(await refused({ SUBJECT: 'nobody@acme.example' })).toEqual([
      expect.stringMatching(/SUBJECT nobody@acme.example is nobody/),
    ]);
    expect(await refused({}, { wallClock: () => Date.now() + 7_200_000 })).toEqual([
      expect.stringMatching(/set the clock/),
    ]);
    google.privileges.delete('groups');
    expect(await refused()).toEqual([
      expect.stringMatching(/read groups: .*privileges Users › Read and Groups › Read/),
    ]);
    google.account.isEnabled = false;
    expect((await refused())[0]).toMatch(/Admin SDK API is not enabled/);
    google.account.keyIsKnown = false;
    expect(await refused()).toEqual([expect.stringMatching(/credential: .*make a new one/)]);
  });

  it('refuses settings that cannot be right, in words, and repeats no key', () => {
    const mistakes = (more: Record<string, string>) =>
      googleSource.refuse?.({ ...settings(), ...more }) ?? [];
    const path = { API_BASE_URL: 'https://admin.googleapis.com/admin/directory/v1' };
    expect(mistakes(path).map(({ detail }) => detail)).toEqual([
      'API_BASE_URL must end after host and port: enter https://admin.googleapis.com',
    ]);
    const keysOf = (more: Record<string, string>) => mistakes(more).map(({ key }) => key);
    expect(keysOf({})).toEqual([]);
    for (const SERVICE_ACCOUNT_KEY of ['', 'x', 'null', '{}', '{"type":"authorized_user"}', '[]']) {
      expect(keysOf({ SERVICE_ACCOUNT_KEY })).toEqual(['SERVICE_ACCOUNT_KEY']);
    }
    expect(keysOf({ SUBJECT: 'reader' })).toEqual(['SUBJECT']);
    expect(keysOf({ SUBJECT: 'bridge@project.iam.gserviceaccount.com' })).toEqual(['SUBJECT']);
  });
});
