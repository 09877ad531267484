/**
 * The network between the bridge's connectors and the vendors, in place of `fetch`: requests take time, get
 * lost, arrive twice or too late, and every way of theirs is a place where a process may die.
 */

import { type Answer, type EmulatedRequest, readFetch, toResponse } from '../../test/emulator/server.ts';
import { calmProcess, type Process, type Scheduler } from '../machine/scheduler.ts';
import type { Random } from '../random.ts';
import type { Vendor } from './vendor.ts';
import type { Write } from './writes.ts';

/** Chances per request. */
export interface Faults {
  /** The request never arrives, and nobody knows. */
  lost: number;
  /** It arrives, and its answer does not. */
  unanswered: number;
  /** The caller gave up, and it arrives afterwards. */
  late: number;
  /** It arrives twice. */
  doubled: number;
  rateLimited: number;
  /** No connection, or an error of the vendor's server. */
  unavailable: number;
  /** Reads show a state of up to so many milliseconds ago. */
  lagMs: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  lost: 0,
  unanswered: 0,
  late: 0,
  doubled: 0,
  rateLimited: 0,
  unavailable: 0,
  lagMs: 0,
};

/** When the work began of which a request is a part: what it knows may be as old as that. */
export interface Turn {
  /** The last change of the directory that was certain then. */
  readonly tick: number;
  readonly at: number;
}

/** The last ones on people and on groups: while it works on a group, a process lets leavers pass. */
export interface Turns {
  readonly user: Turn;
  readonly group: Turn;
}

export interface Witness {
  /** The work that the process has in hand. */
  turnsOf(process: Process): Turns;
  /** The write is about to be done; `isLate`: its caller had given up. */
  onWrite(turns: Turns, write: Write, isLate: boolean): void;
  /** What the bridge was told or shown may be wrong from now on. */
  diverged(why: string): void;
}

export interface Line {
  readonly vendor: Vendor;
  readonly faults: Faults;
  readonly witness: Witness;
}

/** Why a store may not be as the bridge left it. */
export const ARRIVED_LATE = 'a request arrived after its caller had given up';

/** What connectors wait for an answer. */
const PATIENCE_MS = 15_000;
const LATENCY_MAX_MS = 400;
const SLOW_CHANCE = 0.03;
const SLOW_MAX_MS = 9_000;
const RETRY_AFTER_MAX_SECONDS = 20;

export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #lines: readonly Line[];

  constructor(scheduler: Scheduler, random: Random, lines: readonly Line[]) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#lines = lines;
  }

  /** The process's way out. */
  fetchOf(process: Process): (url: string, init: RequestInit) => Promise<Response> {
    return async (url, init) => {
      const { host } = new URL(url);
      const line = this.#lines.find(({ vendor }) => vendor.emulated.host === host);
      if (!line) throw Object.assign(new Error(`no such host: ${host}`), { code: 'ENOTFOUND' });
      const turns = line.witness.turnsOf(process);
      const request = await readFetch(url, init);
      return toResponse(
        await this.#exchange(new Way(this.#scheduler, process, init.signal), line, turns, request),
      );
    };
  }

  async #exchange(way: Way, line: Line, turns: Turns, request: EmulatedRequest): Promise<Answer> {
    const { vendor, faults, witness } = line;
    const random = this.#random;
    await way.goes(random.int(5, random.chance(SLOW_CHANCE) ? SLOW_MAX_MS : LATENCY_MAX_MS));
    if (random.chance(faults.rateLimited)) return limited(random.int(1, RETRY_AFTER_MAX_SECONDS));
    if (random.chance(faults.unavailable)) return unavailable(random);
    if (random.chance(faults.lost)) return way.waitsInVain();
    if (vendor.emulated.isRead(request)) {
      const lagMs = faults.lagMs > 0 && random.chance(0.5) ? random.int(0, faults.lagMs) : 0;
      if (lagMs > 0) witness.diverged('a read lagged');
      const answer = vendor.read(request, lagMs);
      await way.goes(random.int(5, LATENCY_MAX_MS));
      return answer;
    }
    const arrive = (isLate: boolean) =>
      vendor.write(request, { onWrite: (write) => witness.onWrite(turns, write, isLate) });
    if (random.chance(faults.late)) {
      const network = calmProcess('network');
      this.#scheduler.spawn(network, async () => {
        await this.#scheduler.sleep(network, PATIENCE_MS + random.int(10, 12_000));
        witness.diverged(ARRIVED_LATE);
        arrive(true);
      });
      return way.waitsInVain();
    }
    const answer = arrive(false);
    if (random.chance(faults.doubled)) arrive(false);
    if (random.chance(faults.unanswered)) return way.waitsInVain();
    await way.goes(random.int(5, LATENCY_MAX_MS));
    return answer;
  }
}

/** One request on its way, and its answer back. */
class Way {
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #signal: AbortSignal | null | undefined;

  constructor(scheduler: Scheduler, process: Process, signal: AbortSignal | null | undefined) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#signal = signal;
  }

  /** Ends as `fetch` does where the caller gave up meanwhile. */
  async goes(ms: number): Promise<void> {
    this.#scheduler.happens(this.#process);
    await this.#scheduler.point(this.#process);
    await this.#scheduler.sleep(this.#process, ms, this.#signal);
    await this.#scheduler.point(this.#process);
    this.#scheduler.happens(this.#process);
    this.#signal?.throwIfAborted();
  }

  /** As long as the caller waits. */
  async waitsInVain(): Promise<never> {
    await this.goes(PATIENCE_MS);
    throw new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  }
}

function limited(seconds: number): Answer {
  return { status: 429, headers: { 'retry-after': String(seconds) }, body: 'Retry later\n' };
}

function unavailable(random: Random): Answer {
  if (random.chance(0.5)) throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
  return { status: 503, body: 'Service Unavailable' };
}
