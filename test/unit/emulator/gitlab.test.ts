/** The emulated GitLab, where its manners matter to the tests that stand on it. */

import { type GitLabEmulator, type GitLabOptions, startGitLabEmulator } from '../../emulator/gitlab.ts';

let gitlab: GitLabEmulator;

afterEach(() => gitlab.close());

async function start(options: GitLabOptions = {}) {
  gitlab = await startGitLabEmulator(options);
}

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(`${gitlab.url}/api/v4/${path}`, {
    method,
    headers: { 'private-token': gitlab.adminToken, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

const NEW = { username: 'jane', name: 'Jane', email: 'jane@x.io', reset_password: true };

it('lets a new account wait for an approval, which unblocking gives and blocking does not take', async () => {
  await start();
  gitlab.state.manners.newUsersPending = true;
  const made = await ask('POST', 'users', NEW);
  expect(made).toMatchObject({ status: 201, body: { state: 'blocked_pending_approval' } });
  const at = `users/${made.body.id}`;
  expect(await ask('POST', `${at}/block`)).toEqual({ status: 201, body: null });
  expect((await ask('GET', at)).body.state).toBe('blocked_pending_approval');
  expect(await ask('POST', `${at}/unblock`)).toEqual({ status: 201, body: true });
  expect((await ask('GET', at)).body.state).toBe('active');
});

it('hides a group behind 404, its members too, and leaves it out of lists', async () => {
  await start();
  const group = gitlab.state.addGroup({ path: 'crew' });
  const jane = gitlab.state.addUser({ username: 'jane' });
  gitlab.state.setMember(group.id, jane.id, 30);
  group.isHidden = true;
  const hidden = { status: 404, body: { message: '404 Group Not Found' } };
  expect(await ask('GET', `groups/${group.id}`)).toEqual(hidden);
  expect(await ask('GET', 'groups/crew')).toEqual(hidden);
  expect(await ask('GET', `groups/${group.id}/members`)).toEqual(hidden);
  expect(await ask('DELETE', `groups/${group.id}/members/${jane.id}`)).toEqual(hidden);
  expect(await ask('GET', 'groups')).toEqual({ status: 200, body: [] });
  expect(gitlab.state.members.get(group.id)?.has(jane.id)).toBe(true);
});

it.each([
  ['listGroups', 'GET', 'groups', 'groups/1'],
  ['readGroup', 'GET', 'groups/crew', 'groups'],
  ['listMembers', 'GET', 'groups/crew/members', 'groups/other/members'],
  ['removeMember', 'DELETE', 'groups/crew/members/404', 'groups/other/members/404'],
] as const)('limits %s alone, for a group where it is about one', async (call, method, path, elsewhere) => {
  await start({ groupLimits: { [call]: 2 }, now: () => 0 });
  for (const name of ['crew', 'other']) gitlab.state.addGroup({ path: name });
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await ask(method, path)).status);
  expect(statuses.map((status) => status === 429)).toEqual([false, false, true]);
  expect((await ask(method, path)).body).toEqual({
    message: { error: 'This endpoint has been requested too many times. Try again later.' },
  });
  expect((await ask(method, elsewhere)).status).not.toBe(429);
});
