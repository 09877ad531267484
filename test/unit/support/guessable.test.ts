/** Secrets that are long enough and no secrets. */

import { randomBytes } from 'node:crypto';
import { isGuessable } from '../../../src/support/guessable.ts';

it.each([
  'x'.repeat(32),
  'abababababababababababababababab',
  '0123456789abcdef0123456789abcdef',
  'changeme-changeme-changeme-changeme',
  'abcdefg'.split('').sort().join('').repeat(5).slice(0, 33),
  'aaaaaaaaaaaaaaaaaaaaaaaaabcdefgg',
])('%s can be guessed', (secret) => {
  expect(isGuessable(secret)).toBe(true);
  expect(isGuessable(Buffer.from(secret))).toBe(true);
});

it.each(['an-admin-token-of-32-characters!', 'correct horse battery staple 1234567'])(
  '%s may pass',
  (secret) => {
    expect(isGuessable(secret)).toBe(false);
  },
);

it('never says so of random bytes', () => {
  for (let n = 0; n < 2_000; n++) {
    const bytes = randomBytes(32);
    expect([isGuessable(bytes), isGuessable(bytes.toString('base64url'))]).toEqual([false, false]);
  }
});
