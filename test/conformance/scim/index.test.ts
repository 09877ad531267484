/** docs/scim-conformance.md names tests by what they are called: here it is held to that. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(__dirname, '../../../docs/scim-conformance.md');

const rows = readFileSync(PAGE, 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [paragraph = '', ...cells] = line.split(' | ');
    const [, file, names] = /^`((?:conformance|unit)\/[\w/]+)` (.+) \|$/.exec(cells.at(-1) ?? '') ?? [];
    return file && names ? [[file, names, paragraph.match(/§[\d.]+/g) ?? []] as const] : [];
  });

it('names some sixty tests', () => {
  expect(rows.length).toBeGreaterThan(60);
});

it.each(rows)('%s: %s', (file, names, paragraphs) => {
  const source = readFileSync(join(__dirname, '../..', `${file}.test.ts`), 'utf8').replaceAll('\\"', '"');
  for (const name of names.split('; ')) expect(source).toContain(name);
  for (const paragraph of paragraphs) {
    expect(source).toMatch(new RegExp(`${paragraph.replaceAll('.', '\\.')}(?!\\.?\\d)`));
  }
});
