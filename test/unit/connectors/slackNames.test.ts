/** User names that Slack takes, the same ones each time. */

import fc from 'fast-check';
import {
  normalizeUserName,
  USER_NAME_CANDIDATES_MAX,
  USER_NAME_LENGTH_MAX,
  userNameCandidates,
} from '../../../src/connectors/slack/names.ts';

const LEGAL = /^[a-z0-9._-]+$/;

describe('names at Slack', () => {
  it('keeps a user name in lower case with other characters as underscores', () => {
    expect(normalizeUserName('Jane.Doe')).toBe('jane.doe');
    expect(normalizeUserName('jane@corp.io')).toBe('jane_corp.io');
    expect(normalizeUserName(' Jürgen Müßig ')).toBe('j_rgen_m__ig');
  });

  it('never makes one name of two long ones that begin alike', () => {
    const names = ['maximilian.mustermann1@example.com', 'maximilian.mustermann2@example.com'];
    const [first, second] = names.map(normalizeUserName);
    expect(first).not.toBe(second);
    expect(first?.length).toBe(USER_NAME_LENGTH_MAX);
  });

  it('takes the local part of an address, then numbers, then what is the person’s alone', () => {
    const candidates = userNameCandidates('Jane@example.com');
    expect(candidates.slice(0, 5)).toEqual(['jane', 'jane-2', 'jane-3', 'jane-4', 'jane-5']);
    expect(candidates.at(-1)).toMatch(/^jane-[0-9a-f]{6}$/);
    expect(userNameCandidates('Jane@other.example').at(-1)).not.toBe(candidates.at(-1));
  });

  it('has a name for whoever has no Latin letter', () => {
    for (const name of userNameCandidates('李雷@example.com')) expect(name).toMatch(/[a-z0-9]/);
    const long = `${'李'.repeat(USER_NAME_LENGTH_MAX)}1@example.com`;
    for (const name of userNameCandidates(long)) expect(name).toMatch(/[a-z0-9]/);
  });

  it('gives legal, distinct, repeatable names for anything, and its own names back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const candidates = userNameCandidates(text);
        expect(candidates).toEqual(userNameCandidates(text));
        expect(new Set(candidates).size).toBe(USER_NAME_CANDIDATES_MAX);
        for (const name of [...candidates, normalizeUserName(text)]) {
          expect(name).toMatch(LEGAL);
          expect(name.length).toBeLessThanOrEqual(USER_NAME_LENGTH_MAX);
          expect(normalizeUserName(name)).toBe(name);
        }
      }),
    );
  });
});
