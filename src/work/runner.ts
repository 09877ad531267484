/**
 * Works on one store at a time, one task after the other, under the store's lease: leavers first, then
 * everything else, then one step of a sync, and from the top again.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import { acquireLease, type Lease, releaseLease, renewLease } from '../db/queue/leases.ts';
import type { Presence } from '../db/queue/presence.ts';
import { type DueTask, endBackoff, nextDueLeaver, nextDueTask } from '../db/queue/queue.ts';
import { enqueueDueRechecks } from '../db/queue/rechecks.ts';
import { hasOpenTasks } from '../db/queue/tasks.ts';
import { nextOpenRun } from '../db/runs/syncRuns.ts';
import { getStore, type StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { Attempt, LeaseLost } from '../settle/attempt.ts';
import { settleGroup } from '../settle/groups/settleGroup.ts';
import { settleUser } from '../settle/people/settleUser.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type Clock, isoTime, pause } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { closeSettledRuns, settleSyncFailure, syncStep } from '../sync/syncRuns.ts';
import { backoffMs, reactionTo, type StoreReaction, settleFailure } from './failure.ts';

/** What the worker needs of a store's life, which is not its own business. */
export interface StoreLifecycle {
  storeContextOf(store: StoreRecord): Promise<StoreContext>;
  /** A bad credential: tasks stay, the store says so, and is tried again with growing gaps. */
  pauseForCredential(store: StoreRecord, error: RemoteError): Promise<void>;
  /** A pause whose `retryAt` is due. */
  recheck(store: StoreRecord): Promise<void>;
  /** A `DELETING` store without work left. */
  finishDeletion(store: StoreRecord): Promise<void>;
  onCall(storeType: string, op: string, call: VendorCall): void;
}

export interface RunnerDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly storeLifecycle: StoreLifecycle;
  /** Names this process in leases, and knows which others are gone. */
  readonly presence: Pick<Presence, 'holder' | 'isGone'>;
}

/** What a store's runner does after a turn. */
export type Next =
  | { readonly kind: 'again' }
  /** The store is to be left in peace for so long. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Nothing is due. */
  | { readonly kind: 'idle' }
  /** The store may not be worked on, or is gone. */
  | { readonly kind: 'end' };

/** How long a lease lives without renewal, and a call that its holder may still have made before it ran out. */
const LEASE_MS = 9_000;
export const RENEW_MS = LEASE_MS / 3;
const CALL_MAX_MS = 15_000;
const LOOKS_EVERY_MS = 1_000;
/** An idle runner keeps the lease for a moment: the next change is likely for the same store. */
const LINGER_MS = 3_000;
/** From this many subjects that fail in a row the store, not a subject, is taken to be in trouble. */
const TROUBLE_MIN = 3;
/** Between two tries of a store in trouble. */
const TROUBLE_WAIT_MAX_MS = 5_000;

export class StoreRunner {
  readonly storeId: string;
  readonly #deps: RunnerDeps;
  readonly #stopping: AbortSignal;
  readonly #calls = new AbortController();
  /** Failures since the last success, and whose they were. */
  #streak = 0;
  readonly #failing = new Set<string>();
  #notBefore = 0;
  #nudge: (() => void) | null = null;
  #nudged = false;
  #leasedUntil = 0;
  #looksNextAt = 0;

  /** `stopping` ends the run after the task in hand; `abortCalls` also ends the call in hand. */
  constructor(storeId: string, deps: RunnerDeps, stopping: AbortSignal) {
    this.storeId = storeId;
    this.#deps = deps;
    this.#stopping = stopping;
  }

  /** New work was committed, or has become due. */
  nudge(): void {
    this.#nudged = true;
    this.#nudge?.();
  }

  /** Work was announced after the run had last looked for some. */
  get nudged(): boolean {
    return this.#nudged;
  }

  abortCalls(): void {
    this.#calls.abort(new Error('the bridge is stopping'));
  }

  /** Somebody else may have the lease by now: the call in hand ends, and no other begins. */
  loseLease(): void {
    this.#calls.abort(new LeaseLost(this.storeId));
  }

  /** Returns when nothing is left to do, somebody else holds the lease, or the bridge stops. */
  async run(): Promise<void> {
    const lease = await this.acquire();
    if (!lease) return;
    const over = new AbortController();
    void this.#keepAlive(lease, over.signal);
    try {
      await this.#work(lease);
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error;
      this.#deps.log.warn({ storeId: this.storeId }, 'lost the lease on a store; its new holder goes on');
    } finally {
      over.abort();
      await releaseLease(this.#deps.db, lease);
    }
  }

  /** Null where somebody else holds the lease. */
  async acquire(): Promise<Lease | null> {
    const { db, clock, presence } = this.#deps;
    const holder = await presence.holder();
    const now = clock.now();
    this.#leasedUntil = now + LEASE_MS;
    const times = {
      expiresAt: isoTime(this.#leasedUntil),
      deadBefore: isoTime(now - CALL_MAX_MS),
      lookAgainAt: isoTime(this.#leasedUntil + CALL_MAX_MS),
    };
    return acquireLease(db, this.storeId, holder, times, (other) => presence.isGone(db, other));
  }

  /** Waits for no renewal: where the database does not answer, the next one sees that the lease has run out. */
  async #keepAlive(lease: Lease, over: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.#deps.clock, RENEW_MS, over);
      if (over.aborted) return;
      void this.renew(lease);
    }
  }

  /** Ends the call in hand where the lease has passed to somebody else, or could have by now. Never rejects. */
  async renew(lease: Lease): Promise<void> {
    const { db, clock, log } = this.#deps;
    const now = clock.now();
    // Frozen, or cut off from the database, for so long: whoever waits for the lease counts on this.
    if (now > this.#leasedUntil) return this.loseLease();
    try {
      if (!(await renewLease(db, lease, isoTime(now + LEASE_MS)))) return this.loseLease();
      this.#leasedUntil = now + LEASE_MS;
    } catch (error) {
      log.warn({ err: error, storeId: lease.storeId }, 'could not renew the lease on a store; trying again');
    }
  }

  async #work(lease: Lease): Promise<void> {
    while (!this.#stopping.aborted) {
      this.#nudged = false;
      const next = await this.turn(lease);
      if (next.kind === 'end') return;
      if (next.kind === 'wait') await this.#rest(next.ms, false);
      if (next.kind !== 'idle' || (await this.#rest(LINGER_MS, true))) continue;
      // While the store is in trouble it is remembered what was tried.
      if (this.#streak === 0) return;
    }
  }

  /** Does the one thing that is due first. Waits for nobody but the database and the vendor. */
  async turn(lease: Lease): Promise<Next> {
    const { db, clock, storeLifecycle } = this.#deps;
    this.#calls.signal.throwIfAborted();
    const store = await this.#usableStore();
    if (!store) return { kind: 'end' };
    const waitMs = this.#notBefore - clock.now();
    if (waitMs > 0) return { kind: 'wait', ms: waitMs };
    const context = await storeLifecycle.storeContextOf(store);
    await this.#enqueueRechecks();
    const task = await nextDueTask(db, store.id, isoTime(clock.now()));
    if (task) {
      await this.#settle(context, lease, task);
      return { kind: 'again' };
    }
    // A run that a change of settings or rules has just asked for counts what the new ones would take.
    if ((await nextOpenRun(db, store.id)) && (await this.#syncStep(await this.#contextNow(context), lease)))
      return { kind: 'again' };
    await closeSettledRuns({ db, clock }, context, lease);
    if (store.status !== 'DELETING' || !(await this.#nothingPending())) return { kind: 'idle' };
    await storeLifecycle.finishDeletion(store);
    return { kind: 'end' };
  }

  /** As the store is set now; `context` may be older than the run that is to be worked on. */
  async #contextNow(context: StoreContext): Promise<StoreContext> {
    const store = await getStore(this.#deps.db, this.storeId);
    return store ? this.#deps.storeLifecycle.storeContextOf(store) : context;
  }

  async #enqueueRechecks(): Promise<void> {
    const { db, clock } = this.#deps;
    if (clock.now() < this.#looksNextAt) return;
    this.#looksNextAt = clock.now() + LOOKS_EVERY_MS;
    await enqueueDueRechecks(db, this.storeId, isoTime(clock.now()));
  }

  /** Null where the store may not be worked on now. */
  async #usableStore(): Promise<StoreRecord | null> {
    const { db, clock, storeLifecycle } = this.#deps;
    const store = await getStore(db, this.storeId);
    if (!store) return null;
    if (store.paused) {
      if (store.retryAt === null || store.retryAt > isoTime(clock.now())) return null;
      await storeLifecycle.recheck(store);
      const again = await getStore(db, this.storeId);
      return again && !again.paused && again.status !== 'INACTIVE' ? again : null;
    }
    return store.status === 'INACTIVE' ? null : store;
  }

  /** Settles the leavers who became due since the work in hand began. True where there were some. */
  async #letLeaversPass(lease: Lease): Promise<boolean> {
    const { db, clock, storeLifecycle } = this.#deps;
    for (let passed = 0; ; passed++) {
      const task = await nextDueLeaver(db, this.storeId, isoTime(clock.now()));
      if (!task || this.#stopping.aborted || this.#notBefore > clock.now()) return passed > 0;
      const store = await this.#usableStore();
      if (!store) return passed > 0;
      await this.#settle(await storeLifecycle.storeContextOf(store), lease, task, () =>
        Promise.resolve(false),
      );
    }
  }

  async #settle(
    context: StoreContext,
    lease: Lease,
    task: DueTask,
    giveWay = () => this.#letLeaversPass(lease),
  ): Promise<void> {
    const { db, clock, storeLifecycle, log } = this.#deps;
    log.debug(
      { storeId: context.store.id, subject: task.subject, correlationIds: task.causes },
      'an attempt at a task begins',
    );
    const attempt = new Attempt(
      { db, clock },
      {
        context,
        lease,
        task,
        signal: this.#calls.signal,
        onCall: (op, call) => storeLifecycle.onCall(context.store.type, op, call),
        giveWay,
      },
    );
    try {
      if (task.subject.kind === 'user') await settleUser(attempt);
      else await settleGroup(attempt);
      if (attempt.asked) await this.#succeeded(context.store);
    } catch (error) {
      const lost = error instanceof LeaseLost;
      if (lost || this.#calls.signal.aborted || mayStillArrive(error))
        await attempt.scheduleRecheck(isoTime(clock.now() + CALL_MAX_MS));
      if (lost) throw error;
      if (this.#calls.signal.aborted) return;
      log.warn(
        { err: error, storeId: context.store.id, subject: task.subject, correlationIds: task.causes },
        'a task failed',
      );
      await this.#failed(context.store, await settleFailure(attempt, error, this.#streak), task.subject.id);
    }
  }

  async #succeeded(store: StoreRecord): Promise<void> {
    if (this.#streak >= TROUBLE_MIN) {
      await endBackoff(this.#deps.db, store.id, isoTime(this.#deps.clock.now()));
    }
    this.#streak = 0;
    this.#failing.clear();
  }

  /** `subjectId` is null for a sync, which fails only because the store does. */
  async #failed(store: StoreRecord, aftermath: StoreReaction, subjectId: string | null): Promise<void> {
    const { clock, storeLifecycle } = this.#deps;
    switch (aftermath.kind) {
      case 'goOn':
        return;
      case 'wait':
        this.#notBefore = clock.now() + aftermath.ms;
        return;
      case 'pause':
        return storeLifecycle.pauseForCredential(store, aftermath.error);
      case 'trouble': {
        this.#streak += 1;
        if (subjectId !== null) this.#failing.add(subjectId);
        // One subject that fails again and again waits by itself, and others need not wait for it.
        const storeFails = subjectId === null || this.#failing.size >= TROUBLE_MIN;
        if (storeFails && this.#streak >= TROUBLE_MIN) {
          this.#notBefore =
            clock.now() + Math.min(TROUBLE_WAIT_MAX_MS, backoffMs(this.#streak - TROUBLE_MIN));
        }
      }
    }
  }

  async #syncStep(context: StoreContext, lease: Lease): Promise<boolean> {
    const { db, clock, storeLifecycle, log } = this.#deps;
    try {
      const record = (call: VendorCall) => storeLifecycle.onCall(context.store.type, 'scan', call);
      const giveWay = () => this.#letLeaversPass(lease);
      return await syncStep({ db, clock, giveWay }, context, lease, { signal: this.#calls.signal, record });
    } catch (error) {
      if (!(error instanceof RemoteError) || this.#calls.signal.aborted) throw error;
      log.warn({ err: error, storeId: context.store.id }, 'a step of a sync failed');
      await settleSyncFailure({ db, clock }, context, error);
      await this.#failed(context.store, reactionTo(error), null);
      return true;
    }
  }

  async #nothingPending(): Promise<boolean> {
    return !(await hasOpenTasks(this.#deps.db, this.storeId));
  }

  /** True where it was cut short by new work (`nudgeable`), or the time was merely waited. */
  async #rest(ms: number, nudgeable: boolean): Promise<boolean> {
    if (this.#stopping.aborted) return false;
    if (nudgeable && this.#nudged) return true;
    const cut = new AbortController();
    const end = () => cut.abort();
    this.#stopping.addEventListener('abort', end, { once: true });
    if (nudgeable) this.#nudge = end;
    await pause(this.#deps.clock, ms, cut.signal);
    this.#nudge = null;
    this.#stopping.removeEventListener('abort', end);
    return nudgeable && this.#nudged;
  }
}

/** Nobody answered a write: the vendor may carry it out after the next attempt has looked. */
function mayStillArrive(error: unknown): boolean {
  return error instanceof RemoteError && error.disposition === 'unknownOutcome';
}
