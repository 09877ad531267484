/**
 * Two processes on one PostgreSQL: whoever holds a store's lease dies, or stands still, with a call in hand
 * that takes effect after its successor has looked and written; and a database that goes away and comes back.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import knex, { type Knex } from 'knex';
import { eventually } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { type Company, createCompany, emailOf } from '../fault/company.ts';
import {
  persistent,
  type Replica,
  randomFrom,
  SHARED_GROUPS,
  startUndying,
  type Undying,
  work,
} from '../fault/crashes.ts';
import { type Admin, expectAsTold, expectEachWriteAudited } from '../fault/verdict.ts';
import { startWay, type Way } from '../fault/way.ts';
import { addStores, isWrite, settled } from '../fault/world.ts';
import { bridgeDirectory, forgetBridges, readFirstStart } from './process.ts';

const SEED = Number(process.env.CRASH_SEED ?? 20_261_126);
const SETTLED_WITHIN_MS = 60_000;
const TAKEN_OVER_WITHIN_MS = 60_000;
const TEST_MS = 300_000;
const CUTS = 3;

let ways: readonly Way[];
let db: Knex;
let slack: SlackEmulator;
let gitlab: GitLabEmulator;
let bridge: Undying;
let holder: Replica;
let successor: Replica;
let admin: Admin;
let company: Company;
let stores: Awaited<ReturnType<typeof addStores>>;

afterAll(forgetBridges);

beforeEach(async () => {
  const directory = bridgeDirectory();
  slack = await startSlackEmulator();
  gitlab = await startGitLabEmulator();
  const url = await freshDatabaseUrl('postgres', directory);
  db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } });
  const port = Number(new URL(url).port);
  ways = [await startWay(port), await startWay(port)];
  const key = randomBytes(32).toString('base64');
  bridge = await startUndying({
    directory,
    replicas: 2,
    environment: (replica) => ({
      LOG_LEVEL: 'error',
      NODE_COMPILE_CACHE: join(directory, 'compiled'),
      DATABASE_URL: url.replace(/:\d+\//, `:${ways[replica]?.port}/`),
      ENCRYPTION_KEY: key,
    }),
  });
  const { scimToken, adminToken } = readFirstStart(directory);
  admin = (method, path, body) => bridge.ask(adminToken, method, `/v1/environments/default${path}`, body);
  company = createCompany(persistent(bridge, scimToken));
  stores = await addStores(admin, slack, gitlab, { BRAKE_PERCENT: 100 });
  for (const group of SHARED_GROUPS) await company.addGroup(group);
  await company.hire('ann');
  await settled(admin, SETTLED_WITHIN_MS);
}, TEST_MS);
afterEach(async () => {
  await bridge.stop();
  await Promise.all([db.destroy(), ...ways.map((way) => way.close()), slack.close(), gitlab.close()]);
}, TEST_MS);

const ann = () => [...slack.users.values()].find(({ emails }) => emails[0]?.value === emailOf('ann'));
const becomes = (holds: () => boolean) =>
  eventually(
    async () => holds() || undefined,
    TAKEN_OVER_WITHIN_MS,
    () => JSON.stringify(ann()),
  );

/** Whose session it is that has Slack's lease: the way that the session takes tells the process. */
async function tellApart(): Promise<void> {
  const { rows } = await db.raw(
    `select client_port from pg_stat_activity where pid in (select l.pid from pg_locks l, leases
       where peer_id = ? and ${HOLDS})`,
    [stores.slack],
  );
  const [one, other] = bridge.replicas as [Replica, Replica];
  [holder, successor] = ways[0]?.carries(rows[0].client_port) ? [one, other] : [other, one];
}

/** The holder's write waits at Slack until `release`; resolves when it is there. */
async function holdCall(write: () => Promise<void>): Promise<() => void> {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  slack.forgetRequests();
  slack.faults.inject({ fault: { kind: 'hold', until }, matches: isWrite });
  await write();
  await eventually(async () => slack.requests.some(isWrite) || undefined, TAKEN_OVER_WITHIN_MS);
  await tellApart();
  holder.drained = true;
  return release;
}

/** The lock of a process that is there, and the lease that it has. */
const HOLDS =
  "l.locktype = 'advisory' and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(leases.holder, 0)";

/** When the predecessor's call must have ended; nobody waits for that here. */
const hurryLooks = () => db('second_looks').update({ at: new Date().toISOString() });

/** As a server does that takes the process for gone. */
const cutPresence = () =>
  db.raw(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'scim-bridge presence'
     and datname = current_database() and exists (
       select 1 from pg_locks l, leases where l.pid = pg_stat_activity.pid and ${HOLDS})`,
  );

const LATE = [
  {
    what: 'a title',
    first: () => company.retitle('ann', 'Boss'),
    next: () => company.retitle('ann', 'Chief'),
    took: () => ann()?.profile.title === 'Boss',
    stands: () => ann()?.profile.title === 'Chief',
  },
  {
    what: 'a disabling',
    first: () => company.setActive('ann', false),
    next: () => company.setActive('ann', true),
    took: () => ann()?.active === false,
    stands: () => ann()?.active === true,
  },
];

it.each(LATE)(
  'takes over from a dead process at once, and repairs $what of it that arrives late',
  async ({ first, next, took, stands }) => {
    const release = await holdCall(first);
    await holder.process.stop('SIGKILL');
    await becomes(took);
    await next();
    await becomes(stands);
    release();
    await becomes(took);
    await hurryLooks();
    await becomes(stands);
    await holder.restart();
    holder.drained = false;
    await expectAsTold({ slack, gitlab }, admin, company);
    await expectEachWriteAudited({ slack, gitlab }, admin, stores);
  },
  TEST_MS,
);

it(
  'lets nobody write who stood still while the lease was taken',
  async () => {
    const release = await holdCall(() => company.retitle('ann', 'Boss'));
    holder.process.freeze();
    await cutPresence();
    await becomes(() => ann()?.profile.title === 'Boss');
    await company.retitle('ann', 'Chief');
    await becomes(() => ann()?.profile.title === 'Chief');
    release();
    await becomes(() => ann()?.profile.title === 'Boss');
    holder.process.thaw();
    await hurryLooks();
    await becomes(() => ann()?.profile.title === 'Chief');
    // And is fit to take over in its turn.
    holder.drained = false;
    successor.drained = true;
    await successor.process.stop('SIGKILL');
    await company.retitle('ann', 'Owner');
    await becomes(() => ann()?.profile.title === 'Owner');
    await successor.restart();
    successor.drained = false;
    await expectAsTold({ slack, gitlab }, admin, company);
    await expectEachWriteAudited({ slack, gitlab }, admin, stores);
  },
  TEST_MS,
);

it(
  `goes on by itself when the database comes back (seed ${SEED})`,
  async () => {
    let over = false;
    const clients = [0, 1].map((client) => work(company, client, randomFrom(SEED + client), () => over));
    const done = () => slack.requests.length + gitlab.requests.length;
    const goesOn = async () => {
      const before = done();
      await eventually(async () => done() > before || undefined, TAKEN_OVER_WITHIN_MS);
    };
    for (let cut = 0; cut < CUTS; cut++) {
      await db.raw(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      await goesOn();
    }
    const refused = bridge.refused();
    await Promise.all(ways.map((way) => way.close()));
    await eventually(async () => bridge.refused() > refused || undefined, TAKEN_OVER_WITHIN_MS);
    await Promise.all(ways.map((way) => way.open()));
    await goesOn();
    over = true;
    await Promise.all(clients);
    await expectAsTold({ slack, gitlab }, admin, company);
    await expectEachWriteAudited({ slack, gitlab }, admin, stores);
  },
  TEST_MS,
);
