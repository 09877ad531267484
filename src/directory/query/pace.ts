/**
 * How fast scans go. While requests that an index serves are in hand, scans read one range at a time, whoever they
 * belong to, and pause for as long as it took: they would take all processors there are, and everybody else would
 * wait for one before each statement.
 */

import type { Pace } from '../../db/lists/ranges.ts';
import type { Db } from '../../db/open.ts';
import { ReadTooLong, readWithin } from '../../db/reads.ts';
import { type Clock, ENOUGH } from '../../support/clock.ts';
import { createTurns } from '../../support/turns.ts';

/** About so long a range should take. */
const RANGE_MS = 20;
const ROWS = { first: 200, least: 50, most: 10_000 };
/** Of the time that a range took. */
const PAUSE = 1;
/** Whoever sends one request after the other is still there between two of them. */
const STILL_THERE_MS = 50;
/** So much later than it should the database may say that it has ended a statement. */
const LATE_MS = 10;
const NEVER = new AbortController().signal;

export function createPacing(db: Db, clock: Clock) {
  const turns = createTurns(1);
  let others = 0;
  let othersUntil = Number.NEGATIVE_INFINITY;
  const mustGiveWay = () => others > 0 || Math.abs(clock.now() - othersUntil) < STILL_THERE_MS;

  /** Resolves when it is the caller's turn, with what ends it. Throws ReadTooLong where that does not come in time. */
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
   * The database ends one statement in time, not several, and not one for which it was asked late. Where it has not
   * answered at all it is not the read that takes long. Throws ReadTooLong.
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
    /** As long as it lasts, scans give way to it. */
    async giveWayTo<T>(work: () => Promise<T>): Promise<T> {
      others += 1;
      try {
        return await work();
      } finally {
        others -= 1;
        othersUntil = clock.now();
      }
    },

    /** Of one scan, which has time until then, by the clock. */
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
