/** Decides when a connection is pulled next, and whether everything is read. Pure except for the jitter. */

import type { PulledRecord } from '../db/pull/connections.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

/** A run begins early by this share of the interval: the time that the run itself takes must not delay a leaver. */
const EARLY_BY = 0.05;
const JITTER = 0.05;
/** After a run that took longer than the interval, the source is left in peace for this share of the run's time. */
const PEACE = 0.1;

/**
 * `beganMs`: when the run that ends now began. `until`: when a date passes that makes somebody inactive; the next run
 * comes no later than that.
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

/**
 * A delta, unless the source has none, the last full scan was too long ago, or settings changed since that concern
 * everybody.
 */
export function modeDue(
  {
    settings,
    lastFullAt,
    fullDueSince,
    position,
  }: Pick<PulledRecord, 'settings' | 'lastFullAt' | 'fullDueSince' | 'position'>,
  hasDelta: boolean,
  nowMs: number,
): 'full' | 'delta' {
  const { fullIntervalMinutes } = settings.sync;
  const isOld = lastFullAt === null || Date.parse(lastFullAt) + fullIntervalMinutes * 60_000 <= nowMs;
  return hasDelta && position !== null && !isOld && fullDueSince === null ? 'delta' : 'full';
}

/** What a full run that began then leaves due: settings that changed after it began. */
export function dueAfterFull(
  { fullDueSince }: Pick<PulledRecord, 'fullDueSince'>,
  beganAt: string | null,
): string | null {
  return fullDueSince !== null && fullDueSince > (beganAt ?? '') ? fullDueSince : null;
}
