/** When a connection is pulled next. */

import { nextRunAfter } from '../../../src/pull/schedule.ts';

const MINUTE_MS = 60_000;
const BEGAN_MS = Date.parse('2026-01-01T00:00:00.000Z');
const sync = { enabled: true, intervalMinutes: 10, fullIntervalMinutes: 1440 };
const record = { status: 'ACTIVE', settings: { sync } } as unknown as Parameters<typeof nextRunAfter>[0];
const next = (tookMs: number, until: string | null = null) =>
  Date.parse(nextRunAfter(record, BEGAN_MS, BEGAN_MS + tookMs, until) ?? '') - BEGAN_MS;

it('begins before the interval that began with the last run is over', () => {
  for (let n = 0; n < 100; n++) {
    const afterMs = next(2 * MINUTE_MS);
    expect(afterMs).toBeGreaterThanOrEqual(9 * MINUTE_MS);
    expect(afterMs).toBeLessThanOrEqual(9.5 * MINUTE_MS);
  }
});

it('leaves the source in peace for a while after a run that took longer', () => {
  expect(next(30 * MINUTE_MS)).toBe(31 * MINUTE_MS);
});

it('is there when a date passes, and not at all where nobody wants it', () => {
  expect(next(MINUTE_MS, '2026-01-01T00:03:00.000Z')).toBe(3 * MINUTE_MS);
  const off = { ...record, settings: { ...record.settings, sync: { ...sync, enabled: false } } };
  expect(nextRunAfter(off, BEGAN_MS, BEGAN_MS, null)).toBeNull();
});
