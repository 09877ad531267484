/**
 * Server-sent events (WHATWG HTML §9.2) of the audit log. One look at the database serves all streams of a process,
 * at least twice a second; each stream then reads its own new events, as fast as its client takes them. A stream ends
 * before its next event when its token or session has ended, and when the process stops.
 */

import {
  type FeedPosition,
  forgetForeignTransactions,
  isOfThisFeed,
  type Moment,
  momentOf,
  moveOn,
  positionNow,
  readFeed,
  readPosition,
  writePosition,
} from '../../db/eventFeed.ts';
import type { EventFilter } from '../../db/lists/events.ts';
import type { Db } from '../../db/open.ts';
import type { Wake } from '../../db/queue/wake.ts';
import { RequestError } from '../../model/errors.ts';
import { type Clock, pause } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import { showEvent } from '../present/event.ts';
import { ClientGone, type Sink } from './sink.ts';

export interface EventStreams {
  /**
   * Answers a function that writes the stream. Throws a RequestError: 410 if the position is not, or no longer, in
   * this audit log; 429 beyond 20 streams of one token.
   */
  open(wanted: WantedStream): Promise<(sink: Sink) => Promise<void>>;
}

export interface WantedStream {
  readonly filter: EventFilter;
  /** `Last-Event-ID`; null: the stream begins with the next event. */
  readonly lastEventId: string | null;
  readonly tokenId: string;
  /** False once the caller's token or session has ended. */
  stillHolds(): Promise<boolean>;
}

export interface EventStreamsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Signals that something was committed, here or in another process. Some commits send no signal. */
  readonly wake: Pick<Wake, 'onSignal'>;
  /** Aborted when the process stops. */
  readonly ending: AbortSignal;
}

const STREAMS_PER_TOKEN_MAX = 20;
const LOOK_EVERY_MS = 400;
/** The least time between two looks, however much is committed. */
const LOOK_GAP_MS = 50;
const BEAT_MS = 15_000;
const EVENTS_PER_READ = 500;
const RETRY_MS = 2_000;

export function createEventStreams(deps: EventStreamsDeps): EventStreams {
  const { db, ending } = deps;
  const open = new Map<string, number>();
  const looks = createLooks(deps);
  return {
    async open({ filter, lastEventId, tokenId, stillHolds }) {
      const count = open.get(tokenId) ?? 0;
      if (count >= STREAMS_PER_TOKEN_MAX)
        throw new RequestError(
          429,
          `This token has ${STREAMS_PER_TOKEN_MAX} streams open already; end one, or use another token.`,
          [],
          { retryAfterSeconds: 5 },
        );
      open.set(tokenId, count + 1);
      const close = () => void open.set(tokenId, (open.get(tokenId) ?? 1) - 1);
      try {
        await looks.ready();
        const begin = await beginning(db, filter.environmentId, lastEventId);
        return (sink) => follow(deps, looks, { filter, begin, stillHolds }, sink, ending).finally(close);
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

async function beginning(db: Db, environmentId: string, lastEventId: string | null): Promise<FeedPosition> {
  if (lastEventId === null) return positionNow(db, environmentId);
  const position = readPosition(db, lastEventId);
  if (position && (await isOfThisFeed(db, environmentId, position))) return position;
  throw new RequestError(
    410,
    'The Last-Event-ID is unknown here, or what followed it may be gone: read …/events for what was missed, and begin anew without it.',
  );
}

interface Followed extends Pick<WantedStream, 'filter' | 'stillHolds'> {
  readonly begin: FeedPosition;
}

async function follow(
  deps: EventStreamsDeps,
  looks: Looks,
  { filter, begin, stillHolds }: Followed,
  sink: Sink,
  ending: AbortSignal,
): Promise<void> {
  const { db, clock } = deps;
  const over = AbortSignal.any([sink.signal, ending]);
  let position = begin;
  let beatAt = clock.now() + BEAT_MS;
  try {
    await sink.write(`retry: ${RETRY_MS}\nid: ${writePosition(position)}\n\n`);
    while (!over.aborted) {
      const read = await readFeed(db, filter, position, EVENTS_PER_READ);
      if (read.length > 0 && !(await stillHolds())) return;
      for (const one of read) {
        position = one.position;
        await sink.write(`id: ${writePosition(position)}\ndata: ${JSON.stringify(showEvent(one.event))}\n\n`);
      }
      if (read.length === EVENTS_PER_READ) continue;
      const moment = await looks.after(position.to, Math.max(0, beatAt - clock.now()), over);
      if (moment !== null) position = moveOn(position, moment);
      if (clock.now() < beatAt) continue;
      if (!(await stillHolds())) return;
      beatAt = clock.now() + BEAT_MS;
      await sink.write(`: beat\nid: ${writePosition(position)}\n\n`);
    }
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  }
}

interface Looks {
  /** Prepares the process for its first stream. */
  ready(): Promise<void>;
  /** Resolves when more is committed than at that moment. Answers null after `maxMs`, or when `over` aborts. */
  after(moment: Moment, maxMs: number, over: AbortSignal): Promise<Moment | null>;
}

/** One look serves every stream; while there is no stream, there is no look. */
function createLooks({ db, clock, log, wake, ending }: EventStreamsDeps): Looks {
  let prepared: Promise<void> | null = null;
  let waiting = new Set<(moment: Moment) => void>();
  let isLooking = false;
  let hurry = new AbortController();

  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const stopListening = wake.onSignal(() => hurry.abort());
    try {
      while (waiting.size > 0 && !ending.aborted) {
        await pause(clock, LOOK_GAP_MS, ending);
        hurry = new AbortController();
        await tell();
        await pause(clock, LOOK_EVERY_MS, AbortSignal.any([hurry.signal, ending]));
      }
    } finally {
      stopListening();
      isLooking = false;
    }
  };
  const tell = async (): Promise<void> => {
    try {
      const moment = await momentOf(db);
      const told = waiting;
      waiting = new Set();
      for (const listener of told) listener(moment);
    } catch (error) {
      log.debug({ err: error }, 'the audit log could not be looked at; streams wait');
    }
  };
  return {
    ready() {
      prepared ??= forgetForeignTransactions(db).catch((error: unknown) => {
        prepared = null;
        throw error;
      });
      return prepared;
    },
    after(moment, maxMs, over) {
      return new Promise((resolve) => {
        const end = (found: Moment | null) => {
          clearTimeout(late);
          over.removeEventListener('abort', onOver);
          waiting.delete(listener);
          resolve(found);
        };
        const listener = (found: Moment) => (found === moment ? void waiting.add(listener) : end(found));
        const onOver = () => end(null);
        const late = setTimeout(() => end(null), maxMs);
        if (over.aborted) return end(null);
        over.addEventListener('abort', onOver, { once: true });
        waiting.add(listener);
        void look();
      });
    },
  };
}
