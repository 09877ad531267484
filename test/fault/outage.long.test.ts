/** A vendor that is down, failing or limiting for a while: nothing is lost, nothing is doubled, and it goes on soon after. */

import { eventually } from '../bridge.ts';
import type { Answer, EmulatorServer, LoggedRequest } from '../emulator/server.ts';
import { startWorld, type World, wordsOf, writesOf } from './world.ts';

const JOINERS = 20;
const LEAVERS = 5;
const OUTAGE_MS = 2_500;

/** Long before the growing gaps between tries would have let it, and no figure to be proud of. */
const RECOVERED_WITHIN_MS = 15_000;

const RETRY_AFTER_S = 3;
const TIMER_SLACK_MS = 20;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const joiners = Array.from({ length: JOINERS }, (_, n) => `joiner${n}`);
const leavers = Array.from({ length: LEAVERS }, (_, n) => `leaver${n}`);

let world: World;
afterEach(() => world.close());

async function openCompany(dialect: 'sqlite' | 'postgres'): Promise<void> {
  world = await startWorld(dialect);
  for (const name of leavers) await world.company.hire(name);
  await world.company.addGroup('cooks', leavers);
  await world.bridge.settled();
  await world.expectConverged();
  world.forgetRequests();
}

async function comeAndGo(): Promise<void> {
  for (const name of joiners) await world.company.hire(name);
  for (const name of joiners.slice(0, 3)) await world.company.join(name, 'cooks');
  for (const name of leavers) await world.company.setActive(name, false);
}

async function expectRecovery(): Promise<void> {
  const idle = async () =>
    (await world.bridge.admin('GET', '/propagation/tasks')).body.count === 0 ? true : undefined;
  await eventually(idle, RECOVERED_WITHIN_MS, async () =>
    JSON.stringify((await world.bridge.admin('GET', '/propagation/tasks')).body),
  );
  await world.expectConverged();
}

/** Each of the writes that the vendor saw, once. */
function expectOnce(emulator: EmulatorServer): void {
  const applied = emulator.requests.filter((request) => request.applied);
  const created = writesOf({ requests: applied }).filter((words) => /^POST .*\/users$/i.test(words));
  expect(created).toHaveLength(JOINERS);
}

const answers = (answer: Answer) => {
  for (const emulator of [world.slack, world.gitlab])
    emulator.faults.inject({ fault: { kind: 'answer', answer }, times: Number.POSITIVE_INFINITY });
};

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  it('outlasts a vendor that refuses connections', async () => {
    await openCompany(dialect);
    await Promise.all([world.slack.goDown(), world.gitlab.goDown()]);
    await comeAndGo();
    await pause(OUTAGE_MS);
    expect(world.slack.requests).toEqual([]);
    const waiting = await world.bridge.admin('GET', '/propagation/tasks?state=parked');
    expect(waiting.body.count).toBe(0);
    await Promise.all([world.slack.comeBack(), world.gitlab.comeBack()]);
    await expectRecovery();
    expectOnce(world.slack);
    expectOnce(world.gitlab);
  });
});

it.each([
  ['500', { status: 500, body: { message: '500 Internal Server Error' } }],
  ['503 without a word', { status: 503 }],
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '2' }, body: 'Retry later\n' }],
] as const)('outlasts a vendor that answers everything with %s', async (_, answer) => {
  await openCompany('sqlite');
  answers(answer);
  await comeAndGo();
  await pause(OUTAGE_MS);
  world.slack.faults.clear();
  world.gitlab.faults.clear();
  await expectRecovery();
  expectOnce(world.slack);
  expectOnce(world.gitlab);
});

it.each([429, 503])('asks for nothing of a kind for as long as its %s says', async (status) => {
  await openCompany('sqlite');
  const fault = {
    kind: 'answer',
    answer: { status, headers: { 'retry-after': String(RETRY_AFTER_S) } },
  } as const;
  world.slack.faults.inject({ fault });
  world.gitlab.faults.inject({ fault });
  await comeAndGo();
  await expectRecovery();
  for (const { requests } of [world.slack, world.gitlab]) {
    const refused = requests[0] as LoggedRequest;
    const next = requests.slice(1).find((other) => wordsOf(other) === wordsOf(refused));
    expect(refused.status).toBe(status);
    expect((next?.at ?? 0) - refused.at).toBeGreaterThanOrEqual(RETRY_AFTER_S * 1_000 - TIMER_SLACK_MS);
  }
});

it('tries a vendor in trouble with few calls', async () => {
  await openCompany('sqlite');
  answers({ status: 500 });
  await comeAndGo();
  world.forgetRequests();
  await pause(OUTAGE_MS);
  expect(world.slack.requests.length).toBeLessThan(JOINERS);
  expect(world.gitlab.requests.length).toBeLessThan(JOINERS);
});
