/**
 * Deletes events that are older than EVENT_RETENTION_DAYS, oldest first, in steps so small that a request waits for
 * one of them at most.
 */

import { deleteOldEvents } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';

const DAY_MS = 24 * 60 * 60_000;
const EVENTS_PER_STEP = 50;
/** How many steps one call takes; the next one goes on. */
const STEPS_MAX = 40;

export interface EventRetentionDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** How many days events are kept; 0: for ever. */
  readonly eventRetentionDays: number;
}

/** Ends early, between two steps, when the signal aborts. */
export async function pruneEvents(deps: EventRetentionDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, eventRetentionDays } = deps;
  if (eventRetentionDays === 0) return;
  const before = isoTime(clock.now() - eventRetentionDays * DAY_MS);
  for (let step = 0; step < STEPS_MAX && !signal.aborted; step++) {
    if ((await deleteOldEvents(db, before, EVENTS_PER_STEP)) < EVENTS_PER_STEP) return;
  }
}
