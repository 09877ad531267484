/**
 * Simulated time and simulated concurrency. Fibers are ordinary async functions of which exactly one runs
 * at any moment, from one point to the next; at a point the seeded chance decides whether it goes on,
 * another goes first, or the process that it belongs to dies there with everything it had in memory.
 */

import type { Random } from './random.ts';

/** What crashes, stalls and has a clock of its own. */
export interface Process {
  readonly name: string;
  /** How far its clock is off, in milliseconds. */
  readonly skewMs: number;
  /** The chance of dying at a point; 0 never. */
  crashChance: number;
  alive: boolean;
  /** Nothing of it runs before then. */
  stalledUntil: number;
}

interface Fiber {
  readonly process: Process;
  wakeAt: number;
  /** True while it may be woken early by `wake`. */
  light: boolean;
  resume: () => void;
}

/** What two clocks may differ by. */
export const SKEW_MAX_MS = 3_000;

/** Turns of fibers in one history; a history that needs more does not end. */
const TURNS_MAX = 400_000;

/** How often, at a point, another fiber goes first. */
const SWITCH_CHANCE = 0.25;

export class Scheduler {
  readonly #random: Random;
  readonly #waiting: Fiber[] = [];
  #now: number;
  #current: Fiber | null = null;
  #endTurn: () => void = () => {};
  #failure: unknown = null;
  #turns = 0;
  /** Called when a process dies. */
  onCrash: (process: Process) => void = () => {};

  constructor(random: Random, startMs: number) {
    this.#random = random;
    this.#now = startMs;
  }

  /** True time, which no process knows exactly. */
  get now(): number {
    return this.#now;
  }

  clockOf(process: Process) {
    return {
      now: () => this.#now + process.skewMs,
      // Nothing in the simulation waits through a clock but for somebody's patience to end.
      sleep: (_ms: number, signal?: AbortSignal) =>
        new Promise<void>((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
    };
  }

  /** The body starts when the scheduler comes to it. What it throws ends the history. */
  spawn(process: Process, body: () => Promise<void>): void {
    this.#waiting.push({
      process,
      wakeAt: this.#now,
      light: false,
      resume: () => {
        body()
          .catch((error: unknown) => {
            this.#failure ??= error;
          })
          .finally(() => this.#endTurn());
      },
    });
  }

  /** Where a process may die and others may go first. Outside of a fiber it is nothing. */
  async point(): Promise<void> {
    const fiber = this.#current;
    if (!fiber) return;
    const { process } = fiber;
    if (process.crashChance > 0 && this.#random.chance(process.crashChance)) {
      process.alive = false;
      this.onCrash(process);
    }
    const mustWait = !process.alive || process.stalledUntil > this.#now;
    if (mustWait || this.#random.chance(SWITCH_CHANCE)) await this.#park(this.#now, false);
  }

  /** Lets simulated time pass. */
  async sleep(ms: number): Promise<void> {
    await this.#park(this.#now + ms, false);
    await this.point();
  }

  /** The same, but `wake` ends it. */
  async doze(ms: number): Promise<void> {
    await this.#park(this.#now + ms, true);
  }

  /** Ends everybody's doze within `withinMs`. */
  wake(withinMs: number): void {
    for (const fiber of this.#waiting) {
      if (fiber.light) fiber.wakeAt = Math.min(fiber.wakeAt, this.#now + this.#random.int(0, withinMs));
    }
  }

  /** Runs until `done` says so. Throws what a fiber threw. */
  async run(done: () => boolean): Promise<void> {
    while (!done()) {
      if (++this.#turns > TURNS_MAX) throw new Error(`not done after ${TURNS_MAX} turns`);
      const fiber = this.#next();
      if (!fiber) throw new Error('nothing is left to run, and the history is not done');
      this.#current = fiber;
      await new Promise<void>((resolve) => {
        this.#endTurn = resolve;
        fiber.resume();
      });
      this.#current = null;
      if (this.#failure) throw this.#failure;
    }
  }

  #next(): Fiber | null {
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      if (!this.#waiting[at]?.process.alive) this.#waiting.splice(at, 1);
    }
    if (this.#waiting.length === 0) return null;
    const due = (fiber: Fiber) => Math.max(fiber.wakeAt, fiber.process.stalledUntil);
    const earliest = Math.min(...this.#waiting.map(due));
    if (earliest > this.#now) this.#now = earliest;
    const ready = this.#waiting.filter((fiber) => due(fiber) <= this.#now);
    const chosen = this.#random.pick(ready);
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    return chosen;
  }

  #park(wakeAt: number, light: boolean): Promise<void> {
    const fiber = this.#current;
    if (!fiber) throw new Error('only a fiber can wait');
    return new Promise((resolve) => {
      this.#waiting.push({ process: fiber.process, wakeAt, light, resume: resolve });
      this.#endTurn();
    });
  }
}
