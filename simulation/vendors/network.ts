/**
 * The network between the bridge's connectors and the vendors, in place of `fetch`. Requests take time, get lost,
 * arrive twice or too late, and at every step a process may die.
 */

import { type Answer, type EmulatedRequest, readFetch, toResponse } from '../../test/emulator/server.ts';
import { calmProcess, type Process, type Scheduler } from '../machine/scheduler.ts';
import type { Random } from '../random.ts';
import type { Vendor } from './vendor.ts';
import type { Write } from './writes.ts';

/** Chances per request. */
export interface Faults {
  /** The request never arrives, and nobody learns of it. */
  lost: number;
  /** The request arrives, but its answer does not. */
  unanswered: number;
  /** The request arrives after its caller gave up. */
  late: number;
  /** It arrives twice. */
  doubled: number;
  rateLimited: number;
  /** No connection, or a server error of the vendor. */
  unavailable: number;
  /** Something in between answers in the vendor's place; half of the time the vendor did what was asked. */
  foreign: number;
  /** For this long the vendor creates nothing and says so; 0: it creates as usual. */
  creationsWaitSeconds: number;
  /** Something in between says yes or no in words that are not the vendor's, and passes nothing on. */
  pretended: number;
  /** How the vendor lists what it holds: as if there were nothing, or the first page for ever. */
  lists: 'empty' | 'endless' | null;
  /** Reads show a state of up to this many milliseconds ago. */
  lagMs: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  lost: 0,
  unanswered: 0,
  late: 0,
  doubled: 0,
  rateLimited: 0,
  unavailable: 0,
  foreign: 0,
  creationsWaitSeconds: 0,
  pretended: 0,
  lists: null,
  lagMs: 0,
};

/** When the work of a request began: its knowledge of the directory may be as old as that. */
export interface Turn {
  /** The last change that was certain at that time. */
  readonly tick: number;
  readonly at: number;
  /** The last change that was certain when the request left: no request may leave under older settings. */
  readonly sentTick: number;
}

/** What happened to a request's caller before it arrived. */
export type Caller =
  | 'waits'
  /** Its process has died, or has lost the store's lease. */
  | 'gone'
  /** It has waited too long. */
  | 'gaveUp';

export interface Witness {
  /** The work that sends the request. */
  turn(): Turn;
  /** A write does not reach the vendor. */
  stopped(turn: Turn): void;
  /** The write is about to be made. */
  onWrite(turn: Turn, write: Write, caller: Caller): void;
  /** More requests run at once than allowed. */
  crowded(why: string): void;
  /** From now on, answers that the bridge got may be wrong. */
  diverged(why: string): void;
}

export interface Line {
  readonly vendor: Vendor;
  readonly faults: Faults;
  readonly witness: Witness;
}

/** A line to a server to which nobody writes. */
export interface ReadOnlyLine {
  readonly host: string;
  arrive(request: EmulatedRequest): Answer | 'refused';
}

export interface NetworkDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly lines: readonly Line[];
  readonly directory: ReadOnlyLine | null;
  /** The most writes of one process to one vendor at once. */
  readonly writesMax: number;
}

/** Why a store may not be as the bridge left it. */
export const ARRIVED_LATE = 'a request arrived after its caller had given up';

/** How long connectors wait for an answer. */
const PATIENCE_MS = 15_000;
const LATENCY_MAX_MS = 400;
const SLOW_CHANCE = 0.03;
const SLOW_MAX_MS = 9_000;
const RETRY_AFTER_MAX_SECONDS = 20;
/** Counted from when its caller gave up. */
const LATE_MAX_MS = 12_000;

export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #lines: readonly Line[];
  readonly #directory: ReadOnlyLine | null;
  /** Writes of all processes whose callers still wait. */
  readonly #waitedFor = new Set<WaitedFor>();
  readonly #writesMax: number;

  constructor({ scheduler, random, lines, directory, writesMax }: NetworkDeps) {
    this.#writesMax = writesMax;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#lines = lines;
    this.#directory = directory;
  }

  /** The process's way out. */
  fetchOf(process: Process): (url: string, init: RequestInit) => Promise<Response> {
    return async (url, init) => {
      const { host } = new URL(url);
      if (this.#directory?.host === host) return this.#read(process, this.#directory, url, init);
      const line = this.#lines.find(({ vendor }) => vendor.emulated.host === host);
      if (!line) throw Object.assign(new Error(`no such host: ${host}`), { code: 'ENOTFOUND' });
      const turn = line.witness.turn();
      const request = await readFetch(url, init);
      const way = new Way(this.#scheduler, process, init.signal);
      await way.starts();
      const write = line.vendor.emulated.isRead(request) ? null : this.#begins(process, line, request);
      try {
        return toResponse(await this.#exchange(way, () => this.#arrive(way, line, turn, request)));
      } finally {
        if (write) this.#waitedFor.delete(write);
      }
    };
  }

  async #read(process: Process, line: ReadOnlyLine, url: string, init: RequestInit): Promise<Response> {
    const request = await readFetch(url, init);
    const way = new Way(this.#scheduler, process, init.signal);
    await way.starts();
    return toResponse(await this.#exchange(way, () => line.arrive(request)));
  }

  #begins(process: Process, line: Line, { method, path }: EmulatedRequest): WaitedFor {
    const of = /\/(?:users|groups)\/[^/]+/i.exec(path)?.[0] ?? null;
    const others = [...this.#waitedFor].filter((one) => one.process === process && one.line === line);
    if (of !== null && others.some((one) => one.of === of))
      line.witness.crowded(`${method} ${path} beside another write to the same`);
    if (others.length >= this.#writesMax)
      line.witness.crowded(`${method} ${path} beside ${others.length} other writes`);
    const write = { process, line, of };
    this.#waitedFor.add(write);
    return write;
  }

  /** Once sent, a request arrives even if its caller is gone. */
  async #exchange(way: Way, arrive: () => Answer | 'refused' | null): Promise<Answer> {
    const random = this.#random;
    const there = random.int(5, random.chance(SLOW_CHANCE) ? SLOW_MAX_MS : LATENCY_MAX_MS);
    const back = random.int(5, LATENCY_MAX_MS);
    const arrived = this.#after(there, arrive);
    await way.takes(there);
    const answer = await arrived;
    if (answer === null) return way.waitsInVain();
    await way.takes(back);
    if (answer === 'refused') throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    return answer;
  }

  /** Null where no answer comes back. */
  #arrive(way: Way, line: Line, turn: Turn, request: EmulatedRequest): Answer | 'refused' | null {
    const { vendor, faults, witness } = line;
    const random = this.#random;
    const stopped = <T>(answer: T): T => {
      if (!vendor.emulated.isRead(request)) witness.stopped(turn);
      return answer;
    };
    if (faults.creationsWaitSeconds > 0 && isCreation(request))
      return stopped(limited(faults.creationsWaitSeconds));
    if (random.chance(faults.rateLimited)) return stopped(limited(random.int(1, RETRY_AFTER_MAX_SECONDS)));
    if (random.chance(faults.unavailable)) return stopped(random.chance(0.5) ? 'refused' : UNAVAILABLE);
    if (random.chance(faults.lost)) return stopped(null);
    if (faults.pretended > 0 && random.chance(faults.pretended)) return stopped(random.pick(PRETENDED));
    const foreign = random.chance(faults.foreign) ? random.pick(FOREIGN) : null;
    if (foreign && random.chance(0.5)) return stopped(foreign);
    if (faults.lists !== null && vendor.emulated.isListed(request))
      return faults.lists === 'empty' ? vendor.emulated.nothing : vendor.emulated.firstAgain(request);
    if (vendor.emulated.isRead(request)) {
      const lagMs = faults.lagMs > 0 && random.chance(0.5) ? random.int(0, faults.lagMs) : 0;
      if (lagMs > 0) witness.diverged('a read lagged');
      return foreign ?? vendor.read(request, lagMs);
    }
    const write = (caller: Caller) => {
      let isDone = false;
      const onWrite = (done: Write) => {
        isDone = true;
        witness.onWrite(turn, done, caller);
      };
      const answer = vendor.write(request, { onWrite });
      if (!isDone) witness.stopped(turn);
      return answer;
    };
    if (random.chance(faults.late)) {
      void this.#after(PATIENCE_MS + random.int(10, LATE_MAX_MS), () => {
        witness.diverged(ARRIVED_LATE);
        write('gaveUp');
      });
      return null;
    }
    const answer = write(way.caller);
    if (random.chance(faults.doubled)) write(way.caller);
    return random.chance(faults.unanswered) ? null : (foreign ?? answer);
  }

  #after<T>(ms: number, work: () => T): Promise<T> {
    const network = calmProcess('network');
    return new Promise((resolve) => {
      this.#scheduler.spawn(network, async () => {
        await this.#scheduler.sleep(network, ms);
        this.#scheduler.happens();
        resolve(work());
      });
    });
  }
}

interface WaitedFor {
  readonly process: Process;
  readonly line: Line;
  /** The account or group of the request; null where the request makes it. */
  readonly of: string | null;
}

/** A caller's side of one exchange. */
class Way {
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #signal: AbortSignal | null | undefined;

  constructor(scheduler: Scheduler, process: Process, signal: AbortSignal | null | undefined) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#signal = signal;
  }

  get caller(): Caller {
    return this.#process.alive && !this.#signal?.aborted ? 'waits' : 'gone';
  }

  async starts(): Promise<void> {
    this.#scheduler.happens(this.#process);
    await this.#scheduler.point(this.#process);
    this.#signal?.throwIfAborted();
  }

  /** Rejects as `fetch` does where the caller's signal aborts meanwhile. */
  async takes(ms: number): Promise<void> {
    await this.#scheduler.sleep(this.#process, ms, this.#signal);
    await this.#scheduler.point(this.#process);
    this.#scheduler.happens(this.#process);
    this.#signal?.throwIfAborted();
  }

  /** Waits as long as the caller does. */
  async waitsInVain(): Promise<never> {
    await this.takes(PATIENCE_MS);
    throw new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  }
}

function isCreation({ method, path }: EmulatedRequest): boolean {
  return method === 'POST' && /\/(?:users|groups)$/i.test(path);
}

function limited(seconds: number): Answer {
  return { status: 429, headers: { 'retry-after': String(seconds) }, body: 'Retry later\n' };
}

export const UNAVAILABLE: Answer = { status: 503, body: 'Service Unavailable' };

/** Answers of proxies, gateways and sign-in pages. */
export const FOREIGN: readonly Answer[] = foreign([200, 302, 401, 403, 404, 502]);

/** Answers that look most like the vendor's yes, or like "gone". */
const PRETENDED: readonly Answer[] = foreign([200, 201, 404]);

function foreign(statuses: readonly number[]): readonly Answer[] {
  return statuses.flatMap((status) => [
    { status, headers: { 'content-type': 'text/html' }, body: '<html><body>Sign in</body></html>' },
    { status, headers: { 'content-type': 'application/json' }, body: { reason: 'not from here' } },
  ]);
}
