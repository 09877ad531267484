/**
 * Says until which time a deletion that waits for days counts as due. Where the clock leaps, forward or back,
 * deletions that were not due an hour before wait for another day, measured by a clock that cannot leap. The database
 * keeps what it knows across restarts. It deletes nothing.
 */

import { type ClockNote, readClockNote, saveClockNote } from '../db/clockNote.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** A larger difference between the wall clock and the monotonic one is a leap; a smaller one is a correction. */
const LEAP_MS = HOUR_MS;
const POSTPONED_MS = DAY_MS;
const NOTED_EVERY_MS = 60_000;
/** Clocks of replicas differ a little: a note at most this far in the future is no leap. */
const SKEW_MS = 60_000;

interface Postponement {
  /** Milliseconds since the epoch: deletions that were due by then go on. */
  readonly dueBy: number;
  /** A time of the monotonic clock. */
  readonly endsAt: number;
  /** Only stores whose deletions wait for fewer days are postponed; null: every store. */
  readonly belowDays: number | null;
}

export interface DeletionClock {
  /** Reads the note of the last process. Call it before the first use. */
  begin(): Promise<void>;
  /**
   * Answers `now` or an earlier ISO time: a deletion that waits for `days` counts as due where it was due by then.
   */
  timeFor(days: number, now: string): string;
  isPostponing(): boolean;
  /** Notes the present time. Answers why deletions are postponed from now on; null where nothing changed. */
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
  /** The postponement has just ended, and the database does not say so yet. */
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

  /** Takes over what another process postponed, or this one before a restart. */
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
