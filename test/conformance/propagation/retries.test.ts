/** What a store's trouble costs: no attempt of a task that is not to blame, and no call for each that waits. */

import { eventually, type MovableClock, movableClock } from '../../bridge.ts';
import { startWorld, type World } from './world.ts';

const HOUR_MS = 60 * 60_000;

let world: World;
let clock: MovableClock;
beforeEach(async () => {
  clock = movableClock();
  world = await startWorld('sqlite', clock);
});
afterEach(() => world.stop());

const creations = () =>
  world.gitlab.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/users'));

const tasks = async () => {
  const { body } = await world.bridge.admin('GET', '/propagation/tasks');
  return body._embedded.tasks as { id: string; state: string; attempts: number; runAt: string }[];
};

/**
 * Until nothing is due, and no worker holds the store: to one that does, a leap of the clock is a standstill
 * in which it lost its lease, and its call is made again. What waits for a later time may stay.
 */
const idle = () =>
  eventually(async () => {
    const now = new Date(clock.now()).toISOString();
    if ((await tasks()).some((task) => task.runAt <= now)) return undefined;
    return (await world.bridge.db('leases').where('expires_at', '>', now)).length === 0 || undefined;
  }, 10_000);

describe('a vendor without seats', () => {
  const words = { message: { base: ['There are not enough available seats to add this user.'] } };
  beforeEach(async () => {
    await world.add('GitLabSelfManaged');
    await world.join('early');
    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 400, body: words } },
      matches: ({ method, path }) => method === 'POST' && path.endsWith('/users'),
      times: Number.POSITIVE_INFINITY,
    });
    await world.forget();
  });
  const hire = async (...names: readonly string[]) => {
    for (const name of names)
      await world.bridge.scim('POST', '/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: `${name}@acme.example`,
        emails: [{ value: `${name}@acme.example`, primary: true }],
      });
    await idle();
  };

  it('is asked again for one creation alone, with growing gaps, while everything else goes on', async () => {
    await hire('ann', 'bob', 'cyd');
    expect(creations()).toHaveLength(1);
    const first = (await world.syncStatus('GitLabSelfManaged')).details;
    expect(first).toContainEqual({ code: 'no_seats', message: expect.stringMatching(/tried again at/) });
    const [early] = (await world.bridge.admin('GET', '/users?filter=userName sw "early"')).body._embedded
      .users;
    await world.bridge.scim('DELETE', `/Users/${early.id}`);
    await idle();
    expect(await world.writes('GitLabSelfManaged')).toEqual(['create', 'disable']);

    const gaps: number[] = [];
    for (let tries = 1; tries <= 4; tries++) {
      expect(creations()).toHaveLength(tries);
      const [task] = await tasks();
      gaps.push(Date.parse(task?.runAt ?? '') - clock.now());
      clock.advance(gaps.at(-1) as number);
      await idle();
    }
    expect(gaps[3]).toBeGreaterThan((gaps[0] as number) * 2);
  });

  it('keeps no sync open, and with it the next periodic one away', async () => {
    await hire('ann', 'bob');
    const { id } = (await world.store('GitLabSelfManaged', 'POST', '/sync', {})).body;
    await eventually(async () => {
      const { state } = (await world.store('GitLabSelfManaged', 'GET', `/syncs/${id}`)).body;
      return state === 'DONE' || undefined;
    }, 10_000);
    expect(await tasks()).toHaveLength(2);
  });

  it('gets everyone who waited once it has some', async () => {
    await hire('ann', 'bob', 'cyd');
    world.gitlab.faults.clear();
    clock.advance(HOUR_MS);
    await world.settled();
    expect((await world.syncStatus('GitLabSelfManaged')).details).toEqual([]);
    expect(await world.account('GitLabSelfManaged', 'cyd')).toMatchObject({ enabled: true });
  });

  it('is asked at once where an operator says so', async () => {
    await hire('ann', 'bob');
    world.gitlab.faults.clear();
    const [task] = await tasks();
    await world.bridge.admin('POST', `/propagation/tasks/${task?.id}/retry`);
    await world.settled();
    expect(await world.account('GitLabSelfManaged', 'ann')).toMatchObject({ enabled: true });
    expect(await world.account('GitLabSelfManaged', 'bob')).toMatchObject({ enabled: true });
  });
});

it('counts no attempt because of a subject for which the store was not even asked', async () => {
  await world.add('GitLabSelfManaged', { MAX_ATTEMPTS: 2 });
  const idle = await world.join('idle');
  const ann = await world.join('ann');
  await world.forget();
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status: 502, body: 'bad gateway' } },
    times: Number.POSITIVE_INFINITY,
  });
  await world.bridge.scim('PATCH', `/Users/${ann}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'title', value: 'Boss' }],
  });
  for (let tries = 1; tries <= 4; tries++) {
    await eventually(async () => (world.gitlab.requests.length >= tries ? true : undefined), 10_000);
    await world.bridge.scim('PATCH', `/Users/${idle}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'nickName', value: `n${tries}` }],
    });
    await eventually(async () => ((await tasks()).length === 1 ? true : undefined), 10_000);
  }
  expect(await tasks()).toEqual([expect.objectContaining({ state: 'pending', attempts: 0 })]);
  world.gitlab.faults.clear();
  await world.settled();
  expect(await world.status('GitLabSelfManaged', ann)).toMatchObject({ status: 'synced' });
});
