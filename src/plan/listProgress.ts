/**
 * Whether the bridge believes a list that it reads page by page: the list shows something new, and it ends. Pure; the
 * reader decides what follows.
 */

import type { ListProgress } from '../model/remote.ts';

export interface ListPage {
  readonly rows: number;
  /** How many rows no earlier page has shown. */
  readonly fresh: number;
  /** How many rows were read beside the list. */
  readonly aside?: number;
  /** The cursor that this page was asked for by; null for the first. */
  readonly cursor: string | null;
  /** Null on the last page. */
  readonly next: string | null;
}

export const LIST_BEGINS: ListProgress = { rows: 0, barren: 0, cursors: [] };

export const BARREN_PAGES_MAX = 10;
/** Several times what the largest customers of any vendor have. */
export const LIST_ROWS_MAX = 2_000_000;

/** The progress after this page, or why the list is no longer believed, in words. */
export function readOn(
  { rows, barren, cursors }: ListProgress,
  page: ListPage,
): { readonly progress: ListProgress } | { readonly reason: string } {
  const { aside = 0 } = page;
  const total = rows + page.rows;
  const isHeadway = page.fresh + aside > 0;
  if (total > LIST_ROWS_MAX) return { reason: `it has more than ${LIST_ROWS_MAX} entries` };
  const followed = isHeadway ? [] : cursors;
  if (page.next === null) return { progress: { rows: total, barren: 0, cursors: followed } };
  if (page.next === page.cursor || cursors.includes(page.next))
    return { reason: 'it names a next page that it has named before' };
  const without = isHeadway ? 0 : barren + 1;
  if (without >= BARREN_PAGES_MAX)
    return { reason: `${BARREN_PAGES_MAX} pages in a row showed nothing that the pages before had not` };
  return { progress: { rows: total, barren: without, cursors: [...followed, page.next] } };
}
