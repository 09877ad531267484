/**
 * Bearer tokens: how they are made and compared. A token is shown to a person once and kept only as a
 * hash; nothing in here may log, store or return one in clear but `newToken`.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The prefix tells people and secret scanners what they found. */
const PREFIX = { scim: 'sbs_', admin: 'sba_', session: 'sbw_', code: 'sbc_' } as const;
const TOKEN_BYTES = 32;

/** 256 random bits in base64url, prefixed `sbs_` (SCIM), `sba_` (admin), `sbw_` (session) or `sbc_` (sign-in code). */
export function newToken(kind: keyof typeof PREFIX): string {
  return PREFIX[kind] + randomBytes(TOKEN_BYTES).toString('base64url');
}

/** SHA-256 in hex. Unsalted and fast on purpose: 256 random bits cannot be guessed, and a look-up needs it. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

/** Compares in constant time, whatever the lengths. */
export function sameToken(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashToken(a)), Buffer.from(hashToken(b)));
}
