/** The composition root: it only calls constructors, and is the only file that sees every room. */

import type { Express } from 'express';
import type { Knex } from 'knex';
import { createEventStreams } from './api/answer/eventStreams.ts';
import { createApiRouter } from './api/router.ts';
import { createAddressLimit } from './auth/addressLimit.ts';
import { createKnownTokens } from './auth/knownTokens.ts';
import { createScimAuthenticator } from './auth/scim.ts';
import { limitUnknownCallers } from './auth/unknownCallers.ts';
import { readWarnings } from './auth/warnings.ts';
import type { Config } from './config.ts';
import type { Fetch } from './connectors/connector.ts';
import { createRegistry, type Registry, storeTypes } from './connectors/registry.ts';
import { resealAlertSecrets } from './control/alerts/targets.ts';
import { createIdentifierHash } from './db/access/identifierKey.ts';
import { createHorizon } from './db/alerts/horizon.ts';
import { demoAccounts } from './db/demoAccounts.ts';
import type { FileWatch } from './db/embedded/watch.ts';
import { readSchema } from './db/migrations.ts';
import { readBacklog } from './db/queue/backlog.ts';
import { type DuePeer, duePeers } from './db/queue/duePeers.ts';
import type { Inquiry } from './db/queue/inquiries.ts';
import { createPresence, type Presence } from './db/queue/presence.ts';
import { createWakes } from './db/queue/wake.ts';
import { createScans } from './directory/query/scans.ts';
import { createActivity } from './http/activity.ts';
import { createApp, createMetricsApp } from './http/app.ts';
import { createProbes } from './http/probes.ts';
import { createRefusals } from './http/refusals.ts';
import { createAddressOf } from './outbound/addressOf.ts';
import { createPost } from './outbound/mail.ts';
import { createOutbound, obeying } from './outbound/outbound.ts';
import { refusalOfUrl } from './outbound/rule.ts';
import { askSource } from './pull/lifecycle.ts';
import { createSourceCache } from './pull/sourceCache.ts';
import { ANSWER_WITHIN_MS } from './scim/request/patience.ts';
import { createScimRouter } from './scim/router.ts';
import { accountSources, createSources, SOURCES, type Sources } from './sources/registry.ts';
import { createConnectors } from './stores/connectorCache.ts';
import { createDeletionClock } from './stores/deletionClock.ts';
import { createInquiries } from './stores/inquiries.ts';
import { resealSecrets } from './stores/storeSecrets.ts';
import { askVendor } from './stores/vendorAnswer.ts';
import type { Clock } from './support/clock.ts';
import type { Log } from './support/log.ts';
import { createMetrics, type Metrics } from './support/metrics.ts';
import type { Keyring } from './support/secret.ts';
import { AlertDuties } from './work/alerts/alertDuties.ts';
import { createHousekeeping, type Housekeeping } from './work/housekeeping.ts';
import { PullDuties } from './work/pull/duties.ts';
import { StoreDuties } from './work/storeDuties.ts';
import { createStoreLifecycle } from './work/storeLifecycle.ts';
import { createWorker, type Worker } from './work/worker.ts';

export interface BridgeDeps {
  readonly config: Config;
  readonly db: Knex;
  readonly keyring: Keyring;
  /** Watches the file of an embedded database. Where absent, nothing watches it. */
  readonly file?: FileWatch | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Replaces the connectors' way out to their vendors; where absent, they use the bridge's guarded one. */
  readonly fetch?: Fetch;
  /** Names this process and knows which other processes are gone. Where absent, the database tells. */
  readonly presence?: Presence;
  /** Store types other than those of the release. */
  readonly registry?: Registry;
  /** Kinds of directory other than those of the release. */
  readonly sources?: Sources;
  /** Several bridges in one process may share them. */
  readonly metrics?: Metrics;
  /** How long a short SCIM request may take; the release's own limit where absent. */
  readonly answerWithinMs?: number;
}

export interface Bridge {
  /**
   * Called once, before the first request: seals stored secrets with the first key, so that an admin can remove older
   * keys.
   */
  sealAnew(): Promise<void>;
  readonly app: Express;
  /** For a listener of its own, where METRICS_PORT is set. */
  readonly metricsApp: Express;
  readonly worker: Worker;
  readonly housekeeping: Housekeeping;
  /**
   * Workers finish the changes under way and release their leases; the bridge refuses requests that wait for a
   * worker.
   */
  stop(): Promise<void>;
}

export function compose(deps: BridgeDeps): Bridge {
  const { config, db, keyring, file, clock, log } = deps;
  const { presence = createPresence(config.database), metrics = createMetrics() } = deps;
  const { publicUrl, adminToken } = config;
  const wakes = createWakes(config.database, log);
  const { work: wake, asked, answered } = wakes;
  const { outbound } = config;
  const known = deps.registry ?? createRegistry(storeTypes(demoAccounts(db, clock)));
  const registry = obeying(known, outbound.rule);
  const { fetch } = deps;
  const openFetch = fetch ? () => fetch : createOutbound(outbound);
  const connectors = createConnectors({ registry, keyring, clock, openFetch });
  const inquiries = createInquiries({ db, clock, keyring, asked, answered });
  const deletions = createDeletionClock({ db, clock });
  const release = () => createSources([...SOURCES, ...accountSources(known)]);
  const sources = obeying(deps.sources ?? release(), outbound.rule);
  const propagation = { db, clock, log, registry, sources, keyring, connectors, wake, inquiries, deletions };
  const access = { tokens: createKnownTokens(db, clock), addressLimit: createAddressLimit(clock) };
  const scans = createScans(db, clock);
  const authenticate = createScimAuthenticator({ db, clock, log, ...access });
  const { answerWithinMs = ANSWER_WITHIN_MS } = deps;
  const identifierHash = createIdentifierHash(db, keyring);
  const directory = { db, clock, wake, identifierHash };
  const scim = createScimRouter({ ...directory, log, scans, publicUrl, authenticate, answerWithinMs });
  const post = config.mailServer === null ? null : createPost(config.mailServer);
  const alertWays = {
    refusalOfUrl: (url: string) => refusalOfUrl(outbound.rule, 'public', url),
    canMail: post !== null,
  };
  const alerts = { db, clock, keyring, wake, alertWays };
  const ending = new AbortController();
  const eventStreams = createEventStreams({ db, clock, log, wake, ending: ending.signal });
  const activity = createActivity({ db, clock, log });
  const api = { db, clock, log, publicUrl, adminToken, access, scans, propagation, eventStreams, alerts };
  const admin = createApiRouter({ ...api, writeDownActivity: activity.writeDown });
  const monotonicMs = () => performance.now();
  const probes = createProbes({
    log,
    metrics,
    schema: async () => {
      file?.demandInPlace();
      return readSchema(db);
    },
    warnings: () => readWarnings(db, clock, config.guessable),
    backlog: () => readBacklog(db),
    secondsSince: (at) => (at === null ? 0 : Math.max(0, (clock.now() - Date.parse(at)) / 1000)),
    monotonicMs,
  });
  const refusals = createRefusals({ db, clock, log });
  const app = createApp({
    ...{ log, metrics, probes, refusals, activity, monotonicMs },
    showsMetrics: config.metricsPort === null,
    trustedProxies: config.trustedProxies,
    limitUnknownCallers: (tooMany) => limitUnknownCallers({ clock, adminToken, ...access }, tooMany),
    rooms: config.role === 'worker' ? null : { scim, admin },
  });
  const storeLifecycle = createStoreLifecycle(propagation, metrics);
  const duties = {
    ...{ db, clock, log, answered, storeLifecycle },
    askVendor: (inquiry: Inquiry, ends: AbortSignal) => askVendor(propagation, inquiry, ends),
  };
  const alertDuties = {
    ...{ db, clock, log, registry, keyring, publicUrl, metrics, post },
    fetch: openFetch('public', {}),
    horizon: createHorizon(db, monotonicMs),
  };
  const addressOf = createAddressOf(outbound.rule);
  const cache = createSourceCache({ sources, keyring, clock, openFetch, addressOf });
  const pullDuties = {
    ...{ db, clock, log, wake, identifierHash, cache, answered, onCall: storeLifecycle.onCall },
    askVendor: (inquiry: Inquiry, ends: AbortSignal) => askSource({ db, cache }, inquiry, ends),
  };
  const peers = {
    due: (now: string) => duePeers(db, now),
    dutiesOf: ({ id, kind }: DuePeer) => {
      if (kind === 'alert') return new AlertDuties(id, alertDuties);
      return kind === 'store' ? new StoreDuties(id, duties) : new PullDuties(id, pullDuties);
    },
  };
  const worker = createWorker({ db, clock, log, wake, asked, presence, peers });
  const sealAnew = async () => {
    const alerts = await resealAlertSecrets(db, keyring);
    if (alerts > 0) log.info({ alerts }, 'sealed the secrets of alerts with the first key of ENCRYPTION_KEY');
    const stores = await resealSecrets(db, keyring, registry, sources);
    if (stores > 0) log.info({ stores }, 'sealed the secrets of stores with the first key of ENCRYPTION_KEY');
  };
  const housekeeping = createHousekeeping({ ...propagation, identifierHash }, metrics, config);
  const stop = async () => {
    ending.abort();
    inquiries.end();
    await Promise.all([worker.stop(), housekeeping.stop(), refusals.end(), activity.end()]);
    await wakes.end();
  };
  const metricsApp = createMetricsApp({ log, probes });
  return { sealAnew, app, metricsApp, worker, housekeeping, stop };
}
