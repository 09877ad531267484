/**
 * Slack's user names: at most 21 characters, lower-case letters, digits, `.`, `_` and `-`. Channels share their
 * namespace. Everything here is pure and gives the same name for the same person.
 */

import { createHash } from 'node:crypto';

export const USER_NAME_LENGTH_MAX = 21;

/** How many names a creation tries before it gives up. */
export const USER_NAME_CANDIDATES_MAX = 6;

const DIGEST_LENGTH = 6;

/**
 * The form in which Slack keeps a user name. A name that is too long ends in a digest of the whole: two people whose
 * long names begin alike must not become the same account.
 */
export function normalizeUserName(text: string): string {
  const legal = legalCharacters(text);
  return legal.length <= USER_NAME_LENGTH_MAX ? legal : withSuffix(legal, digest(text));
}

/**
 * Names to try for a new account, most wanted first: `jane`, `jane-2`, … The last one is unique to the person, so
 * that a company with twenty Janes does not run out.
 */
export function userNameCandidates(wanted: string): string[] {
  const local = wanted.includes('@') ? wanted.slice(0, wanted.indexOf('@')) : wanted;
  const stem = legalCharacters(local).slice(0, USER_NAME_LENGTH_MAX);
  const candidates = [stem];
  for (let n = 2; n < USER_NAME_CANDIDATES_MAX; n++) candidates.push(withSuffix(stem, String(n)));
  candidates.push(withSuffix(stem, digest(wanted)));
  return candidates;
}

function legalCharacters(text: string): string {
  const legal = text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '_');
  // The part that stays must hold a letter or digit.
  return /[a-z0-9]/.test(legal.slice(0, USER_NAME_LENGTH_MAX)) ? legal : `user-${digest(text)}`;
}

function withSuffix(stem: string, suffix: string): string {
  return `${stem.slice(0, USER_NAME_LENGTH_MAX - suffix.length - 1)}-${suffix}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text.trim().toLowerCase()).digest('hex').slice(0, DIGEST_LENGTH);
}
