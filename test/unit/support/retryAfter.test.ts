/** Who is refused again and again is asked to wait longer, up to a limit; nobody else is. */

import { createOverload } from '../../../src/support/retryAfter.ts';

it('asks for 5 s at first, for 30 s at most, and forgets after a minute', () => {
  let now = 0;
  const overload = createOverload({ now: () => now });
  const seconds = Array.from({ length: 80 }, () => overload('flood'));
  expect(seconds.slice(0, 11)).toEqual([...Array(10).fill(5), 10]);
  expect(seconds.at(-1)).toBe(30);
  expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
  expect(seconds.every(Number.isInteger)).toBe(true);
  expect(overload('other')).toBe(5);
  now = 60_000;
  expect(overload('flood')).toBe(5);
});
