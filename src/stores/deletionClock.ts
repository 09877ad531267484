/**
 * By which time a deletion that waits for days counts as due. Where the clock leaps, forward or back, deletions that
 * were not due an hour before wait for a day, as a clock measures it that cannot leap. What it knows is in the
 * database too, so that a restart does not forget it. It deletes nothing.
 */

import { type ClockNote, readClockNote, saveClockNote } from '../db/clockNote.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Between the wall clock and the other one; less is a correction. */
const LEAP_MS = HOUR_MS;
const POSTPONED_MS = DAY_MS;
const NOTED_EVERY_MS = 60_000;
/** Replicas' clocks differ a little: a note that is so far in the future is no leap. */
const SKEW_MS = 60_000;

interface Postponement {
  /** Deletions that were due by then go on; milliseconds since the epoch. */
  readonly dueBy: number;
  /** By the monotonic clock. */
  readonly endsAt: number;
  /** Of stores whose deletions wait for less than so many days; null: of every store. */
  readonly belowDays: number | null;
}

export interface DeletionClock {
  /** Before the first use: reads what is noted. */
  begin(): Promise<void>;
  /** `now` or earlier, ISO times: deletions that wait for `days` count as due where they were due by then. */
  timeFor(days: number, now: string): string;
  isPostponing(): boolean;
  /** Notes how late it is. Answers why deletions are postponed from now on; null where nothing is new. */
  note(): Promise<string | null>;
}

export function createDeletionClock({
  db,
  clock,
}: {
  readonly db: Db;
  readonly clock: Clock;
}): DeletionClock {
  const monotonic = () => clock.monotonic?.() ?? clock.now();
  let last: { readonly wall: number; readonly mono: number } | null = null;
  let notedAt = Number.NEGATIVE_INFINITY;
  let postponed: Postponement | null = null;
  let news: string | null = null;
  let begun: Promise<void> | null = null;
  /** It has just ended, and the database does not know yet. */
  let ended = false;

  const postpone = (dueBy: number, belowDays: number | null, why: string): void => {
    const earlier = postponed?.dueBy ?? dueBy;
    const all = belowDays === null || (postponed !== null && postponed.belowDays === null);
    const days = all ? null : Math.max(belowDays ?? 0, postponed?.belowDays ?? 0);
    postponed = { dueBy: Math.min(dueBy, earlier), endsAt: monotonic() + POSTPONED_MS, belowDays: days };
    news = why;
  };

  const look = (): void => {
    const wall = clock.now();
    const mono = monotonic();
    if (last !== null) {
      const expected = last.wall + (mono - last.mono);
      if (Math.abs(wall - expected) > LEAP_MS) {
        const why = `the clock leapt from ${isoTime(expected)} to ${isoTime(wall)}`;
        postpone(expected - HOUR_MS, null, why);
        notedAt = Number.NEGATIVE_INFINITY;
      }
    }
    last = { wall, mono };
    if (postponed === null || mono < postponed.endsAt) return;
    postponed = null;
    ended = true;
  };

  const save = async (): Promise<void> => {
    notedAt = monotonic();
    const remainingMs = postponed === null ? null : Math.max(0, Math.round(postponed.endsAt - monotonic()));
    await saveClockNote(db, {
      at: isoTime(clock.now()),
      dueBy: postponed === null ? null : isoTime(postponed.dueBy),
      remainingMs,
      belowDays: postponed?.belowDays ?? null,
    });
  };

  /** What another process, or this one before it was restarted, postponed. */
  const adopt = (note: ClockNote): void => {
    if (note.dueBy === null || !note.remainingMs || postponed !== null) return;
    const endsAt = monotonic() + note.remainingMs;
    postponed = { dueBy: Date.parse(note.dueBy), endsAt, belowDays: note.belowDays };
  };

  const start = async (): Promise<void> => {
    const note = await readClockNote(db);
    look();
    if (note) {
      adopt(note);
      const wall = clock.now();
      const noted = Date.parse(note.at);
      if (noted > wall + SKEW_MS)
        postpone(wall - HOUR_MS, null, `the clock was at ${note.at} before, and is at ${isoTime(wall)}`);
      else if (wall - noted > DAY_MS)
        postpone(noted - HOUR_MS, (wall - noted) / DAY_MS, `nothing ran from ${note.at} to ${isoTime(wall)}`);
    }
    await save();
  };

  return {
    begin() {
      begun ??= start().catch((error: unknown) => {
        begun = null;
        throw error;
      });
      return begun;
    },
    timeFor(days, now) {
      look();
      if (postponed === null || (postponed.belowDays !== null && days >= postponed.belowDays)) return now;
      const dueBy = isoTime(postponed.dueBy);
      return dueBy < now ? dueBy : now;
    },
    async note() {
      await this.begin();
      look();
      const said = news;
      if (said !== null || ended || monotonic() - notedAt >= NOTED_EVERY_MS) {
        const note = ended ? null : await readClockNote(db);
        if (note) adopt(note);
        await save();
        ended = false;
      }
      news = null;
      return said;
    },
    isPostponing() {
      look();
      return postponed !== null;
    },
  };
}
