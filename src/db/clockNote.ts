/** The time at which a process last looked, and what a leap of the clock postpones: one row. */

import type { Db } from './open.ts';

export interface ClockNote {
  /** ISO time */
  readonly at: string;
  /** Deletions that were due by then go on, others wait; an ISO time. Null where nothing is postponed. */
  readonly dueBy: string | null;
  readonly remainingMs: number | null;
  /** Only stores whose deletions wait for fewer days are postponed; null: every store. */
  readonly belowDays: number | null;
}

const KEY = 'clock';

export async function readClockNote(db: Db): Promise<ClockNote | null> {
  const row = await db('clock_notes').where({ key: KEY }).first();
  if (!row) return null;
  return {
    at: row.at,
    dueBy: row.due_by,
    remainingMs: row.remaining_ms === null ? null : Number(row.remaining_ms),
    belowDays: row.below_days === null ? null : Number(row.below_days),
  };
}

export async function saveClockNote(db: Db, { at, dueBy, remainingMs, belowDays }: ClockNote): Promise<void> {
  const note = { at, due_by: dueBy, remaining_ms: remainingMs, below_days: belowDays };
  await db('clock_notes')
    .insert({ key: KEY, ...note })
    .onConflict('key')
    .merge();
}
