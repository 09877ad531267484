/**
 * The network between a simulated connector and its vendor: calls take time, get lost, arrive twice or too
 * late, and every way of theirs is a place where a process may die.
 */

import type { CallContext } from '../src/connectors/connector.ts';
import type { Op } from '../src/model/change.ts';
import { type Disposition, RemoteError } from '../src/model/errors.ts';
import type { Kind } from '../src/model/subject.ts';
import type { Random } from './random.ts';
import type { Process, Scheduler } from './scheduler.ts';
import type { Vendor } from './vendor.ts';

/** Chances per call. */
export interface Faults {
  /** The call never arrives, and nobody knows. */
  lost: number;
  /** It arrives, and its answer does not. */
  unanswered: number;
  /** The caller gave up, and it arrives afterwards. */
  late: number;
  /** It arrives twice. */
  doubled: number;
  rateLimited: number;
  transient: number;
  /** Reads show a state of up to so many milliseconds ago. */
  lagMs: number;
  unauthorized: boolean;
}

export const NO_FAULTS: Readonly<Faults> = {
  lost: 0,
  unanswered: 0,
  late: 0,
  doubled: 0,
  rateLimited: 0,
  transient: 0,
  lagMs: 0,
  unauthorized: false,
};

/** One write as the vendor meets it. */
export interface Write {
  readonly op: Op;
  readonly subject: { readonly kind: Kind; readonly id: string };
  /** The account's or group's; '' before a creation. */
  readonly remoteId: string;
  readonly member?: { readonly personId: string | null; readonly remoteId: string };
  readonly attributes?: Readonly<Record<string, string>>;
}

/** When the work began of which a call is a part: what it knows may be as old as that. */
export interface Turn {
  readonly tick: number;
  readonly at: number;
}

export interface Witness {
  /** The work that the process has in hand. */
  turnOf(process: Process): Turn;
  /** The write is about to be done. */
  before(turn: Turn, write: Write): void;
  /** What became of it: the created id. */
  created(write: Write, remoteId: string): void;
  /** The write that `work` does arrives after its caller had given up. */
  late<T>(work: () => T): T;
  /** What the bridge was told or shown may be wrong from now on. */
  diverged(why: string): void;
}

export interface Line {
  readonly vendor: Vendor;
  readonly faults: Faults;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly witness: Witness;
}

/** Why a store may not be as the bridge left it. */
export const ARRIVED_LATE = 'a call arrived after its caller had given up';

const CALL_TIMEOUT_MS = 12_000;
const LATENCY_MAX_MS = 400;
const SLOW_MAX_MS = 9_000;
/** Where the network and the scheduler come in between. */
export function createCalls({ vendor, faults, scheduler, random, witness }: Line) {
  const refuse = (action: string, disposition: Disposition, status?: number) => {
    throw refusal(vendor, action, disposition, status);
  };
  const travel = async (action: string, context: CallContext, writes: boolean): Promise<void> => {
    await scheduler.point();
    const slow = random.chance(0.03);
    await scheduler.sleep(random.int(5, slow ? SLOW_MAX_MS : LATENCY_MAX_MS));
    if (context.signal.aborted) refuse(action, writes ? 'unknownOutcome' : 'transient');
    if (faults.unauthorized) refuse(action, 'unauthorized', 401);
    if (random.chance(faults.rateLimited)) {
      throw refusal(vendor, action, 'rateLimited', 429, random.int(500, 20_000));
    }
    if (random.chance(faults.transient)) refuse(action, 'transient', 503);
    if (!random.chance(faults.lost)) return;
    await scheduler.sleep(CALL_TIMEOUT_MS);
    refuse(action, writes ? 'unknownOutcome' : 'transient');
  };
  const arrive = async (action: string, context: CallContext, startedAt: number, writes: boolean) => {
    await scheduler.sleep(random.int(5, LATENCY_MAX_MS));
    const durationMs = scheduler.now - startedAt;
    context.record({
      method: writes ? 'POST' : 'GET',
      path: `/${action.split(' ')[0]}`,
      status: 200,
      durationMs,
    });
    if (context.signal.aborted) refuse(action, writes ? 'unknownOutcome' : 'transient');
  };
  return {
    async read<T>(action: string, context: CallContext, work: (state: Vendor['state']) => T): Promise<T> {
      const startedAt = scheduler.now;
      await travel(action, context, false);
      const lagMs = faults.lagMs > 0 && random.chance(0.5) ? random.int(0, faults.lagMs) : 0;
      if (lagMs > 0) witness.diverged('a read lagged');
      const answer = work(lagMs > 0 ? vendor.stateAt(scheduler.now - lagMs) : vendor.state);
      await arrive(action, context, startedAt, false);
      return answer;
    },
    async write<T>(action: string, context: CallContext, work: () => T): Promise<T> {
      const startedAt = scheduler.now;
      await travel(action, context, true);
      if (random.chance(faults.late)) {
        await scheduler.sleep(CALL_TIMEOUT_MS);
        witness.diverged(ARRIVED_LATE);
        later(scheduler, random.int(10, CALL_TIMEOUT_MS), () => witness.late(work));
        refuse(action, 'unknownOutcome');
      }
      vendor.changing(scheduler.now);
      const answer = work();
      if (random.chance(faults.doubled)) unheard(work);
      if (random.chance(faults.unanswered)) {
        await scheduler.sleep(CALL_TIMEOUT_MS);
        refuse(action, 'unknownOutcome');
      }
      await arrive(action, context, startedAt, true);
      return answer;
    },
  };
}

/** What is under way at the network dies with no process. */
function later(scheduler: Scheduler, ms: number, work: () => unknown): void {
  const network: Process = {
    name: 'network',
    skewMs: 0,
    crashChance: 0,
    alive: true,
    stalledUntil: scheduler.now + ms,
  };
  scheduler.spawn(network, async () => unheard(work));
}

/** Whatever the vendor answers, nobody listens. */
function unheard(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
  }
}

/** As a connector words it. */
export function refusal(
  vendor: Vendor,
  action: string,
  disposition: Disposition,
  status?: number,
  retryAfterMs?: number,
): RemoteError {
  return new RemoteError(`${vendor.manners.type} could not ${action}: ${disposition}`, {
    store: vendor.manners.type,
    action,
    disposition,
    status,
    code: disposition,
    retryAfterMs,
  });
}
