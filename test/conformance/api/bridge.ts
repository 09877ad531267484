/** The admin API, and an endpoint behind SCIM authentication, on a real port over a real database. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import express from 'express';
import type { Knex } from 'knex';
import { createEventStreams } from '../../../src/api/answer/eventStreams.ts';
import type { ApiDeps } from '../../../src/api/deps.ts';
import { createApiRouter } from '../../../src/api/router.ts';
import { createAddressLimit } from '../../../src/auth/addressLimit.ts';
import { createKnownTokens } from '../../../src/auth/knownTokens.ts';
import { createScimAuthenticator } from '../../../src/auth/scim.ts';
import { limitUnknownCallers } from '../../../src/auth/unknownCallers.ts';
import { bootstrap } from '../../../src/boot/bootstrap.ts';
import { createRegistry, storeTypes } from '../../../src/connectors/registry.ts';
import { demoAccounts } from '../../../src/db/demoAccounts.ts';
import { readBacklog } from '../../../src/db/queue/backlog.ts';
import { duePeers } from '../../../src/db/queue/duePeers.ts';
import { type Inquiry, saveWorkerSeen } from '../../../src/db/queue/inquiries.ts';
import { acquireLease, releaseLease } from '../../../src/db/queue/leases.ts';
import { createWakes } from '../../../src/db/queue/wake.ts';
import { getStore } from '../../../src/db/stores/stores.ts';
import { createScans } from '../../../src/directory/query/scans.ts';
import { createActivity } from '../../../src/http/activity.ts';
import { createApp } from '../../../src/http/app.ts';
import { createProbes } from '../../../src/http/probes.ts';
import { createRefusals } from '../../../src/http/refusals.ts';
import { createSources, SOURCES } from '../../../src/sources/registry.ts';
import { createConnectors } from '../../../src/stores/connectorCache.ts';
import { storeContextOf } from '../../../src/stores/context.ts';
import { createDeletionClock } from '../../../src/stores/deletionClock.ts';
import type { PropagationDeps } from '../../../src/stores/deps.ts';
import { createInquiries } from '../../../src/stores/inquiries.ts';
import { askVendor } from '../../../src/stores/vendorAnswer.ts';
import { type Clock, isoTime, systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';
import { createMetrics } from '../../../src/support/metrics.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { previewStep } from '../../../src/sync/preview/preview.ts';
import { Answerer } from '../../../src/work/inquiries.ts';
import { openToLoopback } from '../../outbound.ts';

export const ADMIN_TOKEN = 'an-admin-token-of-the-configuration-0123456789';
export const PUBLIC_URL = 'https://bridge.example/base';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
  readonly body: any;
}

export interface AskOptions {
  /** null sends no Authorization header. */
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface TestBridge {
  readonly db: Knex;
  readonly url: string;
  readonly scimToken: string;
  readonly adminToken: string;
  /** What the worker of this bridge would be built from; none runs, but inquiries are answered. */
  readonly propagation: PropagationDeps;
  /** How often the worker was woken. */
  wakes(): number;
  /** By the bridge's clock. */
  now(): number;
  /** Moves the bridge's clock on. */
  advance(ms: number): void;
  /** Everything that was logged. */
  log(): string;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  stop(): Promise<void>;
}

/** Bootstrapped without ADMIN_TOKEN, then run with it. */
export async function startTestBridge(db: Knex): Promise<TestBridge> {
  let ahead = 0;
  const clock: Clock = { now: () => Date.now() + ahead, sleep: systemClock.sleep };
  const first = await bootstrap(db, clock, { adminTokenGiven: false });
  const lines: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk) => lines.push(String(chunk)));
  const log = createLog('debug', stream);
  const keyring = parseKeyring(generateKey());
  const registry = createRegistry(storeTypes(demoAccounts(db, clock)));
  const connectors = createConnectors({ registry, keyring, clock, openFetch: openToLoopback });
  const { work: wake, asked, answered } = createWakes({ dialect: 'sqlite', target: '' }, log);
  let wakes = 0;
  wake.onSignal(() => {
    wakes += 1;
  });
  const inquiries = createInquiries({ db, clock, keyring, asked, answered });
  const propagation = {
    db,
    clock,
    log,
    registry,
    sources: createSources(SOURCES),
    keyring,
    connectors,
    wake,
    inquiries,
    deletions: createDeletionClock({ db, clock }),
  };
  // A worker here answers inquiries and makes previews, and takes no task.
  const askThere = (inquiry: Inquiry, ends: AbortSignal) => askVendor(propagation, inquiry, ends);
  let answering = Promise.resolve();
  asked.onSignal(() => {
    answering = answering.then(async () => {
      await saveWorkerSeen(db, 'the test', clock.now());
      for (const { id, isAsked } of await duePeers(db, isoTime(clock.now()))) {
        if (!isAsked) continue;
        const answerer = new Answerer(id, { db, clock, log, answered, askVendor: askThere });
        await answerer.answerAll(NEVER);
        await makePreviews(propagation, id);
        answered.signal();
      }
    });
  });
  const stopping = new AbortController();
  const access = { tokens: createKnownTokens(db, clock), addressLimit: createAddressLimit(clock) };
  const activity = createActivity({ db, clock, log });
  const deps: ApiDeps = {
    writeDownActivity: activity.writeDown,
    db,
    clock,
    log,
    publicUrl: PUBLIC_URL,
    adminToken: ADMIN_TOKEN,
    access,
    scans: createScans(db, clock),
    propagation,
    eventStreams: createEventStreams({ db, clock, log, wake: asked, ending: stopping.signal }),
    alerts: { db, clock, keyring, wake, alertWays: { refusalOfUrl: () => null, canMail: false } },
  };
  const scim = express.Router();
  scim.use(createScimAuthenticator({ db, clock, log, ...access }), express.json({ type: () => true }));
  scim.use((_req, res) => {
    const { cause, connection, scopes } = res.locals.scim;
    const message = { schemas: ['urn:example:who-asks'], cause, connection, scopes: [...scopes] };
    res.type('application/scim+json').send(JSON.stringify(message));
  });
  const metrics = createMetrics();
  const monotonicMs = () => performance.now();
  const refusals = createRefusals({ db, clock, log });
  const probes = createProbes({
    log,
    metrics,
    schema: async () => ({ pending: [], unknown: [] }),
    warnings: async () => [],
    backlog: () => readBacklog(db),
    secondsSince: () => 0,
    monotonicMs,
  });
  const app = createApp({
    ...{ log, metrics, probes, refusals, activity, monotonicMs },
    showsMetrics: true,
    trustedProxies: ['127.0.0.1'],
    limitUnknownCallers: (tooMany) =>
      limitUnknownCallers({ clock, adminToken: ADMIN_TOKEN, ...access }, tooMany),
    rooms: { scim, admin: createApiRouter(deps) },
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    db,
    url: base,
    scimToken: first.scimToken ?? '',
    adminToken: first.adminToken ?? '',
    propagation,
    wakes: () => wakes,
    now: clock.now,
    advance: (ms) => {
      ahead += ms;
    },
    log: () => lines.join(''),
    ask: (method, path, options = {}) => ask(base, method, path, options),
    stop: async () => {
      stopping.abort();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await refusals.end();
      await activity.end();
      await answering;
    },
  };
}

const NEVER = new AbortController().signal;
const LATER = '9999-01-01T00:00:00.000Z';

async function makePreviews({ db, clock, connectors }: PropagationDeps, storeId: string): Promise<void> {
  const store = await getStore(db, storeId);
  const applicant = { holder: 'the test', isGone: async () => false, takeOver: async () => {} };
  const lease = await acquireLease(db, storeId, applicant, { expiresAt: LATER, deadBefore: LATER });
  if (!store || !lease) return;
  const context = await storeContextOf(db, connectors, store);
  const deps = { db, clock, giveWay: async () => false, proveRights: async () => {} };
  const calls = { signal: NEVER, record: () => {} };
  while ((await previewStep(deps, context, lease, calls)) !== 'none');
  await releaseLease(db, lease);
}

async function ask(base: string, method: string, path: string, options: AskOptions): Promise<Answer> {
  const { token = ADMIN_TOKEN, body } = options;
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const auth: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(base + path, {
    method,
    headers: { ...json, ...auth, ...options.headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status, headers } = answer;
  const type = headers.get('content-type');
  const parsed = /json/.test(type ?? '') && text !== '' ? JSON.parse(text) : null;
  return { status, headers, text, body: parsed };
}
