/**
 * Runs a worker's time with one peer: takes the peer's lease, renews it, takes one turn after the other, and lets the
 * lease go when nothing is left to do. The duties decide what a turn does.
 */

import type { Db } from '../db/open.ts';
import { acquireLease, type Lease, LeaseLost, releaseLease, renewLease } from '../db/queue/leases.ts';
import type { Presence } from '../db/queue/presence.ts';
import { type Clock, ENOUGH, isoTime, pause } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** What a worker does for a peer while it has the lease. */
export interface Duties {
  /**
   * Part of the transaction that takes over a lease whose holder did not let go of it. A call of that holder may take
   * effect until `callsEndAt`, an ISO time.
   */
  takeOver(tx: Db, callsEndAt: string): Promise<void>;
  /** Does, or begins, what is due first. It waits only for the database and the vendor. */
  turn(shift: Shift): Promise<Next>;
  /** Resolves when nothing that the turns began is under way any more. Never rejects. */
  over(): Promise<void>;
}

/** The time for which a runner has the lease. */
export interface Shift {
  readonly lease: Lease;
  /** Ends the calls under way. */
  readonly calls: AbortSignal;
  /** Whether a request may wait for an answer about the peer. Asking resets it until the next request. */
  isAsked(): boolean;
  /** The bridge stops: the duties finish what is under way, and begin nothing else. */
  readonly stopping: AbortSignal;
}

/** What comes after a turn. */
export type Next =
  | { readonly kind: 'again' }
  /** The worker leaves the peer alone for so long, or until something under way is over. */
  | { readonly kind: 'wait'; readonly ms: number; readonly freed?: Promise<void> | undefined }
  /** Nothing more may begin before something under way is over, or somebody announces work. */
  | { readonly kind: 'busy'; readonly freed: Promise<void> }
  /**
   * Nothing is due, or nothing before so many milliseconds. `stay`: the runner keeps going, because the duties
   * remember things that would be lost with it.
   */
  | { readonly kind: 'idle'; readonly stay: boolean; readonly ms?: number }
  /** The peer is inactive, paused or gone. */
  | { readonly kind: 'end' };

export interface RunnerDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process in leases, and knows which other processes are gone. */
  readonly presence: Pick<Presence, 'holder' | 'isGone'>;
}

/** How long a lease lives without renewal, and how long a call may take that began in its last moment. */
const LEASE_MS = 9_000;
export const RENEW_MS = LEASE_MS / 3;
export const CALL_MAX_MS = 15_000;
/** A runner with nothing to do keeps the lease for a moment: the next change is likely for the same peer. */
const LINGER_MS = 3_000;

export class PeerRunner {
  readonly peerId: string;
  readonly #deps: RunnerDeps;
  readonly #duties: Duties;
  readonly #stopping: AbortSignal;
  readonly #calls = new AbortController();
  #rest: { readonly nudgeable: boolean; readonly cut: AbortController } | null = null;
  #nudged = false;
  #hurried = false;
  #asked = true;
  #leasedUntil = 0;
  #turns = 0;

  /** When `stopping` aborts, the runner ends after what is under way; `abortCalls` ends the calls under way too. */
  constructor(peerId: string, duties: Duties, deps: RunnerDeps, stopping: AbortSignal) {
    this.peerId = peerId;
    this.#duties = duties;
    this.#deps = deps;
    this.#stopping = stopping;
  }

  /** Somebody committed work, or some has become due. It does not end a wait that the vendor asked for. */
  nudge(): void {
    this.#nudged = true;
    if (this.#rest?.nudgeable) this.#rest.cut.abort(ENOUGH);
  }

  /** A request waits for an answer: this ends any wait. */
  hurry(): void {
    this.#nudged = true;
    this.#hurried = true;
    this.#asked = true;
    this.#rest?.cut.abort(ENOUGH);
  }

  /** Whether somebody announced work after the last turn had begun. */
  get nudged(): boolean {
    return this.#nudged;
  }

  /** How many turns have begun. */
  get turns(): number {
    return this.#turns;
  }

  abortCalls(): void {
    this.#calls.abort(new Error('the bridge is stopping'));
  }

  /** Another worker may have the lease by now: ends the calls under way, and none begins. */
  loseLease(): void {
    this.#calls.abort(new LeaseLost(this.peerId));
  }

  /** Resolves when nothing is left to do, another worker has the lease, or the bridge stops. */
  async run(): Promise<void> {
    const lease = await this.acquire();
    if (!lease) return;
    const over = new AbortController();
    void this.#keepAlive(lease, over.signal);
    try {
      await this.#work(lease);
    } catch (error) {
      const cutShort = this.#calls.signal.aborted || error instanceof LeaseLost;
      if (!cutShort) throw error;
      if (!this.#stopping.aborted)
        this.#deps.log.warn({ peerId: this.peerId }, 'lost the lease; its new holder goes on');
    } finally {
      // The next holder of the lease must find no call under way that the database does not know of.
      await this.#duties.over();
      over.abort(ENOUGH);
      await releaseLease(this.#deps.db, lease);
    }
  }

  /** Null where another worker has the lease. */
  async acquire(): Promise<Lease | null> {
    const { db, clock, presence } = this.#deps;
    const holder = await presence.holder();
    const now = clock.now();
    this.#leasedUntil = now + LEASE_MS;
    const callsEndAt = isoTime(this.#leasedUntil + CALL_MAX_MS);
    const applicant = {
      holder,
      isGone: (other: string) => presence.isGone(db, other),
      takeOver: (tx: Db) => this.#duties.takeOver(tx, callsEndAt),
    };
    return acquireLease(db, this.peerId, applicant, {
      expiresAt: isoTime(this.#leasedUntil),
      deadBefore: isoTime(now - CALL_MAX_MS),
    });
  }

  /**
   * Does not wait for a renewal to finish: while the database is silent, the next renewal notices that the lease has
   * run out.
   */
  async #keepAlive(lease: Lease, over: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.#deps.clock, RENEW_MS, over);
      if (over.aborted) return;
      void this.renew(lease);
    }
  }

  /**
   * Renews the lease. Ends the calls under way where another worker has the lease, or could have it by now. Never
   * rejects.
   */
  async renew(lease: Lease): Promise<void> {
    const { db, clock, log } = this.#deps;
    const now = clock.now();
    // This process stood still, or could not reach the database; a successor relies on its having stopped.
    if (now > this.#leasedUntil) return this.loseLease();
    try {
      if (!(await renewLease(db, lease, isoTime(now + LEASE_MS)))) return this.loseLease();
      this.#leasedUntil = now + LEASE_MS;
    } catch (error) {
      log.warn({ err: error, peerId: this.peerId }, 'could not renew the lease; trying again');
    }
  }

  /** One turn of the duties. */
  turn(lease: Lease): Promise<Next> {
    this.#calls.signal.throwIfAborted();
    this.#turns += 1;
    return this.#duties.turn({
      lease,
      calls: this.#calls.signal,
      stopping: this.#stopping,
      isAsked: () => {
        const asked = this.#asked;
        this.#asked = false;
        return asked;
      },
    });
  }

  async #work(lease: Lease): Promise<void> {
    while (!this.#stopping.aborted) {
      this.#nudged = false;
      this.#hurried = false;
      const next = await this.turn(lease);
      if (next.kind === 'end') return;
      if (next.kind === 'wait') await this.#pause(next.ms, false, next.freed);
      if (next.kind === 'busy') await this.#pause(LINGER_MS, true, next.freed);
      if (next.kind !== 'idle') continue;
      if (await this.#pause(Math.min(next.ms ?? LINGER_MS, LINGER_MS), true)) continue;
      if (!next.stay) return;
    }
  }

  /**
   * Whether new work ended the wait, where it may (`nudgeable`); false where time, a request, a stop or `freed` did.
   */
  async #pause(ms: number, nudgeable: boolean, freed?: Promise<void>): Promise<boolean> {
    if (this.#stopping.aborted) return false;
    if (this.#hurried || (nudgeable && this.#nudged)) return nudgeable;
    const cut = new AbortController();
    const onStop = () => cut.abort(ENOUGH);
    this.#stopping.addEventListener('abort', onStop, { once: true });
    this.#rest = { nudgeable, cut };
    void freed?.then(() => cut.abort(ENOUGH));
    await pause(this.#deps.clock, ms, cut.signal);
    this.#rest = null;
    this.#stopping.removeEventListener('abort', onStop);
    return nudgeable && this.#nudged;
  }
}
