/** A stop in the middle of the work: what is in hand is finished where the vendor answers, and nothing is done twice. */

import { eventually, person, type Reply } from '../bridge.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { gitlabStanding, slackStanding } from '../fault/company.ts';
import { addStores, isWrite, settled, writesOf } from '../fault/world.ts';
import { bridgeDirectory, forgetBridges, readFirstStart, startBridge } from './process.ts';

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
