/** One page of a list in the order of ids. The cursor is the id after which the page begins. */

import type { Page } from '../../model/remote.ts';

export const PAGE_SIZE = 200;

/** A full page may be followed by another. */
export function pageOf<T extends { readonly remoteId: string }>(items: readonly T[]): Page<T> {
  return { items, nextCursor: items.length < PAGE_SIZE ? null : (items.at(-1)?.remoteId ?? null) };
}
