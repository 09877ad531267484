/**
 * GitLab's rules for usernames and group paths (docs.gitlab.com/user/reserved_names/). Pure: the same
 * input always gives the same names in the same order.
 */

import { asciiLetters, nameDigest } from '../../support/text/groupName.ts';

export const USERNAME_LENGTH_MAX = 255;
/** How many names the bridge tries for a new account: `jane`, `jane1`, … `jane19`. */
export const USERNAME_CANDIDATES_MAX = 20;

/** Top-level routes of GitLab: no user and no top-level group can have such a name. */
const RESERVED = new Set(
  (
    'admin api assets dashboard deploy.html explore favicon.ico favicon.png files groups health_check help ' +
    'import jwt login oauth profile projects public robots.txt s search sitemap sitemap.xml snippets ' +
    'system u unsubscribes uploads user users v2'
  ).split(' '),
);

/** GitLab refuses names that end like a file that it would serve, as well as `.git` and `.atom`. */
const FILE_EXTENSION =
  /\.(git|atom|rss|html?|xhtml|txt|text|js|css|ics|csv|vcf|vtt|png|jpe?g|gif|bmp|tiff?|svg|webp|mpe?g|mp[34]|m4[av]|og[agv]|webm|aac|flac|wav|mov|avi|otf|ttf|woff2?|xml|ya?ml|json|pdf|zip|gz|gzip|tar|md|patch|diff)$/i;

/**
 * The legal username nearest to the whole text; a legal one stays as it is, in upper and lower case too. An `@` is
 * replaced, not cut off: where the userName identifies people, `jane@a.example` and `jane@b.example` must not become
 * the same.
 */
export function legalUsername(text: string): string {
  const legal = asciiLetters(text)
    .replace(/[^a-zA-Z0-9_.-]+/g, '-')
    .replace(/^-+|[-.]+$/g, '')
    .slice(0, USERNAME_LENGTH_MAX)
    .replace(FILE_EXTENSION, '-$1')
    .replace(/[-.]+$/, '');
  return /[a-zA-Z0-9]/.test(legal) ? legal : `user-${nameDigest(text)}`;
}

/** For an account that is identified by its email: the part before the `@`, if there is one, made legal. */
export function usernameFrom(text: string): string {
  const at = text.indexOf('@');
  return legalUsername(at > 0 ? text.slice(0, at) : text);
}

/** The names to try for a new account, best first; none of them reserved. */
export function usernameCandidates(username: string): string[] {
  const candidates: string[] = RESERVED.has(username.toLowerCase()) ? [] : [username];
  for (let suffix = 1; candidates.length < USERNAME_CANDIDATES_MAX; suffix++) {
    candidates.push(username.slice(0, USERNAME_LENGTH_MAX - String(suffix).length) + suffix);
  }
  return candidates;
}

/** The last part of the path that a group with this name gets: "Data & AI" → `data-ai`. */
export function groupPath(name: string): string {
  const path = asciiLetters(name)
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, '-')
    // Newer instances refuse two special characters in a row, and any at either end.
    .replace(/[_.-]*-[_.-]*|\.{2,}|_{2,}/g, '-')
    .replace(/^[_.-]+|[_.-]+$/g, '')
    .slice(0, USERNAME_LENGTH_MAX)
    .replace(FILE_EXTENSION, '-$1')
    .replace(/[_.-]+$/, '');
  return path === '' ? `group-${nameDigest(name)}` : path;
}

/** A group's name holds letters, digits, emoji, `_.-()` and spaces, and starts with a letter, digit or `_`. */
export function groupName(name: string): string {
  const legal = name
    .replace(/[^\p{L}\p{N}\p{Extended_Pictographic}_.()\- ]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[\s.()-]+|\s+$/g, '')
    .slice(0, USERNAME_LENGTH_MAX);
  return legal === '' ? groupPath(name) : legal;
}

/** A full path without slashes and blanks at its ends; compared without regard to case. */
export function trimSlashes(path: string): string {
  return path.replace(/^[\s/]+|[\s/]+$/g, '');
}
