/**
 * Slows scans down. While requests that an index serves are under way, only one scan reads at a time, range by range,
 * and it pauses after each range for as long as the range took. Otherwise scans would use all processors, and
 * everybody else would wait for one before each statement.
 */

import type { Pace } from '../../db/lists/ranges.ts';
import type { Db } from '../../db/open.ts';
import { ReadTooLong, readWithin } from '../../db/reads.ts';
import { type Clock, ENOUGH } from '../../support/clock.ts';
import { createTurns } from '../../support/turns.ts';

/** How long one range should take. */
const RANGE_MS = 20;
const ROWS = { first: 200, least: 50, most: 10_000 };
/** As a share of the time that the range took. */
const PAUSE = 1;
/** A client that sends one request after another counts as present in between. */
const STILL_THERE_MS = 50;
/** The database may report the end of a statement this much late. */
const LATE_MS = 10;
const NEVER = new AbortController().signal;

export function createPacing(db: Db, clock: Clock) {
  const turns = createTurns(1);
  let others = 0;
  let othersUntil = Number.NEGATIVE_INFINITY;
  const mustGiveWay = () => others > 0 || Math.abs(clock.now() - othersUntil) < STILL_THERE_MS;

  /**
   * Waits for the caller's turn and answers a function that ends it. Throws ReadTooLong if it does not come in time.
   */
  const turnUntil = async (overAt: number): Promise<() => void> => {
    const turn = turns.take();
    const begun = new AbortController();
    const over = clock.sleep(Math.max(0, overAt - clock.now()), begun.signal).then(
      () => null,
      () => null,
    );
    const end = await Promise.race([turn, over]);
    begun.abort(ENOUGH);
    if (end !== null) return end;
    void turn.then((late) => late());
    throw new ReadTooLong();
  };

  /**
   * Bounds the time of a scan. The database ends a single statement in time, but not several, nor one that began
   * late. If the database has not answered at all, the read is not to blame. Throws ReadTooLong.
   */
  const endedBy = async <T>(overAt: number, reading: Promise<T>, isHeard: () => boolean): Promise<T> => {
    const ended = new AbortController();
    const leftMs = Math.max(0, overAt + LATE_MS - clock.now());
    const over = clock.sleep(leftMs, ended.signal).then(() => {
      if (isHeard()) throw new ReadTooLong();
      return reading;
    });
    return Promise.race([reading, over]).finally(() => ended.abort(ENOUGH));
  };

  return {
    /** Scans give way while this work lasts. */
    async giveWayTo<T>(work: () => Promise<T>): Promise<T> {
      others += 1;
      try {
        return await work();
      } finally {
        others -= 1;
        othersUntil = clock.now();
      }
    },

    /** The pace of one scan, which has until then, by the clock. */
    until(overAt: number): Pace {
      let rows = ROWS.first;
      return {
        async range(read) {
          const endTurn = mustGiveWay() ? await turnUntil(overAt) : () => {};
          try {
            const startedAt = performance.now();
            const leftMs = overAt - clock.now();
            if (leftMs <= 0) throw new ReadTooLong();
            let isHeard = false;
            const reading = readWithin(db, leftMs, (reads) => {
              isHeard = true;
              return read(reads, rows);
            });
            const result = await endedBy(overAt, reading, () => isHeard);
            const tookMs = Math.max(1, performance.now() - startedAt);
            rows = Math.round(Math.min(ROWS.most, Math.max(ROWS.least, (rows * RANGE_MS) / tookMs)));
            const pauseMs = mustGiveWay() ? Math.min(PAUSE * tookMs, overAt - clock.now()) : 0;
            if (pauseMs > 0) await clock.sleep(pauseMs, NEVER);
            return result;
          } finally {
            endTurn();
          }
        },
      };
    },
  };
}
