/** When a list that is read page by page is not believed any more. */

import type { ListProgress } from '../../../src/model/remote.ts';
import {
  BARREN_PAGES_MAX,
  LIST_BEGINS,
  LIST_ROWS_MAX,
  type ListPage,
  readOn,
} from '../../../src/plan/listProgress.ts';

/** Reads pages until the list ends or is doubted: the doubt, or how many rows there were. */
function read(pages: Iterable<Omit<ListPage, 'cursor'>>): string | number {
  let progress: ListProgress = LIST_BEGINS;
  let cursor: string | null = null;
  for (const page of pages) {
    const said = readOn(progress, { ...page, cursor });
    if ('reason' in said) return said.reason;
    progress = said.progress;
    cursor = page.next;
    if (cursor === null) return progress.rows;
  }
  throw new Error('nobody doubted it');
}

function* forever(page: (n: number) => Omit<ListPage, 'cursor'>, pages = 10_000) {
  for (let n = 1; n <= pages; n++) yield page(n);
}

const some = (next: string | null, fresh = 3, rows = 3) => ({ rows, fresh, next });

it('believes pages with somebody new on each, and empty ones in between', () => {
  expect(read([some('b'), some('c', 0, 0), some('d'), some(null)])).toBe(9);
  expect(read([some(null, 0, 0)])).toBe(0);
});

it('believes nine pages in a row without anybody new, and not ten', () => {
  const barren = (count: number) => [
    some('first'),
    ...Array.from({ length: count }, (_, n) => some(`b${n}`, 0, 0)),
    some(null),
  ];
  expect(read(barren(BARREN_PAGES_MAX - 1))).toBe(6);
  expect(read(barren(BARREN_PAGES_MAX))).toMatch(/10 pages in a row/);
});

it('counts anew after somebody new', () => {
  const pages = forever((n) => some(n === 100 ? null : `c${n}`, n % BARREN_PAGES_MAX === 0 ? 1 : 0), 100);
  expect(read(pages)).toBe(300);
});

it('does not follow a cursor twice, directly or in a circle', () => {
  expect(read([some('a'), some('a')])).toMatch(/named before/);
  expect(read(forever((n) => some(n % 2 ? 'a' : 'b', n <= 2 ? 3 : 0)))).toMatch(/named before/);
  expect(read(forever((n) => some(['a', 'b', 'c'][n % 3] as string, n <= 3 ? 3 : 0)))).toMatch(
    /named before/,
  );
});

it('ends a list that never ends', () => {
  expect(read(forever((n) => some(`c${n}`, 0)))).toMatch(/10 pages in a row/);
  expect(read(forever((n) => some(`c${n}`, LIST_ROWS_MAX / 4, LIST_ROWS_MAX / 4)))).toMatch(/more than/);
});
