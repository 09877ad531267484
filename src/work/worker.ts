/**
 * Keeps a runner going for every peer that has work. It hears at once of work that somebody commits, and polls for
 * work that has become due or that it did not hear of. Meanwhile it says every few seconds that a worker is there.
 */

import type { DuePeer } from '../db/queue/duePeers.ts';
import { saveWorkerSeen } from '../db/queue/inquiries.ts';
import type { Presence } from '../db/queue/presence.ts';
import type { Wake } from '../db/queue/wake.ts';
import { isoTime, pause } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { type Duties, PeerRunner, type RunnerDeps } from './peerRunner.ts';

/** Everything that the worker knows of peers. */
export interface Peers {
  /** The peers that have something to do at `now`, an ISO time. */
  due(now: string): Promise<readonly DuePeer[]>;
  /** Makes new duties, for a new runner. */
  dutiesOf(peer: DuePeer): Duties;
}

export interface WorkerDeps extends RunnerDeps {
  readonly peers: Peers;
  readonly wake: Wake;
  readonly asked: Wake;
  readonly presence: Presence;
}

export interface Worker {
  start(): void;
  /** Resolves when every runner has ended its turn. After a grace it ends their calls. */
  stop(): Promise<void>;
}

const POLL_MS = 1_000;
/**
 * The least time between two polls: under load every write signals, and runners that are at work are nudged without a
 * poll.
 */
const POLL_GAP_MS = 25;
const SEEN_EVERY_MS = 5_000;
const STOP_GRACE_MS = 7_000;

export function createWorker(deps: WorkerDeps): Worker {
  const stopping = new AbortController();
  const runners = new Map<string, { readonly runner: PeerRunner; readonly done: Promise<void> }>();
  let polling: Promise<void> | null = null;
  let pollAgain = false;
  let saying: Promise<void> = Promise.resolve();

  const start = (peer: DuePeer): void => {
    const { id: peerId } = peer;
    const runner = new PeerRunner(peerId, deps.peers.dutiesOf(peer), deps, stopping.signal);
    const done = runner
      .run()
      .catch((error: unknown) =>
        deps.log.error({ err: error, peerId }, 'a peer could not be worked on; trying again'),
      )
      .finally(() => {
        runners.delete(peerId);
        if (runner.nudged) poll();
      });
    runners.set(peerId, { runner, done });
  };

  const findWork = async (): Promise<void> => {
    const turns = new Map([...runners].map(([id, { runner }]) => [id, runner.turns]));
    for (const peer of await deps.peers.due(isoTime(deps.clock.now()))) {
      const runner = runners.get(peer.id)?.runner;
      if (!runner) {
        if (!stopping.signal.aborted) start(peer);
      } else if (peer.isAsked) runner.hurry();
      // A runner that began a turn since then looks by itself. Of what it misses it hears, or the next poll finds it.
      else if (runner.turns === turns.get(peer.id)) runner.nudge();
    }
  };

  /** Polls now, or again a moment after the poll under way. */
  const poll = (): void => {
    if (stopping.signal.aborted) return;
    if (polling !== null) {
      pollAgain = true;
      return;
    }
    polling = findWork()
      .catch((error: unknown) =>
        deps.log.error({ err: error }, 'could not find out what work there is; trying again'),
      )
      .then(() => pause(deps.clock, POLL_GAP_MS, stopping.signal))
      .finally(() => {
        polling = null;
        if (!pollAgain) return;
        pollAgain = false;
        poll();
      });
  };

  const keepPolling = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      poll();
      await pause(deps.clock, POLL_MS, stopping.signal);
    }
  };

  return {
    start() {
      deps.asked.onSignal(poll);
      deps.wake.onSignal(() => {
        for (const { runner } of runners.values()) runner.nudge();
        poll();
      });
      deps.presence.onLost(() => {
        deps.log.warn('the database closed the session that says that this process is there');
        for (const { runner } of runners.values()) runner.loseLease();
      });
      void keepPolling();
      saying = keepSaying(deps, stopping.signal);
    },
    async stop() {
      stopping.abort();
      await Promise.all([polling, saying]);
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

/** Says that a worker is there: every few seconds, and whenever a request asks, until `stopping` aborts. */
async function keepSaying({ db, clock, log, asked }: WorkerDeps, stopping: AbortSignal): Promise<void> {
  const id = newId();
  let heard = new AbortController();
  asked.onSignal(() => heard.abort());
  while (!stopping.aborted) {
    heard = new AbortController();
    await saveWorkerSeen(db, id, clock.now()).catch((error: unknown) =>
      log.warn({ err: error }, 'could not say that a worker is there; trying again'),
    );
    await pause(clock, SEEN_EVERY_MS, AbortSignal.any([stopping, heard.signal]));
  }
}
