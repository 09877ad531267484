/**
 * A whole bridge in this process for tests: a real database, the real app on a real port, the real
 * worker; vendors are the emulators. Requests go over HTTP, as an admin's and an IdP's do.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Knex } from 'knex';
import { bootstrap } from '../src/boot/bootstrap.ts';
import { compose } from '../src/compose.ts';
import type { Config } from '../src/config.ts';
import type { StoreTypeDefinition } from '../src/connectors/connector.ts';
import { createRegistry, storeTypes } from '../src/connectors/registry.ts';
import { demoAccounts } from '../src/db/demoAccounts.ts';
import { migrate } from '../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import type { MailServer } from '../src/outbound/mail.ts';
import type { OutboundConfig } from '../src/outbound/outbound.ts';
import { accountSources, createSources, SOURCES } from '../src/sources/registry.ts';
import type { SourceDefinition } from '../src/sources/source.ts';
import { type Clock, isoTime, systemClock } from '../src/support/clock.ts';
import { createLog, type Log } from '../src/support/log.ts';
import { type Keyring, parseKeyring } from '../src/support/secret.ts';
import { KEPT_ALIVE } from './emulator/server.ts';
import { TO_LOOPBACK } from './outbound.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
  readonly body: any;
}

export interface RunningBridge {
  readonly db: Knex;
  readonly url: string;
  readonly scimToken: string;
  readonly adminToken: string;
  /** `path` below `/scim/v2`. */
  scim(method: string, path: string, body?: unknown): Promise<Reply>;
  /** The same with the token of another connection. */
  scimWith(token: string, method: string, path: string, body?: unknown): Promise<Reply>;
  /** `path` below `/v1/environments/default`. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>;
  /** `path` below `/v1`. */
  v1(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Resolves when no task is due or under way and no sync is open, on any store. */
  settled(withinMs?: number): Promise<void>;
  /** Rings what is due by the bridge's clock, and clears away. */
  ring(): Promise<void>;
  /** The same, and waits until all that follows is done. */
  turn(): Promise<void>;
  stop(): Promise<void>;
}

/** The time of day, and as much later as a test wants. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
  /** Somebody sets the wall clock; no more time has passed than before. */
  leap(ms: number): void;
}

export function movableClock(): MovableClock {
  let ahead = 0;
  let leapt = 0;
  return {
    now: () => Date.now() + ahead + leapt,
    monotonic: () => performance.now() + ahead,
    sleep: systemClock.sleep,
    advance(ms) {
      ahead += ms;
    },
    leap(ms) {
      leapt += ms;
    },
  };
}

/** Long enough for hundreds of tasks on a busy machine. */
const SETTLED_WITHIN_MS = 60_000;
const TASKS_DESCRIBED = 20;

export interface BridgeOptions {
  /** Known beside the release's. */
  readonly moreTypes?: readonly StoreTypeDefinition[];
  /** Directories to pull beside the release's. */
  readonly moreSources?: readonly SourceDefinition[];
  /** `api` runs no worker. */
  readonly role?: 'all' | 'api';
  /** Where it may connect to; to this machine where absent. */
  readonly outbound?: OutboundConfig;
  /** Where its log goes; nowhere where absent. */
  readonly log?: Log;
  /** Where its e-mails go; none where absent. */
  readonly mailServer?: MailServer;
  /** That of the bridge before, on the same database. */
  readonly keyring?: Keyring;
}

/** However busy the machine is, tests get the result of what they ask for. */
const PATIENT_MS = 60_000;

const isNotAmong =
  (others: readonly SourceDefinition[]) =>
  ({ strategy }: SourceDefinition) =>
    others.every((other) => other.strategy !== strategy);

/** Nothing rings the timers but `turn`, so that a test says when. */
export async function startBridge(
  databaseUrl: string,
  clock: Clock = systemClock,
  { moreTypes = [], moreSources = [], role = 'all', ...more }: BridgeOptions = {},
): Promise<RunningBridge> {
  const location = parseDatabaseUrl(databaseUrl);
  const db = openDatabase(location);
  await migrate(db);
  const log = more.log ?? createLog(process.env.TEST_LOG ?? 'silent');
  const { scimToken = '', adminToken = '' } = await bootstrap(db, clock, { adminTokenGiven: false });
  // Tests turn the clock on by years.
  await db('admin_tokens').update({ valid_until: null });
  const config: Config = {
    role,
    host: '127.0.0.1',
    port: 0,
    database: location,
    dataDirectory: 'unused',
    adminToken: null,
    keyring: null,
    publicUrl: 'http://bridge.example',
    isPublicUrlGiven: true,
    logLevel: 'silent',
    eventRetentionDays: 730,
    metricsPort: null,
    trustedProxies: [],
    outbound: more.outbound ?? TO_LOOPBACK,
    mailServer: more.mailServer ?? null,
    guessable: [],
  };
  const keyring = more.keyring ?? parseKeyring(randomBytes(32).toString('base64'));
  const registry = createRegistry([...storeTypes(demoAccounts(db, clock)), ...moreTypes]);
  const released = [...SOURCES, ...accountSources(registry)];
  const { app, worker, housekeeping, stop } = compose({
    ...{ config, db, keyring, clock, log, registry },
    sources: createSources([...moreSources, ...released.filter(isNotAmong(moreSources))]),
    answerWithinMs: PATIENT_MS,
  });
  const server = createServer(KEPT_ALIVE, app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  if (role === 'all') worker.start();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = async (
    token: string,
    method: string,
    path: string,
    body: unknown,
    type: string,
  ): Promise<Reply> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, body: text === '' ? null : JSON.parse(text) };
  };
  const settled = (withinMs = SETTLED_WITHIN_MS) =>
    eventually(
      async () => (await isIdle(db, clock)) || undefined,
      withinMs,
      () => describeWork(db),
    ).then(() => {});
  return {
    db,
    url,
    scimToken,
    adminToken,
    scimWith: (token, method, path, body) =>
      ask(token, method, `/scim/v2${path}`, body, 'application/scim+json'),
    scim: (method, path, body) => ask(scimToken, method, `/scim/v2${path}`, body, 'application/scim+json'),
    v1: (method, path, body) => ask(adminToken, method, `/v1${path}`, body, 'application/json'),
    admin: (method, path, body) =>
      ask(adminToken, method, `/v1/environments/default${path}`, body, 'application/json'),
    settled,
    ring: () => housekeeping.turn(),
    async turn() {
      await housekeeping.turn();
      await settled();
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await stop();
      await db.destroy();
    },
  };
}

/** What failed for now, and is tried again later, is waited for only once that is due. */
async function isIdle(db: Knex, clock: Clock): Promise<boolean> {
  const busy = await db('tasks')
    .where({ state: 'pending' })
    .where((task) => task.where({ failing: false }).orWhere('run_at', '<=', isoTime(clock.now())))
    .select(db.raw('1'))
    .unionAll(db('sync_runs').whereIn('state', ['QUEUED', 'RUNNING']).select(db.raw('1')))
    .first();
  return busy === undefined;
}

async function describeWork(db: Knex): Promise<string> {
  const tasks = await db('tasks')
    .orderBy('run_at')
    .limit(TASKS_DESCRIBED)
    .select('kind', 'subject_id', 'state', 'attempts', 'error', 'run_at');
  const runs = await db('sync_runs')
    .whereIn('state', ['QUEUED', 'RUNNING'])
    .select('cause', 'state', 'position', 'error');
  return JSON.stringify({ tasks, runs });
}

/** Asks again until the answer is defined; fails with what `describe` says. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  withinMs: number,
  describe: () => Promise<string> | string = () => '',
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${await describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A SCIM user as Okta posts it. */
export function person(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@acme.example`,
    name: { givenName: name, familyName: 'Doe' },
    displayName: `${name} Doe`,
    emails: [{ value: `${name}@acme.example`, type: 'work', primary: true }],
    active: true,
    ...more,
  };
}

export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export function patch(...operations: readonly unknown[]): Record<string, unknown> {
  return { schemas: [PATCH], Operations: operations };
}

/**
 * Makes a store, as `POST …/stores` does with this body, whose accounts show the title: GitLab takes no job title,
 * and gets it as the biography. Answers the reply of the request that makes the store, or activates it.
 */
export async function addTitledStore(
  admin: RunningBridge['admin'],
  body: { readonly type: string; readonly status: string; readonly [key: string]: unknown },
): Promise<Reply> {
  if (body.type !== 'GitLabSelfManaged') return admin('POST', '/propagation/stores', body);
  const made = await admin('POST', '/propagation/stores', { ...body, status: 'INACTIVE' });
  if (made.status !== 201) return made;
  const path = `/propagation/stores/${made.body.id}`;
  const mappings = [{ targetAttribute: 'bio', sourceAttribute: 'title' }];
  await admin('PUT', `${path}/mappings`, { mappings });
  if (body.status === 'INACTIVE') return made;
  const activated = await admin('PUT', path, body);
  return activated.status === 200 ? { ...activated, status: made.status } : activated;
}
