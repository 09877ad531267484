/** When a connection is pulled next, and whether all of it. Pure but for the jitter. */

import type { PulledRecord } from '../db/pull/connections.ts';
import { isoTime } from '../support/clock.ts';
import { random } from '../support/random.ts';

const JITTER = 0.1;

/** `until`: when a date passes that makes somebody inactive; that is waited for as well. */
export function nextRunAfter(
  { settings, status }: Pick<PulledRecord, 'settings' | 'status'>,
  nowMs: number,
  until: string | null,
): string | null {
  const { enabled, intervalMinutes } = settings.sync;
  if (status !== 'ACTIVE' || !enabled) return null;
  const gapMs = intervalMinutes * 60_000 * (1 + JITTER * (random() - 0.5));
  const regular = isoTime(nowMs + gapMs);
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
