/** Versions as weak entity tags, and the two conditional headers (RFC 7644 §3.14, RFC 9110 §13). */

import type { Precondition } from '../directory/write.ts';

export function etagOf(version: number): string {
  return `W/"${version}"`;
}

/**
 * `If-Match`, or the `version` of a bulk operation; null where none was sent. Weak and strong tags compare
 * alike, because clients send back what they got with and without `W/`.
 */
export function precondition(header: string | undefined): Precondition | null {
  if (header === undefined || header.trim() === '') return null;
  return (version) => matches(header, version);
}

/** `If-None-Match`: true where the client has this version already. */
export function hasAlready(header: string | undefined, version: number): boolean {
  return header !== undefined && matches(header, version);
}

function matches(header: string, version: number): boolean {
  return header.split(',').some((part) => {
    const tag = part.trim();
    return tag === '*' || tag.replace(/^W\//i, '').replace(/^"(.*)"$/, '$1') === String(version);
  });
}
