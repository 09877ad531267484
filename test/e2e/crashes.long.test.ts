/**
 * The main job by the real process, killed with -9 again and again at any moment, in its start too, and
 * sometimes asked to stop, while several identity providers' clients write: nothing answered is lost,
 * nothing at a vendor is doubled, and the audit log has it all. On PostgreSQL also with two replicas.
 *
 * `CRASHES=200 CRASH_SEED=7 jest test/e2e/crashes -t sqlite` for a long run.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { tookEffect } from '../fault/audited.ts';
import { createCompany } from '../fault/company.ts';
import { persistent, type Replica, randomFrom, SHARED_GROUPS, startUndying, work } from '../fault/crashes.ts';
import { type Admin, expectAsTold, expectEachWriteAudited } from '../fault/verdict.ts';
import { addStores } from '../fault/world.ts';
import { bridgeDirectory, forgetBridges, readFirstStart } from './process.ts';

const CRASHES = Number(process.env.CRASHES ?? 2);
const SEED = Number(process.env.CRASH_SEED ?? 20_261_123);
const IS_LONG = process.env.CRASHES !== undefined;
/** Subjects that each store works on at once. */
const PARALLEL = 8;
const CLIENTS = IS_LONG ? 4 : 2;
const KILL_AFTER_MAX_MS = 1_200;
const START_MAX_MS = 2_000;
/**
 * Shares of all kills: those that hit the next process in its start too, and those that are a stop instead.
 */
const IN_START = 0.15;
const STOPS = 0.15;
const FIRST_CALL_WITHIN_MS = 60_000;
const TEST_MS = 400_000 + CRASHES * 60_000;

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

it.each([['sqlite', 1] as const, ...(IS_LONG ? [['postgres', 1] as const] : []), ['postgres', 2] as const])(
  `loses and doubles nothing on %s, with %i of it (seed ${SEED})`,
  async (dialect, replicas) => {
    const startedAt = Date.now();
    const url = dialect === 'postgres' ? await freshDatabaseUrl(dialect, directory) : '';
    const key = randomBytes(32).toString('base64');
    const bridge = await startUndying({
      directory,
      replicas,
      environment: () => ({
        LOG_LEVEL: 'error',
        NODE_COMPILE_CACHE: join(directory, 'compiled'),
        ...(dialect === 'postgres' && {
          DATABASE_URL: url,
          ENCRYPTION_KEY: key,
        }),
      }),
    });
    const { scimToken, adminToken } = readFirstStart(directory);
    const admin: Admin = (method, path, body) =>
      bridge.ask(adminToken, method, `/v1/environments/default${path}`, body);
    const stores = await addStores(admin, slack, gitlab, {
      BRAKE_PERCENT: 100,
      PARALLEL_CHANGES: PARALLEL,
    });
    const company = createCompany(persistent(bridge, scimToken));
    for (const group of SHARED_GROUPS) await company.addGroup(group);

    let over = false;
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      work(company, client, randomFrom(SEED + client), () => over),
    );
    const tally = await crashAgainAndAgain(bridge.replicas, randomFrom(SEED - 1)).finally(() => {
      over = true;
    });
    const writes = (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
    expect(writes).toBeGreaterThan(CRASHES);

    await expectAsTold({ slack, gitlab }, admin, company);
    const unanswered = await expectEachWriteAudited({ slack, gitlab }, admin, stores);
    // At each of two stores so many calls may be under way: a crash leaves at most these without an answer.
    expect(unanswered).toBeLessThanOrEqual(2 * PARALLEL * (tally.kills + tally.stops));
    await bridge.stop();
    if (IS_LONG) {
      const vendorWrites = [slack, gitlab].map(({ requests }) => requests.filter(tookEffect).length);
      report({
        dialect,
        replicas,
        seconds: Math.round((Date.now() - startedAt) / 1000),
        ...tally,
        writes,
        refused: bridge.refused(),
        vendorWrites,
        unanswered,
      });
    }
  },
  TEST_MS,
);

interface Tally {
  readonly kills: number;
  readonly stops: number;
  /** Milliseconds from `/readyz`, and from the kill, to the first call at a vendor. */
  readonly fromReady: readonly number[];
  readonly fromKill: readonly number[];
}

async function crashAgainAndAgain(replicas: readonly Replica[], random: () => number): Promise<Tally> {
  const fromReady: number[] = [];
  const fromKill: number[] = [];
  let kills = 0;
  let stops = 0;
  while (kills < CRASHES) {
    await pause(random() * KILL_AFTER_MAX_MS);
    const replica = replicas[Math.floor(random() * replicas.length)] as Replica;
    const calls = [slack.requests.length, gitlab.requests.length] as const;
    const killedAt = Date.now();
    if (random() < STOPS) {
      stops += 1;
      expect((await replica.process.stop('SIGTERM')).signal).toBeNull();
    } else {
      kills += 1;
      await replica.process.stop('SIGKILL');
    }
    if (kills < CRASHES && random() < IN_START) {
      kills += 1;
      await replica.crashInStart(random() * START_MAX_MS);
    }
    await replica.restart();
    const readyAt = Date.now();
    const first = () =>
      [slack.requests[calls[0]], gitlab.requests[calls[1]]].find((call) => call !== undefined);
    const call = await eventually(async () => first(), FIRST_CALL_WITHIN_MS);
    fromReady.push(call.at - readyAt);
    fromKill.push(call.at - killedAt);
  }
  return { kills, stops, fromReady, fromKill };
}

function report(figures: Readonly<Record<string, unknown>>): void {
  const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
  const lines = Object.entries(figures).map(([name, value]) => {
    const numbers = Array.isArray(value) && name.startsWith('from') ? (value as number[]) : null;
    return `${name}: ${numbers ? `median ${median(numbers)} ms, most ${Math.max(...numbers)} ms` : value}`;
  });
  process.stdout.write(`${lines.join('\n')}\n`);
}
