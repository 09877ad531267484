/** A vendor that takes a write and never answers: the call is given up after its time, and looked up. */

import { CALL_TIMEOUT_MS } from '../../src/connectors/http.ts';
import { eventually } from '../bridge.ts';
import type { Company } from './company.ts';
import { isWrite, startWorld, type World, writesOf } from './world.ts';

interface Hang {
  readonly what: string;
  readonly applied: boolean;
  readonly write: (company: Company) => Promise<void>;
  readonly slack: readonly string[];
  readonly gitlab: readonly string[];
}

const CREATE = { slack: ['POST /scim/v2/Users'], gitlab: ['POST /api/v4/users'] };
const twice = (words: readonly string[]) => [...words, ...words];

const HANGS: readonly Hang[] = [
  { what: 'create, done', applied: true, write: (c) => c.hire('joe'), ...CREATE },
  {
    what: 'create, not done',
    applied: false,
    write: (c) => c.hire('joe'),
    slack: twice(CREATE.slack),
    gitlab: twice(CREATE.gitlab),
  },
  {
    what: 'update, done',
    applied: true,
    write: (c) => c.retitle('ann', 'Boss'),
    slack: ['PATCH /scim/v2/Users/*'],
    gitlab: ['PUT /api/v4/users/*'],
  },
  {
    what: 'disable, not done',
    applied: false,
    write: (c) => c.setActive('ann', false),
    slack: twice(['DELETE /scim/v2/Users/*']),
    gitlab: twice(['POST /api/v4/users/*/block']),
  },
  {
    what: 'grant, done',
    applied: true,
    write: (c) => c.join('bob', 'cooks'),
    slack: ['PATCH /scim/v2/Groups/*'],
    gitlab: ['POST /api/v4/groups/*/members'],
  },
];

const worlds: World[] = [];
afterAll(() => Promise.all(worlds.map((world) => world.close())));

async function play({ applied, write }: Hang): Promise<World> {
  const world = await startWorld('sqlite');
  worlds.push(world);
  for (const name of ['ann', 'bob']) await world.company.hire(name);
  await world.company.addGroup('cooks', ['ann']);
  await world.bridge.settled();
  world.forgetRequests();
  for (const emulator of [world.slack, world.gitlab])
    emulator.faults.inject({ fault: { kind: 'hang', applied }, matches: isWrite });
  await write(world.company);
  const idle = async () =>
    (await world.bridge.admin('GET', '/propagation/tasks')).body.count === 0 ? true : undefined;
  await eventually(idle, CALL_TIMEOUT_MS + 20_000);
  return world;
}

it(
  'never does twice what hung',
  async () => {
    const played = await Promise.all(HANGS.map(play));
    for (const [index, world] of played.entries()) {
      const { what, slack, gitlab } = HANGS[index] as Hang;
      expect([what, writesOf(world.slack)]).toEqual([what, slack]);
      expect([what, writesOf(world.gitlab)]).toEqual([what, gitlab]);
      await world.expectConverged();
    }
  },
  CALL_TIMEOUT_MS + 60_000,
);
