/**
 * Makes and compares bearer tokens. The bridge shows a token once and stores only its hash. Nothing in here may log,
 * store or return a token in clear, except `newToken`.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The prefix tells people and secret scanners what kind of token they found. */
const PREFIX = { scim: 'sbs_', admin: 'sba_', session: 'sbw_', code: 'sbc_' } as const;
const TOKEN_BYTES = 32;

/** 256 random bits in base64url, prefixed `sbs_` (SCIM), `sba_` (admin), `sbw_` (session) or `sbc_` (sign-in code). */
export function newToken(kind: keyof typeof PREFIX): string {
  return PREFIX[kind] + randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * SHA-256 in hex, unsalted and fast on purpose: nobody can guess 256 random bits, and the bridge finds tokens by
 * their hash.
 */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

/** Compares in constant time, also texts of different lengths. */
export function sameToken(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashToken(a)), Buffer.from(hashToken(b)));
}
