/**
 * Keeps a runner going for every peer that has work: at once when somebody commits some, and by polling for what
 * has become due, or was never heard of. Says all the while that there is a worker.
 */

import type { Presence } from '../db/queue/presence.ts';
import type { Wake } from '../db/queue/wake.ts';
import { saveWorkerSeen } from '../db/queue/workers.ts';
import { isoTime, pause } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { type Duties, PeerRunner, type RunnerDeps } from './peerRunner.ts';

/** The peers that this worker works for. */
export interface Peers {
  /** The ids of those that have something to do at `now`, an ISO time. */
  withWork(now: string): Promise<readonly string[]>;
  /** The ids of those about which a request waits for an answer. */
  askedAbout(now: string): Promise<readonly string[]>;
  /** New ones for each runner. */
  dutiesOf(peerId: string): Duties;
}

export interface WorkerDeps extends RunnerDeps {
  readonly peers: Peers;
  readonly wake: Wake;
  readonly asked: Wake;
  readonly presence: Presence;
}

export interface Worker {
  start(): void;
  /** Resolves when every task in hand is settled; calls still under way after the grace are ended. */
  stop(): Promise<void>;
}

const POLL_MS = 1_000;
const SEEN_EVERY_MS = 5_000;
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

  const lookOnce = async (): Promise<void> => {
    const now = isoTime(deps.clock.now());
    for (const id of await deps.peers.askedAbout(now)) {
      const going = runners.get(id);
      if (going) going.runner.hurry();
      else if (!stopping.signal.aborted) start(id);
    }
    for (const id of await deps.peers.withWork(now)) {
      const going = runners.get(id);
      if (going) going.runner.nudge();
      else if (!stopping.signal.aborted) start(id);
    }
  };

  /** One look at a time; a signal during a look asks for another. */
  const look = (): void => {
    if (stopping.signal.aborted) return;
    if (looking !== null) {
      pollAgain = true;
      return;
    }
    looking = lookOnce()
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

  const id = newId();
  let saying: Promise<void> = Promise.resolve();
  const saySeen = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await saveWorkerSeen(deps.db, id, deps.clock.now()).catch((error: unknown) =>
        deps.log.warn({ err: error }, 'could not say that a worker is there; trying again'),
      );
      await pause(deps.clock, SEEN_EVERY_MS, stopping.signal);
    }
  };

  return {
    start() {
      deps.asked.onSignal(look);
      deps.wake.onSignal(() => {
        for (const { runner } of runners.values()) runner.nudge();
        look();
      });
      deps.presence.onLost(() => {
        deps.log.warn('the database closed the session that says that this process is there');
        for (const { runner } of runners.values()) runner.loseLease();
      });
      void poll();
      saying = saySeen();
    },
    async stop() {
      stopping.abort();
      await Promise.all([looking, saying]);
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
