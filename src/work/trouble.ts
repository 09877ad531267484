/**
 * How a peer has fared of late, remembered between two turns: failures in a row, whose they were, and until when
 * it is left in peace. Says when to wait; waits for nobody itself.
 */

import { backoffMs } from './failure.ts';

/** From this many subjects that fail in a row the peer, not a subject, is taken to be in trouble. */
const TROUBLE_MIN = 3;
/** Between two tries of a peer in trouble. */
const TROUBLE_WAIT_MAX_MS = 5_000;

export class Trouble {
  /** Failures since the last success. */
  #streak = 0;
  readonly #failing = new Set<string>();
  #notBefore = 0;

  get streak(): number {
    return this.#streak;
  }

  /** Milliseconds for which the peer is still to be left in peace; 0 where it need not be. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** The vendor said how long it wants to be left in peace. */
  waitUntil(at: number): void {
    this.#notBefore = at;
  }

  /** `subjectId` is null for a run over the whole peer, which fails only because the peer does. */
  failed(subjectId: string | null, now: number): void {
    this.#streak += 1;
    if (subjectId !== null) this.#failing.add(subjectId);
    // One subject that fails again and again waits by itself, and others need not wait for it.
    const allFail = subjectId === null || this.#failing.size >= TROUBLE_MIN;
    if (!allFail || this.#streak < TROUBLE_MIN) return;
    this.#notBefore = now + Math.min(TROUBLE_WAIT_MAX_MS, backoffMs(this.#streak - TROUBLE_MIN));
  }

  /** True where that ends a trouble that others may be waiting for. */
  succeeded(): boolean {
    const ends = this.#streak >= TROUBLE_MIN;
    this.#streak = 0;
    this.#failing.clear();
    return ends;
  }
}
