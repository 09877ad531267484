/** How long a task waits after a failure. */

import { retryDelayMs } from '../../../src/work/failure.ts';

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
