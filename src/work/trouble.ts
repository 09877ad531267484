/**
 * What a worker remembers of a peer between two turns: how many attempts failed in a row, at which subjects, and
 * until when to leave the peer alone. It says how long to wait; it never waits itself.
 */

import { backoffMs } from './failure.ts';

/** Where this many subjects failed in a row, the peer is in trouble, not the subjects. */
const TROUBLE_MIN = 3;
/** The longest wait between two attempts at a peer in trouble. */
const TROUBLE_WAIT_MAX_MS = 5_000;
/**
 * While something else than the vendor answers: the gap between two probes in the first minute, and the longest gap
 * after that.
 */
const PROBE_GAP_MS = 5_000;
const PROBE_GAP_MAX_MS = 60_000;
const PROBES_OFTEN_FOR_MS = 60_000;

export class Trouble {
  /** How many attempts failed since the last success. */
  #streak = 0;
  readonly #failing = new Set<string>();
  #notBefore = 0;
  /** When the worker last decided to leave the peer alone. An attempt that began before says nothing new. */
  #decidedAt = Number.NEGATIVE_INFINITY;
  /** Since when something else than the vendor answers, and the next gap. */
  #probing: { readonly since: number; gapMs: number } | null = null;

  get streak(): number {
    return this.#streak;
  }

  /** Whether so many subjects failed in a row that none of them is to blame. */
  get isInTrouble(): boolean {
    return this.#streak >= TROUBLE_MIN && this.#failing.size >= TROUBLE_MIN;
  }

  /** For how many milliseconds the worker still leaves the peer alone. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /**
   * `subjectId`: null for a run over the whole peer, whose failures are the peer's alone. `unrecognised`: something
   * else than the vendor answered. `began`: when the attempt began.
   */
  failed(
    subjectId: string | null,
    now: number,
    { unrecognised = false, began = now }: { readonly unrecognised?: boolean; readonly began?: number } = {},
  ): void {
    if (subjectId !== null) this.#failing.add(subjectId);
    if (began < this.#decidedAt) return;
    this.#streak += 1;
    // A single subject that keeps failing has a backoff of its own, and the others go on.
    const allFail = subjectId === null || this.#failing.size >= TROUBLE_MIN;
    if (!unrecognised) this.#probing = null;
    if (!allFail || this.#streak < TROUBLE_MIN) return;
    const gapMs = unrecognised
      ? this.#nextProbeMs(now)
      : Math.min(TROUBLE_WAIT_MAX_MS, backoffMs(this.#streak - TROUBLE_MIN));
    this.#notBefore = now + gapMs;
    this.#decidedAt = now;
  }

  #nextProbeMs(now: number): number {
    this.#probing ??= { since: now, gapMs: PROBE_GAP_MS };
    const { since, gapMs } = this.#probing;
    if (now - since >= PROBES_OFTEN_FOR_MS) this.#probing.gapMs = Math.min(PROBE_GAP_MAX_MS, gapMs * 2);
    return this.#probing.gapMs;
  }

  /** Whether this ends trouble: then tasks that wait because of it need not wait any longer. */
  succeeded(): boolean {
    const ends = this.#streak >= TROUBLE_MIN;
    this.#streak = 0;
    this.#failing.clear();
    this.#probing = null;
    this.#notBefore = 0;
    this.#decidedAt = Number.NEGATIVE_INFINITY;
    return ends;
  }
}
