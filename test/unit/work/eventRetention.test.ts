/** EVENT_RETENTION_DAYS: what is older goes, in steps, whatever order it was written in. */

import { appendEvent, deleteOldEvents } from '../../../src/db/events.ts';
import type { Db } from '../../../src/db/open.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { isoTime, systemClock } from '../../../src/support/clock.ts';
import { pruneEvents } from '../../../src/work/eventRetention.ts';
import { onEachDatabase } from '../../database.ts';

const NOW = Date.parse('2026-11-28T00:00:00.000Z');
const DAY_MS = 24 * 60 * 60_000;
const never = new AbortController().signal;

onEachDatabase((open) => {
  const write = (db: Db, daysAgo: number) =>
    appendEvent(db, isoTime(NOW - daysAgo * DAY_MS), {
      environmentId: 'default',
      cause: { correlationId: 'first', actor: SYSTEM },
      alsoCausedBy: [`day ${daysAgo}`],
      kind: 'user.created',
      outcome: 'success',
    });
  const prune = (db: Db, eventRetentionDays: number, signal = never) =>
    pruneEvents({ db, clock: { ...systemClock, now: () => NOW }, eventRetentionDays }, signal);
  const left = async (db: Db) => {
    const rows = await db('event_correlations').orderBy('event_id');
    expect(await db('events').orderBy('id').pluck('id')).toEqual(rows.map((row) => row.event_id));
    return rows.map((row) => row.correlation_id);
  };

  it('goes by the time of an event, and takes what hangs on it', async () => {
    const db = await open();
    // A clock that was wrong for a while: the first is from the future.
    for (const daysAgo of [-400, 800, 29, 31, 30, 500, 1]) await write(db, daysAgo);
    await prune(db, 730);
    expect(await left(db)).toEqual(['day -400', 'day 29', 'day 31', 'day 30', 'day 500', 'day 1']);
    await prune(db, 30);
    expect(await left(db)).toEqual(['day -400', 'day 29', 'day 30', 'day 1']);
  });

  it('keeps all with 0', async () => {
    const db = await open();
    await write(db, 30_000);
    await prune(db, 0);
    expect(await left(db)).toEqual(['day 30000']);
  });

  it('takes the oldest first, no more at once than it was told, and stops when it is told', async () => {
    const db = await open();
    for (const daysAgo of [41, 44, 42, 43]) await write(db, daysAgo);
    await prune(db, 30, AbortSignal.abort());
    expect(await left(db)).toHaveLength(4);
    expect(await deleteOldEvents(db, isoTime(NOW), 3)).toBe(3);
    expect(await left(db)).toEqual(['day 41']);
  });
});
