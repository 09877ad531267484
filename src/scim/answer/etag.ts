/** Versions as weak entity tags, and the two conditional headers (RFC 7644 §3.14, RFC 9110 §13). */

import { createHash } from 'node:crypto';
import type { MembershipRow } from '../../db/identity/groupMembers.ts';
import type { NamedManager } from '../../db/people/managers.ts';
import type { Precondition } from '../../directory/write.ts';

/**
 * Memberships are rows of the groups and do not raise a user's version: otherwise a push of 10,000 members would
 * write 10,000 users. Nor does the name of the manager. So the tag holds, after the version, a digest of what is shown
 * of them.
 */
export function etagOf(
  version: number,
  groups: readonly MembershipRow[] = [],
  manager: NamedManager | null = null,
): string {
  const shown = groups.map(({ groupId, display }) => [groupId, display]);
  if (manager) shown.push([manager.id, manager.display]);
  return shown.length === 0 ? `W/"${version}"` : `W/"${version}.${digest(shown)}"`;
}

/** Two digests are likely to be equal only after some 2^32 changes of one user's groups within one version. */
const DIGEST_CHARACTERS = 11;

function digest(shown: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const one of shown) hash.update(JSON.stringify(one));
  return hash.digest('base64url').slice(0, DIGEST_CHARACTERS);
}

/**
 * `If-Match`, or the `version` of a bulk operation; null where none was sent. Weak and strong tags count the same,
 * because clients send a tag back with or without `W/`. Groups of a user and the manager's name are read-only, so a
 * client that changes a user need not know them: only the version counts.
 */
export function precondition(header: string | undefined): Precondition | null {
  if (header === undefined || header.trim() === '') return null;
  const versions = opaqueTags(header).map((tag) => tag.split('.', 1)[0]);
  return (version) => versions.includes('*') || versions.includes(String(version));
}

/** `If-None-Match`: true where the client already has what this tag stands for. */
export function hasAlready(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const known = opaqueTags(header);
  return known.includes('*') || opaqueTags(tag).some((opaque) => known.includes(opaque));
}

function opaqueTags(header: string): readonly string[] {
  return header.split(',').map((part) =>
    part
      .trim()
      .replace(/^W\//i, '')
      .replace(/^"(.*)"$/, '$1'),
  );
}
