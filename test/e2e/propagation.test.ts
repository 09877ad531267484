/**
 * The main job by the real process: what reaches the vendors, though it is killed with -9 again and again,
 * or asked to stop while a vendor is slow.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, person, type Reply } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { createCompany, gitlabStanding, type Standing, slackStanding } from '../fault/company.ts';
import { persistent, randomFrom, startUndying, work } from '../fault/crashes.ts';
import { addStores, isWrite, writesOf } from '../fault/world.ts';
import { freePort } from '../postgres.ts';
import { bridgeDirectory, forgetBridges, readFirstStart, startBridge } from './process.ts';

/** `CRASHES=200 CRASH_SEED=7 jest test/e2e/propagation` for a long run. */
const CRASHES = Number(process.env.CRASHES ?? 12);
const SEED = Number(process.env.CRASH_SEED ?? 20_261_123);
/** Everyone who is away comes back in the end, at the three a second that Slack allows. */
const PACED_MS_PER_CRASH = 500;
const CRASH_TEST_MS = 60_000 + CRASHES * 4_000;
/** On PostgreSQL a dead process's leases are not freed but run out, as it may have been on another machine. */
const CRASHES_ON_POSTGRES = 2;
const LEASE_OUT_MS = 45_000;

let slack: SlackEmulator;
let gitlab: GitLabEmulator;
let directory: string;

beforeEach(async () => {
  directory = bridgeDirectory();
  slack = await startSlackEmulator();
  gitlab = await startGitLabEmulator();
});
afterEach(async () => {
  await slack.close();
  await gitlab.close();
});
afterAll(forgetBridges);

interface Crashing {
  readonly crashes: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly settledWithinMs: number;
  readonly seed: number;
}

/** Answers, for each start after a kill, the milliseconds from the launch to the first call at a vendor. */
async function crashAgainAndAgain({
  crashes,
  environment,
  settledWithinMs,
  seed,
}: Crashing): Promise<number[]> {
  const random = randomFrom(seed);
  const bridge = await startUndying({ directory, environment, port: await freePort() });
  const { scimToken, adminToken } = readFirstStart(directory);
  const admin = (method: string, path: string, body?: unknown): Promise<Reply> =>
    bridge.ask(adminToken, method, `/v1/environments/default${path}`, body);
  await addStores(admin, slack, gitlab, { BRAKE_PERCENT: 100 });
  const company = createCompany(persistent(bridge, scimToken));

  let over = false;
  const writing = work(company, randomFrom(seed + 1), () => over);
  const firstCalls: number[] = [];
  for (let crash = 0; crash < crashes; crash++) {
    await pause(200 + random() * 1_200);
    await bridge.kill();
    const launchedAt = Date.now();
    const calls = [slack.requests.length, gitlab.requests.length] as const;
    await bridge.restart();
    await pause(100);
    const next = [slack.requests[calls[0]], gitlab.requests[calls[1]]].flatMap((call) =>
      call ? [call.at] : [],
    );
    if (next.length > 0) firstCalls.push(Math.min(...next) - launchedAt);
  }
  over = true;
  expect(await writing).toBeGreaterThan(crashes);
  await settled(admin, settledWithinMs);
  expect(activeOf(slackStanding(slack))).toEqual(activeOf(company.wanted()));
  expect(activeOf(gitlabStanding(gitlab))).toEqual(activeOf(company.wanted()));
  // Accounts of those who are away are not updated, and not made; with everyone back all must be as wanted.
  for (const name of company.names) await company.setActive(name, true);
  await settled(admin, settledWithinMs);
  expect(slackStanding(slack)).toEqual(company.wanted());
  expect(gitlabStanding(gitlab)).toEqual(company.wanted());
  expectOneCreationEach();
  const parked = await admin('GET', '/propagation/tasks');
  expect(parked.body).toMatchObject({ count: 0 });
  await bridge.stop();
  return firstCalls;
}

function activeOf({ accounts, groups }: Standing): Standing {
  return { accounts: accounts.filter(([, state]) => state === 'active'), groups };
}

async function settled(
  admin: (method: string, path: string) => Promise<Reply>,
  withinMs: number,
): Promise<void> {
  const states = async () => {
    const { body } = await admin('GET', '/propagation/stores');
    const stores: { id: string }[] = body._embedded.stores;
    return Promise.all(
      stores.map(async ({ id }) => (await admin('GET', `/propagation/stores/${id}/syncStatus`)).body),
    );
  };
  await eventually(
    async () => ((await states()).every(({ syncState }) => syncState === 'SYNCED') ? true : undefined),
    withinMs,
    async () => JSON.stringify(await states()),
  );
}

/** A refused one may have been the late arrival of a dead process; two that made something are one too many. */
function expectOneCreationEach(): void {
  for (const { requests } of [slack, gitlab]) {
    const made = requests
      .filter(({ method, path, status }) => method === 'POST' && /\/users$/i.test(path) && status === 201)
      .map(({ body }) => JSON.stringify(body));
    expect(made).toEqual([...new Set(made)]);
  }
}

it(
  `loses and doubles nothing through ${CRASHES} times kill -9 (seed ${SEED})`,
  async () => {
    const firstCalls = await crashAgainAndAgain({
      crashes: CRASHES,
      environment: { LOG_LEVEL: 'error' },
      settledWithinMs: 20_000 + CRASHES * PACED_MS_PER_CRASH,
      seed: SEED,
    });
    // Leases of a dead process are freed at the start: work goes on at once, not when they have run out.
    expect(firstCalls.length).toBeGreaterThan(0);
    if (process.env.CRASHES) process.stdout.write(`first call after a start, ms: ${firstCalls.join(' ')}\n`);
  },
  CRASH_TEST_MS,
);

it(
  'loses and doubles nothing on PostgreSQL either',
  async () => {
    await crashAgainAndAgain({
      crashes: CRASHES_ON_POSTGRES,
      environment: {
        LOG_LEVEL: 'error',
        DATABASE_URL: await freshDatabaseUrl('postgres', directory),
        ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      },
      settledWithinMs: LEASE_OUT_MS,
      seed: SEED,
    });
  },
  CRASH_TEST_MS,
);

it.each([
  ['answers within the grace', 3_000, 1],
  ['does not answer', 60_000, 1],
] as const)('stops with 0 during a call that %s, and does nothing twice', async (_, delayMs, creations) => {
  const environment = { LOG_LEVEL: 'error' };
  const first = await startBridge({ directory, environment });
  const { scimToken, adminToken } = readFirstStart(directory);
  const asker =
    (url: string, token: string, prefix: string) => async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`${url}${prefix}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: await response.json(),
      } satisfies Reply;
    };
  const admin = asker(first.url, adminToken, '/v1/environments/default');
  await addStores(admin, slack, gitlab);
  await settled(admin, 10_000);
  const slow = { fault: { kind: 'hang', applied: true }, matches: isWrite } as const;
  const late = { fault: { kind: 'delay', delayMs }, matches: isWrite } as const;
  for (const emulator of [slack, gitlab]) emulator.faults.inject(delayMs > 10_000 ? slow : late);
  expect(await asker(first.url, scimToken, '/scim/v2')('POST', '/Users', person('ann'))).toMatchObject({
    status: 201,
  });
  const called = () => writesOf(slack).length > 0 && writesOf(gitlab).length > 0;
  await eventually(async () => called() || undefined, 5_000);

  const stoppedAt = Date.now();
  expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(Date.now() - stoppedAt).toBeLessThan(10_000);

  const second = await startBridge({ directory, environment });
  await settled(asker(second.url, adminToken, '/v1/environments/default'), 10_000);
  expect(writesOf(slack)).toHaveLength(creations);
  expect(writesOf(gitlab)).toHaveLength(creations);
  expect(slackStanding(slack).accounts.map(([email]) => email)).toEqual(['ann@acme.example']);
  expect(gitlabStanding(gitlab).accounts.map(([email]) => email)).toEqual(['ann@acme.example']);
  await second.stop('SIGTERM');
});
