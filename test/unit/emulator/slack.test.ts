/** The emulated Slack, where its manners matter to the tests that stand on it. */

import {
  SLACK_TOKEN,
  type SlackEmulator,
  type SlackEmulatorOptions,
  startSlackEmulator,
} from '../../emulator/slack.ts';

let slack: SlackEmulator;

afterEach(() => slack.close());

async function scim(method: string, path: string, body?: unknown, token = SLACK_TOKEN) {
  const response = await fetch(`${slack.scimUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

async function start(options: SlackEmulatorOptions = {}) {
  slack = await startSlackEmulator(options);
}

const patch = (...Operations: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations,
});

const newUser = (userName: string, email: string) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName,
  emails: [{ value: email, primary: true }],
});

it('empties a group on a remove of members without a value, and removes one where it is named', async () => {
  await start();
  const ids = ['a', 'b', 'c'].map((name) => slack.addUser({ userName: name, email: `${name}@x.io` }).id);
  const group = slack.addGroup('pilots', ids);
  const path = `Groups/${group.id}`;
  await scim('PATCH', path, patch({ op: 'remove', path: 'members', value: [{ value: ids[0] }] }));
  expect(slack.groups.get(group.id)?.members.size).toBe(2);
  await scim('PATCH', path, patch({ op: 'remove', path: 'members' }));
  expect(slack.groups.get(group.id)?.members.size).toBe(0);
});

it('keeps the address of a deactivated person taken, and shows the deactivation late', async () => {
  let nowMs = 1_000_000;
  await start({ eventualReadMs: 5_000, now: () => nowMs });
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  expect((await scim('DELETE', `Users/${jane.id}`)).status).toBe(204);
  expect((await scim('GET', `Users/${jane.id}`)).body.active).toBe(true);
  nowMs += 5_001;
  expect((await scim('GET', `Users/${jane.id}`)).body.active).toBe(false);
  expect(await scim('POST', 'Users', newUser('jane2', 'JANE@x.io'))).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(new RegExp(`^email_taken .*existing_user=${jane.id}$`)) },
  });
});

it('applies all operations of a PATCH or none', async () => {
  await start();
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io', title: 'Old' });
  const operations = [
    { op: 'replace', path: 'title', value: 'New' },
    { op: 'replace', path: 'userName', value: 'owner' },
  ];
  expect((await scim('PATCH', `Users/${jane.id}`, patch(...operations))).status).toBe(409);
  expect(slack.users.get(jane.id)?.profile.title).toBe('Old');
  const emails = { op: 'replace', path: 'emails', value: [{ value: 'new@x.io', primary: true }] };
  expect((await scim('PATCH', `Users/${jane.id}`, patch(emails))).status).toBe(400);
});

it('refuses illegal names and unknown tokens as Slack words it', async () => {
  await start();
  const long = await scim('POST', 'Users', newUser('a-name-of-twenty-two-ch', 'a@x.io'));
  expect(long).toMatchObject({ status: 400, body: { status: 400 } });
  expect(long.body.detail).toMatch(/^username_too_long /);
  expect((await scim('POST', 'Users', newUser('general', 'a@x.io'))).body.detail).toMatch(/^username_taken /);
  expect(await scim('GET', 'Users', undefined, 'nonsense')).toMatchObject({
    status: 401,
    body: { Errors: { description: 'invalid_authentication', code: 401 } },
  });
});

it('limits the rate by the published buckets, and one write at a time on a resource', async () => {
  const nowMs = 1_000_000;
  await start({ limits: true, writeMs: 50, now: () => nowMs });
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  expect((await scim('DELETE', `Users/${jane.id}`)).status).toBe(204);
  const overlapping = await scim(
    'PATCH',
    `Users/${jane.id}`,
    patch({ op: 'replace', path: 'active', value: true }),
  );
  expect(overlapping.status).toBe(429);
  expect(overlapping.headers.get('retry-after')).toBe('1');
  const statuses: number[] = [];
  for (let n = 0; n < 21; n++) {
    statuses.push((await scim('POST', 'Users', newUser(`u${n}`, `u${n}@x.io`))).status);
  }
  expect(statuses).toEqual([...Array(20).fill(201), 429]);
});

it('goes down and comes back on the same port with what it knew', async () => {
  await start();
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  await slack.goDown();
  await expect(scim('GET', `Users/${jane.id}`)).rejects.toThrow('fetch failed');
  await slack.comeBack();
  expect((await scim('GET', `Users/${jane.id}`)).body.userName).toBe('jane');
});

it('answers Web API methods with status 200, whatever it has to say', async () => {
  await start();
  const ask = async (
    method: string,
    args: Record<string, string>,
    token = SLACK_TOKEN,
  ): Promise<Record<string, unknown>> => {
    const response = await fetch(`${slack.apiUrl}${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams(args),
    });
    return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
  };
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  expect(await ask('auth.test', {}, 'nonsense')).toEqual({ status: 200, ok: false, error: 'invalid_auth' });
  expect(await ask('users.lookupByEmail', { email: 'jane@x.io' })).toMatchObject({ user: { id: jane.id } });
  jane.active = false;
  expect(await ask('users.lookupByEmail', { email: 'jane@x.io' })).toMatchObject({
    error: 'users_not_found',
  });
  const first = await ask('users.list', { limit: '1' });
  const { next_cursor: cursor } = first.response_metadata as { next_cursor: string };
  expect(await ask('users.list', { limit: '1', cursor })).toMatchObject({
    members: [{ id: jane.id, deleted: true }],
    response_metadata: { next_cursor: '' },
  });
});

it('drops the whole custom profile of a new account, where it is told so, and answers 201 all the same', async () => {
  await start();
  slack.workspace.manners.dropsProfileOnCreate = true;
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
  const body = { ...newUser('jane', 'jane@x.io'), title: 'Pilot', [enterprise]: { department: 'Air' } };
  const made = await scim('POST', 'Users', body);
  expect(made).toMatchObject({ status: 201, body: { title: 'Pilot' } });
  expect(slack.users.get(made.body.id)?.enterprise).toEqual({});
});

it('says that a creation failed, and not what is taken, where it is told so', async () => {
  await start();
  slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  slack.workspace.manners.vagueConflicts = true;
  for (const taken of [newUser('jane', 'other@x.io'), newUser('other', 'jane@x.io')])
    expect(await scim('POST', 'Users', taken)).toMatchObject({
      status: 409,
      body: { detail: 'user_creation_failed' },
    });
});

it.each([
  [true, 400, 'unknown_user'],
  [false, 404, 'no_such_user'],
])('words a stranger as Slack does in one of two ways (%s)', async (unknownIs400, status, detail) => {
  await start();
  slack.workspace.manners.unknownIs400 = unknownIs400;
  for (const method of ['GET', 'DELETE'])
    expect(await scim(method, 'Users/U404')).toMatchObject({ status, body: { detail } });
});

it('takes a new primary address as it is documented, and a member in quotes or without', async () => {
  await start();
  const jane = slack.addUser({ userName: 'jane', email: 'jane@x.io' });
  const value = [{ value: 'new@x.io', primary: true }];
  expect((await scim('PATCH', `Users/${jane.id}`, patch({ op: 'add', path: 'emails', value }))).status).toBe(
    200,
  );
  expect(slack.users.get(jane.id)?.emails.find(({ primary }) => primary)?.value).toBe('new@x.io');
  for (const id of [jane.id, `"${jane.id}"`]) {
    const group = slack.addGroup(`pilots ${id}`, [jane.id]);
    await scim('PATCH', `Groups/${group.id}`, patch({ op: 'remove', path: `members[value eq ${id}]` }));
    expect(slack.groups.get(group.id)?.members.size).toBe(0);
  }
});
