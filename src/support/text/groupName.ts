/**
 * The part of a group's name that stays the same in every store's form. It finds groups whose names may lead to the
 * same remote group. Pure.
 */

import { createHash } from 'node:crypto';

const LENGTH_MAX = 64;
const DIGEST_LENGTH = 8;

/**
 * The letters and digits of the name's last part, in ASCII. Names that lead to one remote group have the same core;
 * names with the same core may still lead to two.
 */
export function groupNameCore(name: string): string {
  const path = name.replace(/[\s/]+$/, '');
  const last = path.slice(path.lastIndexOf('/') + 1);
  const letters = asciiLetters(last)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '');
  return letters === '' ? `group${nameDigest(last)}` : letters.slice(0, LENGTH_MAX);
}

/** Removes accents from letters, where there is a plain form. */
export function asciiLetters(text: string): string {
  return text
    .trim()
    .replace(/[ßẞ]/g, 'ss')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '');
}

/** Replaces a name that has no ASCII letter. */
export function nameDigest(text: string): string {
  return createHash('sha256').update(text.trim().toLowerCase()).digest('hex').slice(0, DIGEST_LENGTH);
}
