/**
 * Simulated time and chance. Everything in the bridges, at the vendors and among people waits at points, and runs
 * alone between two of them. At a point the seed decides: it goes on, others go first, or its process dies there with
 * everything in its memory.
 */

import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/support/clock.ts';
import { measureTurnsBy } from '../../src/support/turns.ts';
import type { Random } from '../random.ts';

// Waiting for a turn must not depend on the machine's speed.
measureTurnsBy(() => 0);

/** A process crashes, stands still, and has its own clock. */
export interface Process {
  readonly name: string;
  /** How far its clock is off, in milliseconds. */
  readonly skewMs: number;
  /** The chance to die at a point; 0: never. */
  crashChance: number;
  alive: boolean;
  /** The process does nothing before this time. */
  stalledUntil: number;
  /** Requests under way during which it does not die: their result could not be told apart. */
  sheltered: number;
  /** When it last spoke to a vendor or to people. */
  busyAt: number;
}

interface Waiting {
  readonly process: Process;
  readonly resolve: () => void;
  /** Without it, a signal that may still end the wait would keep the whole process in memory. */
  readonly forget: () => void;
  /** The end that the caller asked for. */
  readonly until: number;
  wakeAt: number;
}

/** The most by which two clocks differ. */
export const SKEW_MAX_MS = 3_000;

/** Steps of one history; one that needs more never ends. */
const STEPS_MAX = 600_000;
/** The chance, at a point, that others go first. */
const SWITCH_CHANCE = 0.25;
/** A process that has been idle for this long is not worth crashing. */
const BUSY_MS = 5_000;
const IDLE_CRASH_FACTOR = 0.05;
/** After this long without a word between bridges, vendors and people, the bridges' waits get longer. */
const CALM_AFTER_MS = 4_000;
/** They get longer by this share of the quiet time so far. */
const STRETCH_SHARE = 3;
const STRETCH_MAX_MS = 6 * 3_600_000;
/** Turns of the event loop in which nothing reached a wait. */
const LOST_TURNS_MAX = 100;

export class Scheduler {
  readonly #random: Random;
  #waiting: Waiting[] = [];
  #now: number;
  #busyAt: number;
  #steps = 0;
  #failure: { readonly error: unknown } | null = null;
  /** Called when a process dies. */
  onCrash: (process: Process) => void = () => {};
  /** True while a transaction is open: nobody else may run. */
  inTransaction: () => boolean = () => false;

  constructor(random: Random, startMs: number) {
    this.#random = random;
    this.#now = startMs;
    this.#busyAt = startMs;
  }

  /** The true time, which no process knows exactly. */
  get now(): number {
    return this.#now;
  }

  /** A process's own time. Its waits may take longer while nothing happens: no clock promises more. */
  clockOf(process: Process): Clock {
    return {
      now: () => this.#now + process.skewMs,
      sleep: async (ms, signal) => {
        const calmMs = this.#now - this.#busyAt - CALM_AFTER_MS;
        const stretched = Math.max(ms, Math.min(calmMs / STRETCH_SHARE, STRETCH_MAX_MS));
        await this.#wait(process, ms, stretched, signal);
        signal?.throwIfAborted();
      },
    };
  }

  /** Runs on its own from the next step. An error of it ends the history. */
  spawn(process: Process, body: () => Promise<void>): void {
    this.#wait(process, 0)
      .then(body)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      });
  }

  /** Here a process may die, and others may go first. */
  async point(process: Process): Promise<void> {
    if (process.alive && this.#random.chance(this.#crashChance(process))) {
      process.alive = false;
      this.#forget((waiting) => waiting.process === process);
      this.onCrash(process);
    }
    const mustWait = !process.alive || process.stalledUntil > this.#now;
    if (mustWait || this.#random.chance(SWITCH_CHANCE)) await this.#wait(process, 0);
  }

  #crashChance(process: Process): number {
    if (process.crashChance === 0 || process.sheltered > 0) return 0;
    const isBusy = this.#now - process.busyAt < BUSY_MS;
    return isBusy ? process.crashChance : process.crashChance * IDLE_CRASH_FACTOR;
  }

  /** Lets simulated time pass; an abort only ends the wait. */
  async sleep(process: Process, ms: number, signal?: AbortSignal | null): Promise<void> {
    await this.#wait(process, ms, ms, signal);
  }

  /** Bridges, vendors or people interact. */
  happens(process?: Process): void {
    if (process) process.busyAt = this.#now;
    this.#busyAt = this.#now;
    for (const waiting of this.#waiting) {
      if (waiting.wakeAt > waiting.until) waiting.wakeAt = Math.max(waiting.until, this.#now);
    }
  }

  /** How long nothing has happened. */
  get calmMs(): number {
    return this.#now - this.#busyAt;
  }

  /**
   * Runs until `done` answers true; everything that waits then waits for ever. Throws the error of anything spawned.
   */
  async run(done: () => boolean): Promise<void> {
    try {
      for (;;) {
        await this.#untilAllWait();
        if (this.#failure) throw this.#failure.error;
        if (done()) return;
        if (++this.#steps > STEPS_MAX) throw new Error(`not done after ${STEPS_MAX} steps`);
        this.#next().resolve();
      }
    } finally {
      this.#forget(() => true);
    }
  }

  /** Everything in these bridges that does not wait here runs only on microtasks and immediates. */
  async #untilAllWait(): Promise<void> {
    for (let turns = 0; turns === 0 || this.inTransaction() || this.#waiting.length === 0; turns++) {
      if (turns > LOST_TURNS_MAX) throw new Error('nothing is left to run, and the history is not done');
      await setImmediate();
    }
  }

  #next(): Waiting {
    let earliest = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting) earliest = Math.min(earliest, dueAt(waiting));
    if (earliest > this.#now) this.#now = earliest;
    const ready = this.#waiting.filter((waiting) => dueAt(waiting) <= this.#now);
    const chosen = this.#random.pick(ready);
    this.#forget((waiting) => waiting === chosen);
    return chosen;
  }

  #forget(isOver: (waiting: Waiting) => boolean): void {
    for (const waiting of this.#waiting) if (isOver(waiting)) waiting.forget();
    this.#waiting = this.#waiting.filter((waiting) => !isOver(waiting));
  }

  /** Code of a dead process that gets here waits for ever. */
  #wait(process: Process, ms: number, stretchedMs = ms, signal?: AbortSignal | null): Promise<void> {
    if (!process.alive || ms === Number.POSITIVE_INFINITY) return new Promise(() => {});
    const until = this.#now + Math.max(0, ms);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        process,
        until,
        wakeAt: this.#now + Math.max(0, stretchedMs),
        resolve,
        forget: () => signal?.removeEventListener('abort', end),
      };
      const end = () => {
        waiting.wakeAt = this.#now;
      };
      if (signal?.aborted) end();
      else signal?.addEventListener('abort', end, { once: true });
      this.#waiting.push(waiting);
    });
  }
}

function dueAt({ wakeAt, process }: Waiting): number {
  return Math.max(wakeAt, process.stalledUntil);
}

/** A process for people, and for the network between bridges and vendors: it never dies. */
export function calmProcess(name: string): Process {
  return {
    name,
    skewMs: 0,
    crashChance: 0,
    alive: true,
    stalledUntil: 0,
    sheltered: 0,
    busyAt: 0,
  };
}
