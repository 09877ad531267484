/** When a connection is pulled next, and whether all of it. Pure but for the jitter. */

import type { PulledRecord } from '../db/pull/connections.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

/** A run begins before its interval is over, so that what it takes itself is no delay of a leaver's. */
const EARLY_BY = 0.05;
const JITTER = 0.05;
/** Where a run took longer than the interval, the source has as much of it in peace. */
const PEACE = 0.1;

/**
 * `beganMs`: of the run that ends now. `until`: when a date passes that makes somebody inactive; that is waited for as
 * well.
 */
export function nextRunAfter(
  { settings, status }: Pick<PulledRecord, 'settings' | 'status'>,
  beganMs: number,
  nowMs: number,
  until: string | null,
): string | null {
  const { enabled, intervalMinutes } = settings.sync;
  if (status !== 'ACTIVE' || !enabled) return null;
  const intervalMs = intervalMinutes * 60_000;
  const dueMs = beganMs + intervalMs * (1 - EARLY_BY - JITTER * random());
  const regular = isoTime(Math.max(dueMs, nowMs + intervalMs * PEACE));
  return until !== null && until < regular ? until : regular;
}

/** A delta, unless the source has none, or the last full scan is too long ago. */
export function modeDue(
  { settings, lastFullAt, position }: Pick<PulledRecord, 'settings' | 'lastFullAt' | 'position'>,
  hasDelta: boolean,
  nowMs: number,
): 'full' | 'delta' {
  const { fullIntervalMinutes } = settings.sync;
  const isOld = lastFullAt === null || Date.parse(lastFullAt) + fullIntervalMinutes * 60_000 <= nowMs;
  return hasDelta && position !== null && !isOld ? 'delta' : 'full';
}
