/** How bearer tokens are made, hashed and compared. */

import { hashToken, newToken, sameToken } from '../../../src/auth/tokens.ts';

describe('tokens', () => {
  it('are prefixed by kind, 256 bits long and never the same', () => {
    const tokens = Array.from({ length: 50 }, () => newToken('scim'));
    expect(new Set(tokens).size).toBe(50);
    for (const token of tokens) expect(token).toMatch(/^sbs_[A-Za-z0-9_-]{43}$/);
    expect(newToken('admin')).toMatch(/^sba_[A-Za-z0-9_-]{43}$/);
  });

  it('are kept as SHA-256 in hex', () => {
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('are compared whatever their lengths', () => {
    expect(sameToken('abc', 'abc')).toBe(true);
    expect(sameToken('abc', 'abcd')).toBe(false);
    expect(sameToken('', 'a')).toBe(false);
  });
});
