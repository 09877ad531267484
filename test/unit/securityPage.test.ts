/** The page on security promises a test for each line: they must be there, and so must every item of the standard. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

it('names no test that is not there', () => {
  const named = new Set(PAGE.match(/test\/[\w/.]+\.ts/g));
  expect(named.size).toBeGreaterThan(30);
  expect([...named].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

/** Items of levels 1 and 2 of the ASVS 5.0, as `[section, items]`: a number for those from 1 on, else a list. */
const ITEMS: readonly (readonly [string, number | readonly number[]])[] = [
  ...[
    ['1.1', 2],
    ['1.2', 9],
    ['1.3', 11],
    ['1.4', 3],
    ['1.5', 2],
    ['2.1', 3],
    ['2.2', 3],
    ['2.3', 4],
    ['2.4', 1],
  ],
  ...[
    ['3.2', 2],
    ['3.3', 4],
    ['3.4', 6],
    ['3.5', 5],
    ['3.7', 2],
    ['4.1', 3],
    ['4.2', 1],
    ['4.3', 2],
    ['4.4', 4],
  ],
  ...[
    ['5.1', 1],
    ['5.2', 3],
    ['5.3', 2],
    ['5.4', 3],
    ['6.1', 3],
    ['6.2', 12],
    ['6.3', 4],
    ['6.4', 4],
    ['6.5', 5],
  ],
  ...[
    ['7.1', 3],
    ['7.2', 4],
    ['7.3', 2],
    ['7.4', 5],
    ['7.5', 2],
    ['7.6', 2],
    ['9.1', 3],
    ['9.2', 4],
  ],
  ...[
    ['6.6', 3],
    ['6.8', 4],
    ['8.1', 2],
    ['8.2', 3],
    ['8.3', 1],
    ['8.4', 1],
    ['10.1', 2],
    ['10.2', 2],
    ['10.3', 4],
  ],
  ...[
    ['10.4', 11],
    ['10.5', 5],
    ['10.6', 2],
    ['10.7', 3],
    ['11.1', 2],
    ['11.2', 3],
    ['11.3', 3],
    ['11.4', 4],
  ],
  ...[
    ['11.5', 1],
    ['11.6', 1],
    ['12.1', 3],
    ['12.2', 2],
    ['12.3', 4],
    ['13.1', 1],
    ['13.2', 5],
    ['13.3', 2],
  ],
  ...[
    ['13.4', 5],
    ['14.1', 2],
    ['14.2', 4],
    ['14.3', [1, 2, 3]],
    ['15.1', 3],
    ['15.2', 3],
    ['15.3', 7],
  ],
  ...[
    ['16.1', 1],
    ['16.2', 5],
    ['16.3', 4],
    ['16.4', 3],
    ['16.5', 3],
    ['17.1', 1],
    ['17.2', 4],
    ['17.3', 2],
  ],
] as [string, number | number[]][];

it('goes through every item', () => {
  const covered = new Set<string>();
  for (const line of PAGE.split('\n').filter((text) => /^\| \d+\.\d+\.\d+/.test(text))) {
    const cell = line.split('|')[1] ?? '';
    for (const [, section = '', first, , last] of cell.matchAll(/(\d+\.\d+)\.(\d+)( to \d+\.\d+\.(\d+))?/g))
      for (let n = Number(first); n <= Number(last ?? first); n += 1) covered.add(`${section}.${n}`);
  }
  const wanted = ITEMS.flatMap(([section, items]) =>
    (typeof items === 'number' ? Array.from({ length: items }, (_, n) => n + 1) : items).map(
      (item) => `${section}.${item}`,
    ),
  );
  expect(wanted.filter((item) => !covered.has(item))).toEqual([]);
});
