/** The look at a body's bytes: it must see what JSON.parse would make of them, however they arrive. */

import fc from 'fast-check';
import { ScimError } from '../../../src/scim/answer/errors.ts';
import { KEYS_MAX, NESTING_MAX, VALUES_MAX } from '../../../src/scim/request/limits.ts';
import { createScan } from '../../../src/scim/request/scan.ts';

/** Null where it is accepted; the bytes arrive in pieces of this size. */
function refusal(text: string, pieceBytes = 1 << 16): { status: number; detail: string } | null {
  const bytes = Buffer.from(text);
  const scan = createScan();
  try {
    for (let end = 0; end < bytes.length; ) {
      end = Math.min(bytes.length, end + pieceBytes);
      scan(bytes, end);
    }
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ScimError);
    const { status, message } = error as ScimError;
    return { status, detail: message };
  }
}

describe('values', () => {
  const list = (count: number, one: string) => `[${Array(count).fill(one).join(',')}]`;

  it.each(['1', '-1.5e3', 'true', 'null', '"a"', '"\\\\\\""', '{}', '[]'])('are counted: %s', (one) => {
    expect(refusal(list(VALUES_MAX - 1, one))).toBeNull();
    expect(refusal(list(VALUES_MAX, one))).toMatchObject({ status: 413 });
  });

  it('are counted beside keys, not with them', () => {
    const objects = (count: number) => list(count, '{"a" : 1, "b":"x"}');
    expect(refusal(objects(Math.floor((VALUES_MAX - 1) / 3)))).toBeNull();
    expect(refusal(objects(Math.ceil(VALUES_MAX / 3) + 1))).toMatchObject({ status: 413 });
  });

  it('inside of strings are none', () => {
    expect(refusal(JSON.stringify({ a: '[1,{},'.repeat(VALUES_MAX) }))).toBeNull();
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
