/**
 * The world of one history: two processes of the bridge whose clocks differ, one database, the vendors behind them,
 * and what the judges know of all this.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Themes } from '../actions.ts';
import { Guard } from '../judges/guard.ts';
import { Model } from '../judges/model.ts';
import { PulledRecords } from '../judges/pulled.ts';
import { PULLED_PEOPLE, type PullThemes } from '../pullActions.ts';
import type { Random } from '../random.ts';
import { PulledDirectory } from '../vendors/directory.ts';
import { emulateGitLab } from '../vendors/gitlab.ts';
import { type Caller, type Faults, Network, NO_FAULTS, type Turn } from '../vendors/network.ts';
import { emulateSlack } from '../vendors/slack.ts';
import { Vendor } from '../vendors/vendor.ts';
import type { Write } from '../vendors/writes.ts';
import type { Question, Reply } from './ask.ts';
import type { Database } from './database.ts';
import { ADMIN_TOKEN, type LogLine, Replica } from './replica.ts';
import { calmProcess, type Process, Scheduler, SKEW_MAX_MS } from './scheduler.ts';

export interface SimulatedStore {
  id: string;
  readonly vendor: Vendor;
  readonly faults: Faults;
  readonly guard: Guard;
}

type WorldThemes = Themes & Partial<PullThemes>;

/** The address of the account behind every credential; a person in the directory has it too. */
export const OWN_EMAIL = 'bridge@acme.example';

/** A Monday morning. */
const START_MS = Date.parse('2026-01-05T08:00:00.000Z');

export class World {
  readonly random: Random;
  readonly themes: WorldThemes;
  readonly scheduler: Scheduler;
  readonly model: Model;
  readonly stores: readonly SimulatedStore[];
  readonly replicas: [Replica, Replica];
  /** What the judges know of the pulled directory; null where there is none. */
  readonly pulled: PulledRecords | null;
  /** Stands for clients and admins. */
  readonly people = calmProcess('people');
  /** The bridge's own errors, which no vendor caused. */
  readonly #faultsOfOurs: string[] = [];
  crashes = 0;
  readonly trace: string[] = [];
  /** The path of the history's environment. */
  basePath = '';
  scimToken = '';
  readonly #dead = new Set<string>();
  readonly #database: Database;
  readonly #network: Network;
  /** The work on a subject to which the running code belongs: several run at once. */
  readonly #turn = new AsyncLocalStorage<Turn>();
  /** For each store and subject, when work on it last began. */
  readonly #tried = new Map<string, number>();

  constructor(database: Database, random: Random, themes: WorldThemes) {
    this.#database = database;
    this.random = random;
    this.themes = themes;
    this.scheduler = new Scheduler(random, START_MS);
    this.scheduler.inTransaction = () => database.inTransaction();
    this.scheduler.onCrash = (process) => this.#crashed(process);
    const people = themes.people + (themes.pulled ? PULLED_PEOPLE : 0);
    this.model = new Model(people, () => this.scheduler.now);
    const emulate = random.chance(0.5) ? [emulateSlack, emulateGitLab] : [emulateGitLab, emulateSlack];
    this.stores = emulate.slice(0, themes.stores).map((one) => this.#store(one));
    const lines = this.stores.map(({ vendor, faults, guard }) => ({
      vendor,
      faults,
      witness: {
        turn: () => this.#turnInHand(),
        stopped: guard.stopped.bind(guard),
        onWrite: (turn: Turn, write: Write, caller: Caller) => {
          this.pulled?.look();
          guard.onWrite(turn, write, caller);
        },
        crowded: (why: string) => void guard.violations.push(why),
        diverged: guard.diverged.bind(guard),
      },
    }));
    const now = () => this.scheduler.now;
    const directory = themes.pulled ? new PulledDirectory(random, now) : null;
    this.pulled = directory && new PulledRecords(this.model, directory, (sql) => database.rows(sql));
    this.#network = new Network({
      ...{ scheduler: this.scheduler, random, lines, directory },
      writesMax: themes.parallel,
    });
    this.replicas = [this.#replica(0, 'one'), this.#replica(1, 'two')];
  }

  #store(emulate: typeof emulateSlack): SimulatedStore {
    const vendor = new Vendor(
      emulate(() => this.scheduler.now, OWN_EMAIL, this.themes.keepsMemberships),
      () => this.scheduler.now,
    );
    const guard = new Guard({
      model: this.model,
      vendor,
      now: () => this.scheduler.now,
      note: (what) => this.note(`  ${vendor.traits.type}: ${what}`),
    });
    return { id: '', vendor, faults: { ...NO_FAULTS }, guard };
  }

  /** The database has the store from now on. */
  named(store: SimulatedStore, id: string): void {
    store.id = id;
    store.guard.records.storeId = id;
  }

  note(what: string): void {
    this.trace.push(`${new Date(this.scheduler.now).toISOString().slice(5, 23)} ${what}`);
  }

  get violations(): readonly string[] {
    const ofStores = this.stores.flatMap((store) => store.guard.violations);
    return [...ofStores, ...(this.pulled?.violations ?? []), ...this.#faultsOfOurs];
  }

  sleep(ms: number): Promise<void> {
    return this.scheduler.sleep(this.people, ms);
  }

  /** Waits until nothing has happened for `ms`, or until the deadline. */
  async silence(ms: number, deadline: number): Promise<void> {
    const { scheduler } = this;
    while (scheduler.calmMs < ms && scheduler.now < deadline) await this.sleep(ms - scheduler.calmMs);
  }

  /** The history is over: everything in it stops. */
  abandon(): void {
    for (const { process } of this.replicas) process.alive = false;
    for (const access of this.#database.accesses) access.onAcquire = async () => {};
  }

  /** A SCIM request to either process. Throws ConnectionReset if that process dies meanwhile. */
  async scim(method: Question['method'], path: string, body?: unknown): Promise<Reply> {
    const type = 'application/scim+json' as const;
    const question = { method, path: `/scim/v2${path}`, token: this.scimToken, type, body };
    return this.#answered(question, await (await this.#anyReplica()).ask(question));
  }

  /** A request to the admin API, below the environment. No process dies while it answers one. */
  async admin(method: Question['method'], path: string, body?: unknown): Promise<Reply> {
    const type = 'application/json' as const;
    const question = { method, path: this.basePath + path, token: ADMIN_TOKEN, type, body };
    const replica = await this.#anyReplica();
    replica.process.sheltered += 1;
    try {
      return this.#answered(question, await replica.ask(question));
    } finally {
      replica.process.sheltered -= 1;
    }
  }

  /** A random replica, as the next request may reach either. */
  async #anyReplica(): Promise<Replica> {
    for (;;) {
      const alive = this.replicas.filter(({ process }) => process.alive);
      if (alive.length > 0) return this.random.pick(alive);
      await this.sleep(1);
    }
  }

  #answered({ method, path }: Question, reply: Reply): Reply {
    this.scheduler.happens();
    this.pulled?.look();
    // This answer is right while both processes are down, or the one that had the request.
    const isDown = reply.status === 503 && reply.body.code === 'no_worker';
    if (reply.status >= 500 && !isDown) {
      this.#faultsOfOurs.push(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    }
    return reply;
  }

  #turnInHand(): Turn {
    const now = this.#turnNow();
    return { ...(this.#turn.getStore() ?? now), sentTick: now.sentTick };
  }

  #turnNow(): Turn {
    const { certain, pulled } = this.model;
    return { tick: Math.min(certain, pulled), at: this.scheduler.now, sentTick: certain };
  }

  /** Whether work on the subject has begun since; `since` is by a process's clock. */
  isTried(store: SimulatedStore, subjectId: string, since: number): boolean {
    return (this.#tried.get(`${store.id} ${subjectId}`) ?? 0) >= since - SKEW_MAX_MS;
  }

  #replica(slot: 0 | 1, name: string): Replica {
    const process: Process = {
      ...calmProcess(name),
      skewMs: this.random.int(-SKEW_MAX_MS / 2, SKEW_MAX_MS / 2),
    };
    return new Replica({
      process,
      scheduler: this.scheduler,
      random: this.random,
      access: this.#database.accesses[slot],
      fetch: this.#network.fetchOf(process),
      isGone: async (_db, other) => this.themes.deathIsKnown && this.#dead.has(other),
      onLine: (line) => this.#read(line),
    });
  }

  /** After a while, a new process replaces the dead one. */
  #crashed(process: Process): void {
    this.crashes += 1;
    this.#dead.add(process.name);
    this.note(`${process.name} crashes`);
    const slot = this.replicas[0].process === process ? 0 : 1;
    this.replicas[slot].died();
    // First everything of the dead process must reach a wait, which it never leaves.
    this.scheduler.spawn(this.people, async () => {
      const successor = this.#replica(slot, `${process.name}'`);
      successor.process.stalledUntil = this.scheduler.now + this.random.int(500, 40_000);
      this.replicas[slot] = successor;
      successor.start();
    });
  }

  #read({ msg, storeId, subject, err, error }: LogLine): void {
    if (msg === 'an attempt at a task begins') {
      const turn = this.#turnNow();
      this.#turn.enterWith(turn);
      this.#tried.set(`${storeId} ${subject?.id}`, turn.at);
    }
    const fault = err ?? error;
    // An error that no vendor caused is the bridge's.
    if (fault && fault.name !== 'RemoteError') {
      this.#faultsOfOurs.push(`${msg}: ${fault.stack ?? JSON.stringify(fault)}`);
    }
  }
}
