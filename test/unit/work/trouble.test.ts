/** For how long a worker leaves a store alone whose answers are not the vendor's. */

import { Trouble } from '../../../src/work/trouble.ts';

const SECOND = 1_000;

function inTrouble(): Trouble {
  const trouble = new Trouble();
  for (const subject of ['a', 'b', 'c']) trouble.failed(subject, 0, { unrecognised: true });
  return trouble;
}

it('leaves nobody waiting for one subject, however often it fails', () => {
  const trouble = new Trouble();
  for (let tries = 0; tries < 20; tries++) trouble.failed('a', 0, { unrecognised: true });
  expect([trouble.waitMs(0), trouble.isInTrouble]).toEqual([0, false]);
});

it('probes every five seconds for a minute, then less often, down to once a minute', () => {
  const trouble = inTrouble();
  const gaps: number[] = [];
  for (let now = 0; now < 10 * 60 * SECOND; ) {
    const gapMs = trouble.waitMs(now);
    gaps.push(gapMs / SECOND);
    now += gapMs;
    trouble.failed('a', now, { unrecognised: true });
  }
  expect(gaps.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 5));
  expect(gaps.slice(12, 17)).toEqual([10, 20, 40, 60, 60]);
});

it('takes attempts that had begun before for no probes', () => {
  const trouble = inTrouble();
  const waitMs = trouble.waitMs(0);
  for (let n = 0; n < 5; n++) trouble.failed(`s${n}`, 4 * SECOND, { unrecognised: true, began: -1 });
  expect([trouble.waitMs(0), trouble.streak]).toEqual([waitMs, 3]);
});

it('begins anew after an outage of another kind, and ends with a success', () => {
  const trouble = inTrouble();
  for (let now = 0; now < 5 * 60 * SECOND; now += 5 * SECOND)
    trouble.failed('a', now, { unrecognised: true });
  expect(trouble.waitMs(295 * SECOND)).toBe(60 * SECOND);
  trouble.failed('a', 300 * SECOND);
  trouble.failed('a', 305 * SECOND, { unrecognised: true });
  expect(trouble.waitMs(305 * SECOND)).toBe(5 * SECOND);
  expect([trouble.succeeded(), trouble.isInTrouble]).toEqual([true, false]);
});
