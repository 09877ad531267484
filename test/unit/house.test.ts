/**
 * The house rules that neither the compiler nor the linter knows: sizes, first lines, and who touches tables.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
const LINES_MAX = 300;
const FILES_MAX = 15;

function filesIn(room: string): readonly string[] {
  return readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(room, file))
    .sort();
}

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const product = filesIn('src');
const commands = [...filesIn('client'), ...filesIn('cli')];

it('has no file above 300 lines', () => {
  const long = [...product, ...commands, ...filesIn('demo'), ...filesIn('bench')].filter(
    (file) => textOf(file).split('\n').length - 1 > LINES_MAX,
  );
  expect(long).toEqual([]);
});

it('has no folder with more than 15 files side by side', () => {
  const sizes = new Map<string, number>();
  for (const file of product) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  const full = [...sizes].filter(([, size]) => size > FILES_MAX).map(([folder]) => folder);
  expect(full).toEqual([]);
});

it('opens every file with what it owns', () => {
  const silent = [...product, ...commands, ...filesIn('test')].filter(
    (file) => !textOf(file).startsWith('/**'),
  );
  expect(silent).toEqual([]);
});

it('takes nothing but types of the bridge into the client', () => {
  const taken = filesIn('client').flatMap(
    (file) => textOf(file).match(/^import (?!type )[^;]*'\.\.\/src\/[^']*'/gm) ?? [],
  );
  expect(taken).toEqual([]);
});

it('lets repositories alone touch tables', () => {
  // `db('links')`, `tx<Row>('links')`, `trx.from('links')`.
  const access = /\b(?:db|tx|trx|knex)(?:<[^()]*>)?\(\s*['"`]|\.(?:from|into|table)\(\s*['"`]/;
  const outside = product.filter((file) => !file.startsWith('src/db/') && access.test(textOf(file)));
  expect(outside).toEqual([]);
});

it('lets an admin see no transaction that another crossed', () => {
  const once = product.filter(
    (file) => file.startsWith('src/control/') && /\.transaction\(/.test(textOf(file)),
  );
  expect(once).toEqual([]);
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
  expect(found).toEqual([]);
});

it('numbers decisions without a gap, and lists each', () => {
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
  expect(numbers).toEqual(pages.map((_, n) => String(n + 1)));
});

it('links to nothing that is not there', () => {
  const pages = ['.', 'docs', 'docs/decisions', 'docs/idps', 'docs/sources', 'docs/stores'].flatMap(
    (folder) =>
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
