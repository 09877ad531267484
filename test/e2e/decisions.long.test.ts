/**
 * An incident that is decided while processes die, and by two processes at once: whatever was answered takes effect,
 * and takes effect once.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Dialect } from '../../src/db/open.ts';
import { eventually } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { type Company, createCompany, emailOf } from '../fault/company.ts';
import { persistent, startUndying, type Undying } from '../fault/crashes.ts';
import type { Admin } from '../fault/verdict.ts';
import { addStores, isWrite } from '../fault/world.ts';
import { bridgeDirectory, forgetBridges, readFirstStart } from './process.ts';

const TEST_MS = 300_000;
const WITHIN_MS = 60_000;
const PEOPLE = ['ann', 'bob', 'cid', 'dan'];

let slack: SlackEmulator;
let gitlab: GitLabEmulator;
let bridge: Undying;
let admin: Admin;
let adminToken: string;
let company: Company;

afterAll(forgetBridges);
beforeEach(async () => {
  slack = await startSlackEmulator();
  gitlab = await startGitLabEmulator();
});
afterEach(async () => {
  await bridge.stop();
  await slack.close();
  await gitlab.close();
}, TEST_MS);

async function start(dialect: Dialect, replicas: number): Promise<void> {
  const directory = bridgeDirectory();
  const url = dialect === 'postgres' ? await freshDatabaseUrl(dialect, directory) : '';
  const key = randomBytes(32).toString('base64');
  const database = dialect === 'postgres' ? { DATABASE_URL: url, ENCRYPTION_KEY: key } : {};
  const environment = () => ({
    LOG_LEVEL: 'error',
    NODE_COMPILE_CACHE: join(directory, 'compiled'),
    ...database,
  });
  bridge = await startUndying({ directory, replicas, environment });
  const first = readFirstStart(directory);
  adminToken = first.adminToken;
  admin = (method, path, body) => bridge.ask(adminToken, method, `/v1/environments/default${path}`, body);
  await addStores(admin, slack, gitlab, { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
  company = createCompany(persistent(bridge, first.scimToken));
  for (const name of PEOPLE) await company.hire(name);
  await becomes(() => PEOPLE.every((name) => isActive(name) === true));
  for (const name of PEOPLE) await company.setActive(name, false);
  await eventually(async () => {
    const [incident] = await incidents();
    return incident?.stores.length === 2 && held(incident) === 6 ? incident : undefined;
  }, WITHIN_MS);
}

interface Incident {
  readonly id: string;
  readonly state: string;
  readonly stores: readonly { readonly held: number }[];
  readonly undo?: { readonly requested: number; readonly given: number };
}

const incidents = async (): Promise<readonly Incident[]> =>
  (await admin('GET', '/propagation/incidents')).body._embedded.incidents;
const held = ({ stores }: Incident) => stores.reduce((sum, store) => sum + store.held, 0);

/** At Slack and at GitLab; undefined where they differ. */
function isActive(name: string): boolean | undefined {
  const atSlack = [...slack.users.values()].find(({ emails }) => emails[0]?.value === emailOf(name));
  const atGitLab = [...gitlab.state.users.values()].find(({ email }) => email === emailOf(name));
  const there = [atSlack?.active === true, atGitLab?.state === 'active'];
  return there[0] === there[1] ? there[0] : undefined;
}

const becomes = (holds: () => boolean) => eventually(async () => holds() || undefined, WITHIN_MS);

/** Decides while no vendor answers a write, and kills the process before any decision took effect. */
async function decideAndDie(verb: 'approve' | 'undo'): Promise<void> {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (const { faults } of [slack, gitlab])
    faults.inject({ fault: { kind: 'hold', until }, matches: isWrite, times: Number.POSITIVE_INFINITY });
  const [incident] = await incidents();
  const answer = await admin('POST', `/propagation/incidents/${incident?.id}/${verb}`, { all: true });
  expect(answer.status).toBe(202);
  const [replica] = bridge.replicas;
  await replica?.process.stop('SIGKILL');
  for (const { faults } of [slack, gitlab]) faults.clear();
  release();
  await replica?.restart();
}

it.each(['sqlite', 'postgres'] as const)(
  'carries out what was decided before the process died, on %s',
  async (dialect) => {
    await start(dialect, 1);
    await decideAndDie('approve');
    await becomes(() => PEOPLE.every((name) => isActive(name) === false));
    await eventually(async () => (await incidents())[0]?.state === 'CLOSED' || undefined, WITHIN_MS);
    await decideAndDie('undo');
    await becomes(() => PEOPLE.every((name) => isActive(name) === true));
    const given = async () => {
      const [incident] = await incidents();
      return incident?.undo?.given === incident?.undo?.requested ? incident : undefined;
    };
    const after = await eventually(given, WITHIN_MS);
    expect(after.undo).toMatchObject({ requested: 8, given: 8, moved: 0, impossible: 0 });
  },
  TEST_MS,
);

it(
  'is decided once where two replicas are asked at once',
  async () => {
    await start('postgres', 2);
    const [incident] = await incidents();
    const verbs = ['approve', 'discard', 'undo', 'approve', 'discard'];
    const replies = await Promise.all(
      verbs.map(async (verb, n) => {
        const { url } = bridge.replicas[n % 2]?.process ?? { url: '' };
        const answer = await fetch(
          `${url}/v1/environments/default/propagation/incidents/${incident?.id}/${verb}`,
          {
            method: 'POST',
            headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
            body: '{"all":true}',
          },
        );
        return { verb, status: answer.status, body: (await answer.json()) as { decided: number } };
      }),
    );
    expect(replies.every(({ status }) => status === 200 || status === 202)).toBe(true);
    const decisions = replies.filter(({ verb, status }) => verb !== 'undo' && status === 202);
    expect(decisions.length).toBeLessThanOrEqual(1);
    // The undo takes all there is, whatever came before it.
    await becomes(() => PEOPLE.every((name) => isActive(name) === true));
    await eventually(async () => (await incidents())[0]?.state === 'CLOSED' || undefined, WITHIN_MS);
  },
  TEST_MS,
);
