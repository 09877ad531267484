/** The order among subjects who want each other's keys: whatever they want, and whoever comes first, all get it. */

import fc from 'fast-check';
import type { Change } from '../../../src/model/change.ts';
import { circleOf, keyStep, keysWanted, temporaryValue, withhold } from '../../../src/plan/keys.ts';

const KEYS_MAX = 16;

interface Played {
  readonly has: readonly string[];
  readonly calls: number;
  /** Times that the vendor would have refused a key. */
  readonly refusals: number;
}

const address = (key: number) => `k${key}@acme.example`;

/** One attempt after the other at whoever is due, drawn by `draws`; each goes by `keyStep` alone. */
function play(from: readonly number[], to: readonly number[], draws: readonly number[]): Played {
  const has = from.map(address);
  const wants = to.map(address);
  const open = new Set(has.flatMap((key, n) => (key === wants[n] ? [] : [n])));
  const waiting = new Set<number>();
  const holderOf = (key: string | undefined, except: number) =>
    has.findIndex((other, n) => other === key && n !== except);
  const graph = () =>
    new Map(
      [...open].flatMap((n) => {
        const holder = waiting.has(n) || n === current ? holderOf(wants[n], n) : -1;
        return holder < 0 ? [] : [[String(n), String(holder)] as const];
      }),
    );
  let current = -1;
  let calls = 0;
  let refusals = 0;
  for (let turn = 0; open.size > 0; turn++) {
    if (turn > KEYS_MAX * 10) throw new Error('it does not end');
    const due = [...open].filter((n) => !waiting.has(n));
    if (due.length === 0) throw new Error('everybody waits');
    current = due[(draws[turn % draws.length] ?? 0) % due.length] as number;
    const holder = holderOf(wants[current], current);
    const step = keyStep({
      subjectId: String(current),
      holder: holder < 0 ? null : { subjectId: String(holder), givesUp: open.has(holder) },
      waitsFor: graph(),
    });
    if (step === 'wait') {
      waiting.add(current);
      continue;
    }
    calls += 1;
    const freed = has[current];
    if (step === 'take') {
      if (holder >= 0) refusals += 1;
      has[current] = wants[current] as string;
      open.delete(current);
    } else {
      has[current] = temporaryValue(wants[current] as string, `person-${current}`);
      waiting.add(current);
    }
    for (const n of open) if (wants[n] === freed) waiting.delete(n);
  }
  return { has, calls, refusals };
}

/** Circles of at least two among those who swap. */
function circles(from: readonly number[], to: readonly number[]): number {
  const next = new Map(from.map((key, n) => [key, to[n] as number]));
  const seen = new Set<number>();
  let found = 0;
  for (const start of from) {
    const path: number[] = [];
    let key: number | undefined = start;
    while (key !== undefined && !seen.has(key)) {
      seen.add(key);
      path.push(key);
      key = next.get(key);
    }
    if (key !== undefined && path.includes(key) && path.length - path.indexOf(key) > 1) found += 1;
  }
  return found;
}

const draws = fc.array(fc.nat(), { minLength: 1, maxLength: 40 });
const keysOf = (count: number) => Array.from({ length: count }, (_, key) => key);

it('gives all of them what they want, for any permutation, in any order of attempts', () => {
  const permutations = fc
    .integer({ min: 1, max: KEYS_MAX })
    .chain((count) => fc.shuffledSubarray(keysOf(count), { minLength: count, maxLength: count }));
  fc.assert(
    fc.property(permutations, draws, (to, order) => {
      const from = keysOf(to.length);
      const { has, calls, refusals } = play(from, to, order);
      expect(has).toEqual(to.map(address));
      expect(refusals).toBe(0);
      const moved = from.filter((key, n) => key !== to[n]).length;
      expect(calls).toBe(moved + circles(from, to));
    }),
  );
});

it('does so where some want what nobody has, with no temporary value but in circles', () => {
  const moves = fc
    .integer({ min: 1, max: KEYS_MAX / 2 })
    .chain((count) =>
      fc
        .shuffledSubarray(keysOf(count * 2), { minLength: count, maxLength: count })
        .map((to) => ({ count, to })),
    );
  fc.assert(
    fc.property(moves, draws, ({ count, to }, order) => {
      const from = keysOf(count);
      const { has, calls, refusals } = play(from, to, order);
      expect(has).toEqual(to.map(address));
      expect(refusals).toBe(0);
      expect(calls).toBe(from.filter((key, n) => key !== to[n]).length + circles(from, to));
    }),
  );
});

it('asks the vendor where the holder keeps the key', () => {
  const waitsFor = new Map([['b', 'a']]);
  expect(keyStep({ subjectId: 'a', holder: { subjectId: 'b', givesUp: false }, waitsFor })).toBe('take');
  expect(keyStep({ subjectId: 'a', holder: null, waitsFor })).toBe('take');
});

it('sees a circle of others, and is not in it', () => {
  const waitsFor = new Map([
    ['b', 'c'],
    ['c', 'b'],
  ]);
  expect(circleOf('a', 'b', waitsFor)).toEqual([]);
  expect(keyStep({ subjectId: 'a', holder: { subjectId: 'b', givesUp: true }, waitsFor })).toBe('wait');
});

describe('a temporary value', () => {
  it.each([
    ['ann@acme.example', 'ann+moving-d4e5f6@acme.example'],
    ['ann+tag@acme.example', 'ann+tag+moving-d4e5f6@acme.example'],
    ['ann', 'moving-d4e5f6-ann'],
    ['platform/ops', 'platform/moving-d4e5f6-ops'],
  ])('of %s is %s', (wanted, temporary) => {
    expect(temporaryValue(wanted, 'A1B2C3-D4E5F6')).toBe(temporary);
  });

  it('never has another domain', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.uuid(), (wanted, id) => {
        const temporary = temporaryValue(wanted, id);
        expect(temporary).not.toBe(wanted);
        expect(temporary.split('@').at(-1)).toBe(wanted.split('@').at(-1));
      }),
    );
  });
});

describe('what is withheld', () => {
  const subject = { kind: 'user', id: 'p', display: 'ann' } as const;
  const update = {
    op: 'update',
    subject,
    remoteId: 'r',
    attributes: [
      { name: 'email', from: 'a@x', to: 'b@x' },
      { name: 'title', from: null, to: 'Pilot' },
    ],
  } as const;
  const create: Change = {
    op: 'create',
    subject,
    identifier: 'b@x',
    attributes: { email: 'b@x', title: 'Pilot' },
  };
  const enable: Change = { op: 'enable', subject, remoteId: 'r' };
  const email = new Set(['email']);

  it('is the attribute, and the rest goes', () => {
    expect(withhold<Change>([enable, update], email, () => false)).toEqual([
      enable,
      { ...update, attributes: [update.attributes[1]] },
    ]);
  });

  it('is all of what an admin permitted as it is', () => {
    expect(withhold<Change>([enable, update], email, () => true)).toEqual([enable]);
  });

  it('is a whole creation', () => {
    expect(withhold<Change>([create], email, () => false)).toEqual([]);
    expect(keysWanted([create], ['email', 'username'])).toEqual([{ attribute: 'email', value: 'b@x' }]);
  });
});
