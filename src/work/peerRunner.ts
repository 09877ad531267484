/**
 * Works for one peer under its lease: takes the lease, renews it, does one turn after the other, and lets go of it
 * when nothing is left to do. What is done in a turn is up to the peer's duties.
 */

import type { Db } from '../db/open.ts';
import { acquireLease, type Lease, LeaseLost, releaseLease, renewLease } from '../db/queue/leases.ts';
import type { Presence } from '../db/queue/presence.ts';
import { type Clock, isoTime, pause } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** What a worker does for a peer while it has the lease. */
export interface Duties {
  /**
   * Part of the transaction that takes a lease which its holder did not let go of. A call that the holder made
   * may take effect until `callsEndAt`, an ISO time.
   */
  takeOver(tx: Db, callsEndAt: string): Promise<void>;
  /** Does the one thing that is due first. Waits for nobody but the database and the vendor. */
  turn(shift: Shift): Promise<Next>;
}

/** The time for which a runner has the lease. */
export interface Shift {
  readonly lease: Lease;
  /** Ends the call in hand. */
  readonly calls: AbortSignal;
  /** The bridge stops: what is in hand is finished, nothing else is begun. */
  readonly stopping: AbortSignal;
}

/** What comes after a turn. */
export type Next =
  | { readonly kind: 'again' }
  /** The peer is to be left in peace for so long. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Nothing is due. `stay`: what the duties remember would be lost if the runner ended. */
  | { readonly kind: 'idle'; readonly stay: boolean }
  /** The peer may not be worked on, or is gone. */
  | { readonly kind: 'end' };

export interface RunnerDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process in leases, and knows which others are gone. */
  readonly presence: Pick<Presence, 'holder' | 'isGone'>;
}

/** How long a lease lives without renewal, and a call that its holder may still have made before it ran out. */
const LEASE_MS = 9_000;
export const RENEW_MS = LEASE_MS / 3;
export const CALL_MAX_MS = 15_000;
/** An idle runner keeps the lease for a moment: the next change is likely for the same peer. */
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
  #leasedUntil = 0;

  /** `stopping` ends the run after the task in hand; `abortCalls` also ends the call in hand. */
  constructor(peerId: string, duties: Duties, deps: RunnerDeps, stopping: AbortSignal) {
    this.peerId = peerId;
    this.#duties = duties;
    this.#deps = deps;
    this.#stopping = stopping;
  }

  /** New work was committed, or has become due. A peer that is to be left in peace is left in peace. */
  nudge(): void {
    this.#nudged = true;
    if (this.#rest?.nudgeable) this.#rest.cut.abort();
  }

  /** A request waits for an answer, which is given whatever else waits. */
  hurry(): void {
    this.#nudged = true;
    this.#hurried = true;
    this.#rest?.cut.abort();
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
    this.#calls.abort(new LeaseLost(this.peerId));
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
      const cutShort = this.#calls.signal.aborted || error instanceof LeaseLost;
      if (!cutShort) throw error;
      if (!this.#stopping.aborted)
        this.#deps.log.warn({ peerId: this.peerId }, 'lost the lease; its new holder goes on');
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
      log.warn({ err: error, peerId: this.peerId }, 'could not renew the lease; trying again');
    }
  }

  /** One turn of the duties. */
  turn(lease: Lease): Promise<Next> {
    this.#calls.signal.throwIfAborted();
    return this.#duties.turn({ lease, calls: this.#calls.signal, stopping: this.#stopping });
  }

  async #work(lease: Lease): Promise<void> {
    while (!this.#stopping.aborted) {
      this.#nudged = false;
      this.#hurried = false;
      const next = await this.turn(lease);
      if (next.kind === 'end') return;
      if (next.kind === 'wait') await this.#pause(next.ms, false);
      if (next.kind !== 'idle' || (await this.#pause(LINGER_MS, true))) continue;
      if (!next.stay) return;
    }
  }

  /** True where new work cut it short (`nudgeable`); otherwise the time passed, a request waits, or the bridge stops. */
  async #pause(ms: number, nudgeable: boolean): Promise<boolean> {
    if (this.#stopping.aborted) return false;
    if (this.#hurried || (nudgeable && this.#nudged)) return nudgeable;
    const cut = new AbortController();
    const onStop = () => cut.abort();
    this.#stopping.addEventListener('abort', onStop, { once: true });
    this.#rest = { nudgeable, cut };
    await pause(this.#deps.clock, ms, cut.signal);
    this.#rest = null;
    this.#stopping.removeEventListener('abort', onStop);
    return nudgeable && this.#nudged;
  }
}
