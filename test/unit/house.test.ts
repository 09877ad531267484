/**
 * The house rules that neither the compiler nor the linter knows: sizes, first lines, and who touches tables.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
const LINES_MAX = 300;
const FILES_MAX = 15;

/** What breaks a rule today. Whoever mends one of these takes it from the list; nothing is ever added. */
const STILL_BROKEN = {
  longFiles: [] as string[],
  otherWords: [] as string[],
  withoutFirstLines: [] as string[],
};

function filesIn(room: string): readonly string[] {
  return readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(room, file))
    .sort();
}

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const product = filesIn('src');

it('has no file above 300 lines', () => {
  const long = [...product, ...filesIn('demo'), ...filesIn('bench')].filter(
    (file) => textOf(file).split('\n').length - 1 > LINES_MAX,
  );
  expect(long).toEqual(STILL_BROKEN.longFiles);
});

it('has no folder with more than 15 files side by side', () => {
  const sizes = new Map<string, number>();
  for (const file of product) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  const full = [...sizes].filter(([, size]) => size > FILES_MAX).map(([folder]) => folder);
  expect(full).toEqual([]);
});

it('opens every file with what it owns', () => {
  const silent = [...product, ...filesIn('test')].filter((file) => !textOf(file).startsWith('/**'));
  expect(silent).toEqual(STILL_BROKEN.withoutFirstLines);
});

it('lets repositories alone touch tables', () => {
  // `db('links')`, `tx<Row>('links')`, `trx.from('links')`.
  const access = /\b(?:db|tx|trx|knex)(?:<[^()]*>)?\(\s*['"`]|\.(?:from|into|table)\(\s*['"`]/;
  const outside = product.filter((file) => !file.startsWith('src/db/') && access.test(textOf(file)));
  expect(outside).toEqual([]);
});

it('says in the README what every room is', () => {
  const readme = textOf('README.md');
  const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(rooms.filter((room) => !readme.includes(`\n  ${room}/`))).toEqual([]);
});

it('says one word for each concept', () => {
  const [, table = ''] = textOf('docs/glossary.md').split('\n## One word for each\n');
  const others = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .flatMap((line) => line.split('|')[2]?.trim().split(', ') ?? []);
  expect(others).toContain('burial');
  const word = new RegExp(`(?<![a-z_])(?:${others.join('|')})(?![a-z_])`);
  const found = product.filter((file) => word.test(textOf(file)));
  expect(found).toEqual(STILL_BROKEN.otherWords);
});

it('numbers decisions, each number once, and lists each', () => {
  const folder = join(ROOT, 'docs/decisions');
  const pages = readdirSync(folder).filter((name) => name !== 'README.md');
  const index = textOf('docs/decisions/README.md');
  const numbers = pages.map((page) => {
    const heading = textOf(join('docs/decisions', page)).split('\n', 1)[0] ?? '';
    const [, number = '', title] = /^# (\d+)\. (.*)$/.exec(heading) ?? [];
    expect(page.slice(0, 5)).toBe(`${number.padStart(4, '0')}-`);
    expect(index).toContain(`| [${number}](${page}) | ${title} |`);
    return number;
  });
  expect(numbers).toEqual([...new Set(numbers)]);
});

it('links to nothing that is not there', () => {
  const pages = ['.', 'docs', 'docs/decisions', 'docs/idps', 'docs/stores'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  );
  const dead = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => join(dirname(page), target))
      .filter((target) => !existsSync(join(ROOT, target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(dead).toEqual([]);
});
