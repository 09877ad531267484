/**
 * What of a group's name stays the same in the form of any store: what groups are looked up by whose names may come to the
 * same remote group. Pure.
 */

import { createHash } from 'node:crypto';

const LENGTH_MAX = 64;
const DIGEST_LENGTH = 8;

/**
 * The letters and digits of its last part, in ASCII. Two names with one core may still be two; two that lead to one remote
 * group have one core.
 */
export function groupNameCore(name: string): string {
  const path = name.replace(/[\s/]+$/, '');
  const last = path.slice(path.lastIndexOf('/') + 1);
  const letters = asciiLetters(last)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '');
  return letters === '' ? `group${nameDigest(last)}` : letters.slice(0, LENGTH_MAX);
}

/** Letters without what is above and below them, as far as they have a plain form. */
export function asciiLetters(text: string): string {
  return text
    .trim()
    .replace(/[ßẞ]/g, 'ss')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '');
}

/** Stands for a name that has no letter in ASCII. */
export function nameDigest(text: string): string {
  return createHash('sha256').update(text.trim().toLowerCase()).digest('hex').slice(0, DIGEST_LENGTH);
}
