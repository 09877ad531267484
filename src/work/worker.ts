/**
 * Keeps a runner going for every peer that has work: at once when a write commits in this process,
 * and by polling for what other processes wrote or what has become due.
 */

import type { Presence } from '../db/queue/presence.ts';
import type { Wake } from '../stores/wake.ts';
import { isoTime, pause } from '../support/clock.ts';
import { type Duties, PeerRunner, type RunnerDeps } from './peerRunner.ts';

/** The peers that this worker works for. */
export interface Peers {
  /** The ids of those that have something to do at `now`, an ISO time. */
  withWork(now: string): Promise<readonly string[]>;
  /** New ones for each runner. */
  dutiesOf(peerId: string): Duties;
}

export interface WorkerDeps extends RunnerDeps {
  readonly peers: Peers;
  readonly wake: Wake;
  readonly presence: Presence;
}

export interface Worker {
  start(): void;
  /** Resolves when every task in hand is settled; calls still under way after the grace are ended. */
  stop(): Promise<void>;
}

const POLL_MS = 1_000;
const STOP_GRACE_MS = 7_000;

export function createWorker(deps: WorkerDeps): Worker {
  const stopping = new AbortController();
  const runners = new Map<string, { readonly runner: PeerRunner; readonly done: Promise<void> }>();
  let looking: Promise<void> | null = null;
  let pollAgain = false;

  const start = (peerId: string): void => {
    const runner = new PeerRunner(peerId, deps.peers.dutiesOf(peerId), deps, stopping.signal);
    const done = runner
      .run()
      .catch((error: unknown) =>
        deps.log.error({ err: error, peerId }, 'a peer could not be worked on; trying again'),
      )
      .finally(() => {
        runners.delete(peerId);
        if (runner.nudged) look();
      });
    runners.set(peerId, { runner, done });
  };

  /** One look at a time; a signal during a look asks for another. */
  const look = (): void => {
    if (stopping.signal.aborted) return;
    if (looking !== null) {
      pollAgain = true;
      return;
    }
    looking = deps.peers
      .withWork(isoTime(deps.clock.now()))
      .then((ids) => {
        for (const id of ids) {
          const going = runners.get(id);
          if (going) going.runner.nudge();
          else if (!stopping.signal.aborted) start(id);
        }
      })
      .catch((error: unknown) => deps.log.error({ err: error }, 'could not look for work; trying again'))
      .finally(() => {
        looking = null;
        if (!pollAgain) return;
        pollAgain = false;
        look();
      });
  };

  const poll = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      look();
      await pause(deps.clock, POLL_MS, stopping.signal);
    }
  };

  return {
    start() {
      deps.wake.onSignal(() => {
        for (const { runner } of runners.values()) runner.nudge();
        look();
      });
      deps.presence.onLost(() => {
        deps.log.warn('the database closed the session that says that this process is there');
        for (const { runner } of runners.values()) runner.loseLease();
      });
      void poll();
    },
    async stop() {
      stopping.abort();
      await looking;
      const settled = new AbortController();
      const grace = pause(deps.clock, STOP_GRACE_MS, settled.signal).then(() => {
        for (const { runner } of runners.values()) runner.abortCalls();
      });
      await Promise.all([...runners.values()].map(({ done }) => done));
      settled.abort();
      await grace;
      await deps.presence.end();
    },
  };
}
