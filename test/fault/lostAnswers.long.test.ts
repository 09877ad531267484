/**
 * A write whose answer gets lost: the vendor may have acted or not, and the bridge cannot know. It looks
 * before it writes again, so that nothing is done twice, and ends where the directory stands.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../bridge.ts';
import type { Fault } from '../emulator/faults.ts';
import type { Company } from './company.ts';
import { isWrite, startWorld, type World, writesOf } from './world.ts';

const LOST: Readonly<Record<string, Fault>> = {
  'the connection drops after the vendor acted': { kind: 'drop', applied: true },
  'the connection drops before the vendor acted': { kind: 'drop', applied: false },
};

const BAD_GATEWAY: Fault = {
  kind: 'answer',
  applied: true,
  answer: { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>Bad Gateway</html>' },
};

interface Case {
  readonly what: string;
  readonly before?: (company: Company) => Promise<void>;
  readonly write: (company: Company) => Promise<void>;
  /** What happens after the loss is settled, to show what the bridge believes. */
  readonly after?: (company: Company) => Promise<void>;
}

const CASES: readonly Case[] = [
  { what: 'create', write: (c) => c.hire('joe', 'Cook') },
  { what: 'update', write: (c) => c.retitle('ann', 'Boss') },
  {
    what: 'disable',
    write: (c) => c.setActive('ann', false),
    after: (c) => c.setActive('ann', true),
  },
  {
    what: 'enable',
    before: (c) => c.setActive('ann', false),
    write: (c) => c.setActive('ann', true),
    after: (c) => c.retitle('ann', 'Back'),
  },
  { what: 'deprovision', write: (c) => c.dismiss('ann') },
  { what: 'grant', write: (c) => c.join('bob', 'cooks'), after: (c) => c.part('bob', 'cooks') },
  { what: 'revoke', write: (c) => c.part('ann', 'cooks'), after: (c) => c.join('ann', 'cooks') },
  { what: 'create a group', write: (c) => c.addGroup('waiters', ['ann', 'bob']) },
];

function some(...names: string[]): readonly Case[] {
  return CASES.filter(({ what }) => names.includes(what));
}

/** What may be written again after a lost answer, because the second time changes nothing. */
const REPEATABLE = /^DELETE |\/(un)?block$/;

function expectNoDoubles(world: World): void {
  for (const emulator of [world.slack, world.gitlab]) {
    const applied = emulator.requests.filter((request) => isWrite(request) && request.applied);
    const seen = applied
      .map((request) => `${request.method} ${request.path} ${JSON.stringify(request.body)}`)
      .filter((words) => !REPEATABLE.test(words.split(' {')[0] ?? ''));
    expect(seen).toEqual([...new Set(seen)]);
  }
}

async function openCompany(dialect: 'sqlite' | 'postgres'): Promise<World> {
  const world = await startWorld(dialect);
  await world.company.hire('ann', 'Cook');
  await world.company.hire('bob', 'Cook');
  await world.company.addGroup('cooks', ['ann']);
  await world.bridge.settled();
  return world;
}

async function play(world: World, fault: Fault, { before, write, after }: Case): Promise<void> {
  await before?.(world.company);
  await world.bridge.settled();
  await world.expectConverged();
  world.forgetRequests();
  world.slack.faults.inject({ fault, matches: isWrite });
  world.gitlab.faults.inject({ fault, matches: isWrite });
  await write(world.company);
  await world.bridge.settled();
  expect(writesOf(world.slack).length).toBeGreaterThan(0);
  expect(writesOf(world.gitlab).length).toBeGreaterThan(0);
  await world.expectConverged();
  expectNoDoubles(world);
  world.forgetRequests();
  await after?.(world.company);
  await world.bridge.settled();
  await world.expectConverged();
  expectNoDoubles(world);
}

describe.each(Object.entries(LOST))('%s', (_, fault) => {
  let world: World;
  afterEach(() => world.close());

  it.each(CASES)('$what', async (tried) => {
    world = await openCompany('sqlite');
    await play(world, fault, tried);
  });
});

describe('a proxy answers 502 after the vendor acted', () => {
  let world: World;
  afterEach(() => world.close());

  it.each(some('create', 'disable'))('$what', async (tried) => {
    world = await openCompany('sqlite');
    await play(world, BAD_GATEWAY, tried);
  });
});

describe('on PostgreSQL, the connection drops after the vendor acted', () => {
  let world: World;
  afterEach(() => world.close());

  it.each(some('create', 'enable', 'grant'))('$what', async (tried) => {
    world = await openCompany('postgres');
    await play(world, { kind: 'drop', applied: true }, tried);
  });
});

it('looks first also where it had given up with an unknown outcome', async () => {
  const world = await startWorld('sqlite', { MAX_ATTEMPTS: 2 });
  try {
    const { company, bridge, slack, gitlab } = world;
    for (const emulator of [slack, gitlab]) {
      emulator.faults.inject({ fault: BAD_GATEWAY, matches: isWrite });
      const reads = { fault: BAD_GATEWAY, times: Number.POSITIVE_INFINITY } as const;
      emulator.faults.inject({ ...reads, matches: ({ query }) => /joe/.test(query.toString()) });
    }
    await company.hire('joe');
    const parked = async () => {
      const { body } = await bridge.admin('GET', '/propagation/tasks?state=parked');
      return body.count === 2 ? body._embedded.tasks : undefined;
    };
    let others = 0;
    const tasks = await eventually(async () => {
      others += 1;
      await company.hire(`other${others}`);
      await pause(300);
      return parked();
    }, 20_000);
    slack.faults.clear();
    gitlab.faults.clear();
    await bridge.settled();
    world.forgetRequests();
    for (const { id } of tasks) await bridge.admin('POST', `/propagation/tasks/${id}/retry`);
    await bridge.settled();
    expect([...writesOf(slack), ...writesOf(gitlab)]).toEqual([]);
    await world.expectConverged();
    const status = await bridge.admin('GET', `/users/${company.idOf('joe')}/syncStatus`);
    for (const store of status.body._embedded.stores) expect(store.origin).toBe('created');
  } finally {
    await world.close();
  }
});

it('renames and deletes a group at Slack once', async () => {
  const world = await startWorld('sqlite');
  try {
    const { company, bridge, slack } = world;
    const store = await bridge.admin('GET', `/propagation/stores/${world.stores.slack}`);
    const { configuration } = store.body;
    const put = await bridge.admin('PUT', `/propagation/stores/${world.stores.slack}`, {
      ...store.body,
      configuration: { ...configuration, DELETE_GROUPS: true },
    });
    expect(put.status).toBe(200);
    await company.hire('ann');
    await company.addGroup('cooks', ['ann']);
    await bridge.settled();
    slack.faults.inject({ fault: { kind: 'drop', applied: true }, matches: isWrite });
    await company.renameGroup('cooks', 'chefs');
    await bridge.settled();
    expect([...slack.groups.values()].map((group) => group.displayName)).toEqual(['chefs']);
    world.forgetRequests();
    slack.faults.inject({
      fault: { kind: 'drop', applied: true },
      matches: ({ method }) => method === 'DELETE',
    });
    await company.deleteGroup('cooks');
    await bridge.settled();
    expect(slack.groups.size).toBe(0);
    const tasks = await bridge.admin('GET', '/propagation/tasks');
    expect(tasks.body.count).toBe(0);
  } finally {
    await world.close();
  }
});
