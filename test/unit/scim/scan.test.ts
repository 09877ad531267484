/** The look at a body's bytes: it must see what JSON.parse would make of them, however they arrive. */

import fc from 'fast-check';
import { ScimError } from '../../../src/scim/answer/errors.ts';
import {
  KEY_BYTES_MAX,
  KEYS_MAX,
  LIST_MAX,
  MEMBERS_MAX,
  NESTING_MAX,
  VALUES_MAX,
} from '../../../src/scim/request/limits.ts';
import { createScan } from '../../../src/scim/request/scan.ts';

/** Null where it is accepted; the bytes arrive in pieces of this size. */
function refusal(text: string, pieceBytes = 1 << 16): { status: number; detail: string } | null {
  const bytes = Buffer.from(text);
  const scan = createScan();
  try {
    for (let from = 0; from < bytes.length; from += pieceBytes)
      scan.next(bytes, bytes.subarray(from, from + pieceBytes));
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ScimError);
    const { status, message } = error as ScimError;
    return { status, detail: message };
  }
}

describe('values', () => {
  /** Lists of as many as one may have, and the list of them: each is a value too. */
  const lists = (count: number, one: string) => {
    const whole = `[${Array(LIST_MAX).fill(one).join(',')}]`;
    const full = Array(Math.floor(count / LIST_MAX)).fill(whole);
    return `[${[
      ...full,
      `[${Array(count % LIST_MAX)
        .fill(one)
        .join(',')}]`,
    ].join(',')}]`;
  };
  const own = (count: number) => 2 + Math.floor(count / LIST_MAX);

  it.each(['1', '-1.5e3', 'true', 'null', '"a"', '"\\\\\\""', '{}', '[]'])('are counted: %s', (one) => {
    const most = VALUES_MAX - own(VALUES_MAX);
    expect(refusal(lists(most, one))).toBeNull();
    expect(refusal(lists(most + 2, one))).toMatchObject({ status: 413 });
  });

  it('are counted beside keys, not with them', () => {
    const most = Math.floor((VALUES_MAX - own(VALUES_MAX)) / 3);
    expect(refusal(lists(most, '{"a" : 1, "b":"x"}'))).toBeNull();
    expect(refusal(lists(most + 20, '{"a" : 1, "b":"x"}'))).toMatchObject({ status: 413 });
  });

  it('inside of strings are none', () => {
    expect(refusal(JSON.stringify({ a: '[1,{},'.repeat(VALUES_MAX) }))).toBeNull();
  });
});

describe('a list', () => {
  const list = (count: number, one: string) => `[${Array(count).fill(one).join(',')}]`;
  const user = (count: number) => `{"userName":"x","emails":${list(count, '{}')}}`;
  const group = (count: number) => `{"members":${list(count, '{"value":"1"}')}}`;
  const patch = (count: number) =>
    `{"Operations":[{"op":"add","path":"members","Value":${list(count, '{"value":"1"}')}}]}`;

  it('has as many entries as a group may have members, where it is of members', () => {
    for (const body of [group, patch]) {
      expect(refusal(body(MEMBERS_MAX))).toBeNull();
      expect(refusal(body(MEMBERS_MAX + 1))).toMatchObject({ status: 413 });
    }
  });

  it('has fewer anywhere else', () => {
    for (const body of [user, (count: number) => list(count, '1')]) {
      expect(refusal(body(LIST_MAX))).toBeNull();
      expect(refusal(body(LIST_MAX + 1))).toMatchObject({
        status: 413,
        detail: 'A list without members may have 10000 entries, not more.',
      });
    }
  });
});

it('has limits on depth, whatever is closed', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(refusal(`[${deep(NESTING_MAX - 1)},${deep(NESTING_MAX - 1)}]`)).toBeNull();
  expect(refusal(deep(NESTING_MAX + 1))).toMatchObject({ status: 400 });
  expect(refusal(`${']'.repeat(100)}${'['.repeat(NESTING_MAX + 1)}`)).toMatchObject({ status: 400 });
});

describe('keys', () => {
  it('of one object are limited, of all of them not', () => {
    const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')}}`;
    expect(refusal(`[${keys(KEYS_MAX)},${keys(KEYS_MAX)}]`)).toBeNull();
    expect(refusal(keys(KEYS_MAX + 1))).toMatchObject({ status: 413 });
  });

  it('are limited each, and no other text is', () => {
    const long = 'x'.repeat(KEY_BYTES_MAX);
    expect(refusal(`{"${long}":"${long}xyz","a":["${long}xyz"]}`)).toBeNull();
    expect(refusal(`{"${long}x":1}`)).toMatchObject({ status: 413 });
  });

  it.each([
    '{"userName":"a","USERNAME":"b"}',
    '{"a":{"x":[{"Value":1,"value":2}]}}',
    '{"É":1,"é":2}',
    '{"\\u0061b":1,"AB":2}',
    '{"a":[{"b":1}],"c":{},"A":1}',
  ])('that differ in case alone are refused, however they arrive: %s', (text) => {
    for (const pieceBytes of [1, 2, 3, 7, 1000]) {
      expect(refusal(text, pieceBytes)).toMatchObject({
        status: 400,
        detail: expect.stringContaining('twice'),
      });
    }
  });

  it.each([
    '{"a":"A","b":["a","A"],"c":{"a":1},"d":{"A":1}}',
    '[{"a":1},{"A":1}]',
    '{"a":1,"a":2}',
    '{"x":"\\"","y":"\\\\","z":"{\\"X\\":1}"}',
  ])('are compared within one object: %s', (text) => {
    for (const pieceBytes of [1, 2, 3, 7, 1000]) expect(refusal(text, pieceBytes)).toBeNull();
  });
});

it('accepts whatever JSON says, and leaves what is none to JSON.parse', () => {
  const lowerKeys = fc.jsonValue().map((value) => JSON.stringify(value).toLowerCase());
  fc.assert(
    fc.property(lowerKeys, fc.integer({ min: 1, max: 9 }), (text, pieceBytes) => {
      expect(refusal(text, pieceBytes)).toBeNull();
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\1 a') }), (text) => void refusal(text)),
  );
});
