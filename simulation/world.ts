/**
 * The bridge of one history: the real use cases, the real worker turn by turn, a real database in memory;
 * two processes with clocks that differ, and simulated vendors behind both.
 */

import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { bootstrap } from '../src/boot/bootstrap.ts';
import { createRegistry } from '../src/connectors/registry.ts';
import { listConnections } from '../src/db/identity/connections.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../src/db/identity/environments.ts';
import type { Question } from '../src/db/queue/inquiries.ts';
import { LeaseLost, releaseLease } from '../src/db/queue/leases.ts';
import { storesWithWork } from '../src/db/queue/queue.ts';
import { RemoteError } from '../src/model/errors.ts';
import { createConnectors } from '../src/stores/connectorCache.ts';
import type { PropagationDeps } from '../src/stores/deps.ts';
import type { Inquiries } from '../src/stores/inquiries.ts';
import { type AskVendorDeps, askVendor } from '../src/stores/vendorAnswer.ts';
import { type Clock, isoTime } from '../src/support/clock.ts';
import { createLog, type Log } from '../src/support/log.ts';
import { createMetrics } from '../src/support/metrics.ts';
import { parseKeyring } from '../src/support/secret.ts';
import { createHousekeeping } from '../src/work/housekeeping.ts';
import { PeerRunner, RENEW_MS } from '../src/work/peerRunner.ts';
import { StoreDuties, type StoreDutiesDeps } from '../src/work/storeDuties.ts';
import { createStoreLifecycle } from '../src/work/storeLifecycle.ts';
import type { Themes } from './actions.ts';
import { createSimulatedType } from './connector.ts';
import type { Database } from './database.ts';
import { Guard } from './guard.ts';
import { Model } from './model.ts';
import { type Faults, NO_FAULTS, type Turn } from './network.ts';
import type { Random } from './random.ts';
import { type Process, Scheduler, SKEW_MAX_MS } from './scheduler.ts';
import { GITLAB_LIKE, SLACK_LIKE, Vendor } from './vendor.ts';

export interface SimulatedStore {
  id: string;
  readonly vendor: Vendor;
  readonly faults: Faults;
  readonly guard: Guard;
}

type WorkDeps = PropagationDeps & StoreDutiesDeps;

export interface Replica {
  process: Process;
  deps: PropagationDeps;
}

/** Monday morning, somewhere in time. */
const START_MS = Date.parse('2026-01-05T08:00:00.000Z');

const POLL_MS = 1_000;
const HOUSEKEEPING_MS = [1_200_000, 7_200_000] as const;
/** Where nothing is due, nobody needs to look more often. */
const DOZE_MAX_MS = 6 * 3_600_000;

const metrics = createMetrics();
const keyring = parseKeyring(randomBytes(32).toString('base64'));

export class World {
  readonly db: Knex;
  readonly random: Random;
  readonly themes: Themes;
  readonly scheduler: Scheduler;
  readonly model: Model;
  readonly stores: SimulatedStore[] = [];
  readonly replicas: Replica[] = [];
  /** The worker's own errors, which no vendor is to blame for. */
  readonly faultsOfOurs: string[] = [];
  connectionId = '';
  crashes = 0;
  readonly trace: string[] = [];
  readonly #turns = new Map<string, Turn>();
  readonly #log: Log;
  #requests = 0;

  constructor(database: Database, random: Random, themes: Themes) {
    this.db = database.db;
    this.random = random;
    this.themes = themes;
    this.scheduler = new Scheduler(random, START_MS);
    this.model = new Model(themes.people, () => this.scheduler.now);
    this.#log = createLog('warn', { write: (line: string) => this.#judgeLine(line) });
    this.scheduler.onCrash = (process) => this.#crashed(process);
    database.onAcquire = () => this.scheduler.point();
  }

  async start(): Promise<void> {
    const clock: Clock = this.scheduler.clockOf(calmProcess('setup'));
    await bootstrap(this.db, clock, { adminTokenGiven: true });
    const [connection] = await listConnections(this.db, DEFAULT_ENVIRONMENT_ID, 1, null);
    this.connectionId = connection?.id ?? '';
    const manners = this.random.chance(0.5) ? [SLACK_LIKE, GITLAB_LIKE] : [GITLAB_LIKE, SLACK_LIKE];
    for (const one of manners.slice(0, this.themes.stores)) {
      const vendor = new Vendor(one);
      this.stores.push({ id: '', vendor, faults: { ...NO_FAULTS }, guard: this.#guardOf(vendor) });
    }
    for (const name of ['one', 'two']) this.replicas.push(this.#replica(name));
  }

  /** The store is in the database from now on. */
  named(store: SimulatedStore, id: string): void {
    store.id = id;
    store.guard.storeId = id;
  }

  startWorkers(): void {
    for (const replica of this.replicas) this.#startWorkers(replica);
  }

  /** A correlation id that only this request has. */
  cause(name: string) {
    this.#requests += 1;
    const correlationId = `${name}-${this.#requests}`;
    return { correlationId, actor: { type: 'connection' as const, id: 'simulated', name: 'the simulation' } };
  }

  /** The replica that the next request happens to reach. */
  anyReplica(): Replica {
    const alive = this.replicas.filter((replica) => replica.process.alive);
    return this.random.pick(alive);
  }

  note(what: string): void {
    this.trace.push(`${new Date(this.scheduler.now).toISOString().slice(5, 23)} ${what}`);
  }

  get violations(): readonly string[] {
    return [...this.stores.flatMap((store) => store.guard.violations), ...this.faultsOfOurs];
  }

  turnOf(process: Process, storeId: string): Turn {
    return this.#turns.get(`${process.name} ${storeId}`) ?? { tick: this.model.tick, at: this.scheduler.now };
  }

  #guardOf(vendor: Vendor): Guard {
    return new Guard(
      this.model,
      vendor,
      () => this.scheduler.now,
      (process, storeId) => this.turnOf(process, storeId),
      (what) => this.note(`  ${vendor.manners.type}: ${what}`),
    );
  }

  #replica(name: string): Replica {
    const process: Process = {
      name,
      skewMs: this.random.int(-SKEW_MAX_MS / 2, SKEW_MAX_MS / 2),
      crashChance: 0,
      alive: true,
      stalledUntil: 0,
    };
    const clock = this.scheduler.clockOf(process);
    const registry = createRegistry(
      this.stores.map((store) =>
        createSimulatedType(
          {
            vendor: store.vendor,
            faults: store.faults,
            scheduler: this.scheduler,
            random: this.random,
            witness: store.guard,
          },
          process,
        ),
      ),
    );
    const connectors = createConnectors({ registry, keyring, clock, fetch });
    const wake = { signal: () => this.scheduler.wake(POLL_MS), onSignal: () => () => {} };
    const presence = { holder: async () => process.name, isGone: async () => false };
    const inquiries = directInquiries({ db: this.db, keyring, connectors });
    const deps = {
      db: this.db,
      clock,
      log: this.#log,
      registry,
      keyring,
      connectors,
      wake,
      inquiries,
      presence,
    };
    return { process, deps };
  }

  /** What it had in memory is lost; a new one takes its place after a while. */
  #crashed(process: Process): void {
    this.crashes += 1;
    this.note(`${process.name} crashes`);
    const at = this.replicas.findIndex((replica) => replica.process === process);
    const successor = this.#replica(`${process.name}'`);
    successor.process.stalledUntil = this.scheduler.now + this.random.int(500, 40_000);
    this.replicas[at] = successor;
    this.#startWorkers(successor);
  }

  #startWorkers({ process, deps }: Replica): void {
    const runner = {
      ...deps,
      storeLifecycle: createStoreLifecycle(deps, metrics),
      answered: { signal() {}, onSignal: () => () => {} },
      askVendor: () => Promise.reject(new Error('nobody asks a worker')),
    };
    this.scheduler.spawn(process, () => this.#keepHouse(deps));
    for (const store of this.stores) {
      this.scheduler.spawn(process, () => this.#workFor(process, runner, store.id));
    }
  }

  /** Far less often than in reality, where it is cheap. */
  async #keepHouse(deps: PropagationDeps): Promise<void> {
    const housekeeping = createHousekeeping(deps, metrics, { eventRetentionDays: 0 });
    for (;;) {
      await this.scheduler.sleep(this.random.int(...HOUSEKEEPING_MS));
      await housekeeping.turn();
    }
  }

  async #workFor(process: Process, deps: WorkDeps, storeId: string): Promise<void> {
    for (;;) {
      const ids = await storesWithWork(this.db, isoTime(deps.clock.now()));
      const worked = !ids.includes(storeId) || (await this.#workOn(process, deps, storeId));
      if (worked) await this.scheduler.doze(await this.#untilSomethingIsDue(deps, storeId));
      else await this.scheduler.sleep(this.random.int(POLL_MS, 8 * POLL_MS));
    }
  }

  /**
   * As the runner does it with timers: under the lease, turn after turn, renewing all the while. False
   * where somebody else has the lease.
   */
  async #workOn(process: Process, deps: WorkDeps, storeId: string): Promise<boolean> {
    const duties = new StoreDuties(storeId, deps);
    const runner = new PeerRunner(storeId, duties, deps, new AbortController().signal);
    const lease = await runner.acquire();
    if (!lease) return false;
    let working = true;
    this.scheduler.spawn(process, async () => {
      for (;;) {
        await this.scheduler.sleep(RENEW_MS);
        if (!working) return;
        await runner.renew(lease);
      }
    });
    try {
      for (;;) {
        this.#turns.set(`${process.name} ${storeId}`, { tick: this.model.tick, at: this.scheduler.now });
        const next = await runner.turn(lease);
        if (next.kind === 'end' || next.kind === 'idle') return true;
        if (next.kind === 'wait') await this.scheduler.sleep(next.ms);
      }
    } catch (error) {
      // Thrown on by a step of a sync whose call ended with the lease.
      if (!(error instanceof LeaseLost) && !(error instanceof RemoteError)) throw error;
      return true;
    } finally {
      working = false;
      await releaseLease(deps.db, lease);
    }
  }

  async #untilSomethingIsDue(deps: WorkDeps, storeId: string): Promise<number> {
    const { db } = this;
    const earliest = (table: string, column: string, where: object) =>
      db(table)
        .where({ store_id: storeId, ...where })
        .min(column);
    const row = await db('stores')
      .where({ id: storeId })
      .first({
        paused: 'paused',
        retryAt: 'retry_at',
        task: earliest('tasks', 'run_at', { state: 'pending' }),
        look: earliest('second_looks', 'at', {}),
        run: db('sync_runs').where({ store_id: storeId }).whereIn('state', ['QUEUED', 'RUNNING']).count(),
      });
    const next = [row?.task, row?.look].filter(Boolean).sort()[0];
    const due = row?.paused ? row.retryAt : row?.run > 0 ? isoTime(0) : next;
    if (!due) return DOZE_MAX_MS;
    return Math.max(POLL_MS, Date.parse(due) - deps.clock.now());
  }

  /** A fault that is no vendor's is one of ours. */
  #judgeLine(line: string): void {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { name?: string; stack?: string } };
    if (err === undefined || err.name === 'RemoteError') return;
    this.faultsOfOurs.push(`${msg}: ${err.stack ?? JSON.stringify(err)}`);
  }
}

/** Requests ask the vendors themselves. */
function directInquiries(deps: AskVendorDeps): Inquiries {
  const secrets = {};
  const ends = new AbortController().signal;
  const ask = <A>(peerId: string, question: Question) =>
    askVendor(deps, { peerId, question, secrets }, ends) as Promise<A>;
  return {
    check: ({ id }) => ask(id, { kind: 'check', trial: null }),
    checkTrial: ({ id, definition, given }) =>
      ask(id, { kind: 'check', trial: { type: definition.type, configuration: given } }),
    read: ({ id }, subject, remoteId) => ask(id, { kind: 'read', subject, remoteId }),
    end() {},
  };
}

export function calmProcess(name: string): Process {
  return { name, skewMs: 0, crashChance: 0, alive: true, stalledUntil: 0 };
}
