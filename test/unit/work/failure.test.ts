/** How long a task waits after a failure. */

import { postponeGapMs, retryDelayMs } from '../../../src/work/failure.ts';

const SAMPLES = 1_000;
const samples = (attempts: number, streak: number) =>
  Array.from({ length: SAMPLES }, () => retryDelayMs(attempts, streak));

it('waits longer for a task that fails while others succeed', () => {
  expect(Math.max(...samples(12, 12))).toBeGreaterThan(10_000);
  expect(Math.max(...samples(12, 12))).toBeLessThanOrEqual(20_250);
});

it('waits five seconds at most where the store alone was silent, however long', () => {
  expect(Math.max(...samples(0, 10_000))).toBe(5_000);
  expect(Math.min(...samples(0, 10_000))).toBeGreaterThan(0);
});

it('doubles the gaps between answers that are not the vendor’s, from a second to an hour', () => {
  const gaps = [0, 1, 2, 3, 11, 12, 40].map((postponed) => Math.round(postponeGapMs(postponed) / 1_000));
  const wanted = [1, 2, 4, 8, 2_048, 3_600, 3_600];
  for (const [index, gap] of gaps.entries()) {
    expect(gap).toBeGreaterThanOrEqual(Math.floor((wanted[index] as number) * 0.94));
    expect(gap).toBeLessThanOrEqual(Math.ceil((wanted[index] as number) * 1.06));
  }
});
