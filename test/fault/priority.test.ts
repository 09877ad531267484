/** One person's trouble is theirs alone, and nobody who must lose access waits behind those who join. */

import { eventually } from '../bridge.ts';
import { startWorld, type World, wordsOf } from './world.ts';

let world: World;
afterEach(() => world.close());

const mentions = (address: string) => (request: { body: unknown }) =>
  JSON.stringify(request.body ?? '').includes(address);

it('parks the one person that the vendors fail on, in their words, and holds up nobody', async () => {
  world = await startWorld('sqlite', { MAX_ATTEMPTS: 2 });
  const { bridge, company, slack, gitlab } = world;
  const fault = {
    kind: 'answer',
    answer: { status: 500, body: { message: '500 Internal Server Error' } },
  } as const;
  for (const emulator of [slack, gitlab])
    emulator.faults.inject({ fault, matches: mentions('poison@'), times: Number.POSITIVE_INFINITY });
  await company.hire('poison');
  const parked = async () => {
    const { body } = await bridge.admin('GET', '/propagation/tasks?state=parked');
    return body.count === 2 ? body._embedded.tasks : undefined;
  };
  let hired = 0;
  const tasks = await eventually(async () => {
    hired += 1;
    await company.hire(`joiner${hired}`);
    const joined = async () =>
      [...slack.users.values()].length > hired && [...gitlab.state.users.values()].length > hired + 2
        ? true
        : undefined;
    await eventually(joined, 4_000);
    return parked();
  }, 25_000);
  for (const task of tasks) expect(task.error).toMatchObject({ status: 500 });
  const { body } = await bridge.admin('GET', `/users/${company.idOf('poison')}/syncStatus`);
  for (const store of body._embedded.stores) {
    expect(store).toMatchObject({ status: 'failed', vendor: { status: 500 } });
  }
  expect(body._embedded.stores[1].vendor.message).toContain('500 Internal Server Error');

  slack.faults.clear();
  gitlab.faults.clear();
  await company.retitle('poison', 'Healed');
  await bridge.settled();
  await world.expectConverged();
});

it('lets a leaver go before two hundred who join', async () => {
  world = await startWorld('sqlite');
  const { bridge, company, slack, gitlab } = world;
  await company.hire('leaver');
  await bridge.settled();
  for (const id of Object.values(world.stores)) await bridge.admin('POST', `/propagation/stores/${id}/pause`);
  world.forgetRequests();
  for (let n = 0; n < 200; n++) await company.hire(`joiner${n}`);
  await company.setActive('leaver', false);
  for (const id of Object.values(world.stores)) {
    expect(await bridge.admin('POST', `/propagation/stores/${id}/resume`)).toMatchObject({ status: 200 });
  }
  const writes = (requests: typeof slack.requests) =>
    requests.filter(({ method }) => method !== 'GET').map(wordsOf);
  await eventually(
    async () => (writes(slack.requests).length > 2 && writes(gitlab.requests).length > 2 ? true : undefined),
    10_000,
  );
  expect(writes(slack.requests).find((words) => words.includes('/scim/'))).toBe('DELETE /scim/v2/Users/*');
  expect(writes(gitlab.requests)[0]).toBe('POST /api/v4/users/*/block');
});

it('lets a leaver go before the rest of a large group, and asks again for nobody who was refused', async () => {
  world = await startWorld('sqlite');
  const { bridge, company, gitlab } = world;
  const names = Array.from({ length: 40 }, (_, n) => `member${n}`);
  for (const name of ['leaver', ...names]) await company.hire(name);
  await bridge.settled();
  world.forgetRequests();
  const isGrant = ({ method, path }: { method: string; path: string }) =>
    method === 'POST' && path.endsWith('/members');
  const answer = { status: 403, body: { message: '403 Forbidden' } };
  gitlab.faults.inject({ fault: { kind: 'answer', answer }, matches: isGrant });
  gitlab.faults.inject({ fault: { kind: 'delay', delayMs: 1_000 }, matches: isGrant });
  await company.addGroup('large', names);
  await eventually(async () => (gitlab.requests.filter(isGrant).length > 1 ? true : undefined), 10_000);
  await company.setActive('leaver', false);
  await bridge.settled();
  const words = gitlab.requests.filter(({ method }) => method !== 'GET').map(wordsOf);
  expect(words.indexOf('POST /api/v4/users/*/block')).toBeLessThan(words.length - 1);
  expect(gitlab.requests.filter(isGrant)).toHaveLength(names.length);
  const { body } = await bridge.admin('GET', `/propagation/stores/${world.stores.gitlab}/syncStatus`);
  // The person, and the group.
  const refused = {
    code: 'partiallySynced',
    message: expect.stringMatching(/could not be added.*: 403 Forbidden/),
  };
  expect(body.details).toEqual([refused, refused]);
});
