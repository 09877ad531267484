/** By when deletions count as due, where the clock leaps, in one process and over a restart. */

import type { Db } from '../../../src/db/open.ts';
import { createDeletionClock } from '../../../src/stores/deletionClock.ts';
import { onEachDatabase } from '../../database.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-01-01T12:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();

/** A process on a machine whose wall clock can be set. */
function machine(db: Db, at = START) {
  let wall = at;
  let mono = 0;
  const clock = { now: () => wall, monotonic: () => mono, sleep: () => Promise.resolve() };
  const process = () => createDeletionClock({ db, clock });
  return {
    process,
    pass: (ms: number) => {
      wall += ms;
      mono += ms;
    },
    set: (ms: number) => {
      wall += ms;
    },
    /** How long before now deletions must have been due. */
    lagOf: (deletions: ReturnType<typeof process>, days: number) =>
      wall - Date.parse(deletions.timeFor(days, iso(wall))),
  };
}

onEachDatabase((open) => {
  it('counts the time as it passes, and corrections of less than an hour', async () => {
    const { process, pass, set, lagOf } = machine(await open());
    const deletions = process();
    await deletions.begin();
    for (let n = 0; n < 40; n++) {
      pass(DAY);
      set(30 * MINUTE);
      expect(lagOf(deletions, 30)).toBe(0);
      expect(await deletions.note()).toBeNull();
    }
  });

  it.each([31 * DAY, 2 * HOUR, -2 * HOUR])('waits for a day after a leap of %d ms', async (leap) => {
    const { process, pass, set, lagOf } = machine(await open());
    const deletions = process();
    await deletions.begin();
    pass(MINUTE);
    set(leap);
    expect(lagOf(deletions, 30)).toBe(Math.max(0, leap + HOUR));
    expect(await deletions.note()).toContain('the clock leapt');
    expect(await deletions.note()).toBeNull();
    pass(23 * HOUR);
    expect(deletions.isPostponing()).toBe(true);
    pass(HOUR);
    expect(deletions.isPostponing()).toBe(false);
    await deletions.note();
    pass(2 * MINUTE);
    await deletions.note();
    expect(lagOf(deletions, 30)).toBe(0);
  });

  it('goes on by what was due before the first leap when the clock is put right again', async () => {
    const { process, pass, set, lagOf } = machine(await open());
    const deletions = process();
    await deletions.begin();
    set(31 * DAY);
    expect(lagOf(deletions, 30)).toBe(31 * DAY + HOUR);
    pass(12_000);
    set(-31 * DAY);
    expect(lagOf(deletions, 30)).toBe(HOUR + 12_000);
  });

  it('is known after a restart, and to another process, for as long as is left', async () => {
    const db = await open();
    const { process, pass, set, lagOf } = machine(db);
    const first = process();
    await first.begin();
    set(31 * DAY);
    await first.note();
    pass(20 * HOUR);
    await first.note();
    const second = process();
    await second.begin();
    expect(lagOf(second, 30)).toBeGreaterThan(31 * DAY);
    pass(4 * HOUR);
    expect(lagOf(second, 30)).toBe(0);
  });

  it('takes a start as a leap where the last note lies in the future, or too far back', async () => {
    const db = await open();
    const before = machine(db, START + 31 * DAY);
    await before.process().begin();
    const back = machine(db, START);
    const now = back.process();
    await now.begin();
    expect(back.lagOf(now, 30)).toBe(HOUR);
    await db('clock_notes').update({ due_by: null, remaining_ms: null, at: iso(START) });
    const later = machine(db, START + 31 * DAY);
    const after = later.process();
    await after.begin();
    expect(later.lagOf(after, 30)).toBe(31 * DAY + HOUR);
    expect(later.lagOf(after, 40)).toBe(0);
    expect(await after.note()).toContain('nothing ran from');
  });
});
