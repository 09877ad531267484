/** What an entry of PROTECTED_ACCOUNTS or PROTECTED_GROUPS matches. */

import { protectedBy, protectedGroupBy } from '../../../src/plan/protection.ts';

const protects = (pattern: string, ...names: string[]) =>
  protectedBy({ patterns: [pattern], self: null }, null, names) === pattern;

it.each([
  ['ceo@acme.example', 'CEO@Acme.example', true],
  [' ceo@acme.example', 'ceo@acme.example', true],
  ['\u00a0ceo@acme.example ', 'ceo@acme.example', true],
  [' ceo* ', 'ceo@acme.example', true],
  ['*-admin@*', 'sam-admin@acme.example', true],
  ['ceo', 'ceo2', false],
  [' ', 'ceo', false],
])('the entry "%s" and the name "%s": %s', (pattern, name, expected) => {
  expect(protects(pattern, name)).toBe(expected);
  expect(protectedGroupBy([pattern], [name]) === pattern).toBe(expected);
});

it('the entry that matched is told as it was entered, because the setting is compared with it', () => {
  const protection = { patterns: [' boss* '], self: null };
  expect(protectedBy(protection, '7', ['boss'])).toBe(' boss* ');
});
