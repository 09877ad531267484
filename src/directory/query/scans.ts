/**
 * Runs few scans at a time: two for each connection, or for the admins of one environment, so that nobody takes all
 * places, and few for the whole process, which has few cores. A scan without a place waits for up to a second; other
 * requests never wait for scans.
 */

import type { Pace } from '../../db/lists/ranges.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import { ReadTooLong, readsOf } from '../../db/reads.ts';
import type { Clock } from '../../support/clock.ts';
import { createPacing } from './pace.ts';

const OF_CONNECTION_MAX = 2;
/** SQLite scans inside this process, PostgreSQL in its own. */
const OF_PROCESS_MAX = { sqlite: 2, postgres: 4 } as const;
const WAIT_MAX_MS = 1_000;
/** Scans that came together are refused one after the other: all at once, they would make everybody else wait. */
const REFUSED_WITHIN_MS = 150;
/** Spreads any number of points evenly: each new one falls between earlier ones. */
const GOLDEN_RATIO = 0.618;
/** From its arrival until it is ended, with its wait: the answer is due within 1.5 s. */
const SCAN_MAX_MS = 1_200;

/** There are too many scans, or this one takes too long: 429. */
export class ScanRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ScanRefused';
  }
}

export type Scans = ReturnType<typeof createScans>;

interface Waiting {
  readonly connectionId: string;
  start(): void;
}

export function createScans(db: Db, clock: Clock) {
  const ofProcessMax = OF_PROCESS_MAX[dialectOf(db)];
  const pacing = createPacing(db, clock);
  /** How many scans of each connection run; connections without any are absent. */
  const running = new Map<string, number>();
  const waiting = new Set<Waiting>();
  let runningInAll = 0;
  let waited = 0;

  const runningOf = (connectionId: string) => running.get(connectionId) ?? 0;

  const count = (connectionId: string, change: 1 | -1) => {
    runningInAll += change;
    const left = runningOf(connectionId) + change;
    if (left > 0) running.set(connectionId, left);
    else running.delete(connectionId);
  };

  /** Starts scans of the connections that have the fewest running, in the order in which they came. */
  const startNext = () => {
    if (runningInAll >= ofProcessMax) return;
    const [next] = [...waiting]
      .filter(({ connectionId }) => runningOf(connectionId) < OF_CONNECTION_MAX)
      .sort((a, b) => runningOf(a.connectionId) - runningOf(b.connectionId));
    next?.start();
  };

  const turn = async (connectionId: string) => {
    const begun = new AbortController();
    const start = () => {
      waiting.delete(me);
      count(connectionId, 1);
      begun.abort();
    };
    const me: Waiting = { connectionId, start };
    waiting.add(me);
    startNext();
    if (begun.signal.aborted) return;
    waited += 1;
    const lateMs = ((waited * GOLDEN_RATIO) % 1) * REFUSED_WITHIN_MS;
    await clock.sleep(WAIT_MAX_MS + lateMs, begun.signal).catch(() => {});
    if (waiting.delete(me)) throw tooMany();
  };

  return {
    giveWayTo: pacing.giveWayTo,

    /** Throws ScanRefused if its turn does not come, or it takes too long. */
    async run<T>(connectionId: string, read: (db: Db, pace: Pace) => Promise<T>): Promise<T> {
      const arrivedAt = clock.now();
      await turn(connectionId);
      try {
        return await read(readsOf(db), pacing.until(arrivedAt + SCAN_MAX_MS));
      } catch (error) {
        throw error instanceof ReadTooLong ? tooLong() : error;
      } finally {
        count(connectionId, -1);
        startNext();
      }
    },
  };
}

function tooMany(): ScanRefused {
  const detail = `Filters that no index serves are answered ${OF_CONNECTION_MAX} at a time; send this one again shortly.`;
  return new ScanRefused(detail);
}

function tooLong(): ScanRefused {
  const detail = `No index serves this filter, and going through everybody took longer than the limit of ${SCAN_MAX_MS} ms just now. A test of userName, externalId, id or emails.value that must hold makes it quick.`;
  return new ScanRefused(detail);
}
