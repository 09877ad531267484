/**
 * What a worker remembers of a peer between two turns: how many attempts failed in a row, whose they were, and until
 * when it leaves the peer alone. It says how long to wait; it never waits itself.
 */

import { backoffMs } from './failure.ts';

/** Where so many subjects failed in a row, the peer is in trouble, not the subjects. */
const TROUBLE_MIN = 3;
/** The longest wait between two attempts at a peer in trouble. */
const TROUBLE_WAIT_MAX_MS = 5_000;

export class Trouble {
  /** How many attempts failed since the last success. */
  #streak = 0;
  readonly #failing = new Set<string>();
  #notBefore = 0;

  get streak(): number {
    return this.#streak;
  }

  /** For how many milliseconds the worker still leaves the peer alone. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** The vendor said how long it wants to be left alone. */
  waitUntil(at: number): void {
    this.#notBefore = at;
  }

  /** `subjectId` is null for a run over the whole peer, whose failures are the peer's alone. */
  failed(subjectId: string | null, now: number): void {
    this.#streak += 1;
    if (subjectId !== null) this.#failing.add(subjectId);
    // A single subject that fails again and again has a backoff of its own: the others go on.
    const allFail = subjectId === null || this.#failing.size >= TROUBLE_MIN;
    if (!allFail || this.#streak < TROUBLE_MIN) return;
    this.#notBefore = now + Math.min(TROUBLE_WAIT_MAX_MS, backoffMs(this.#streak - TROUBLE_MIN));
  }

  /** True where this ends trouble: the tasks that wait because of it need not wait any longer. */
  succeeded(): boolean {
    const ends = this.#streak >= TROUBLE_MIN;
    this.#streak = 0;
    this.#failing.clear();
    return ends;
  }
}
