/** What a reader pastes: every `sh` block of README.md and docs/ works as it is, after the blocks above it. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(__dirname, '../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'deploy'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(folder, file)),
  ),
].sort();

/** The first start makes these; a page that uses them says so. */
const OF_FIRST_START = ['SCIM_URL', 'SCIM_TOKEN', 'ADMIN_URL', 'ADMIN_TOKEN'];
const SAYS_WHERE_FROM = /first-start\.txt|#before-you-begin/;
const OF_THE_SHELL = ['PWD', 'HOME', 'PATH', 'USER'];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'];

interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\S*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, language = '', body = ''] = match;
    return { line: text.slice(0, match.index).split('\n').length, language, text: body };
  });
}

/** What a shell would not fill in: between single quotes, where the shell is not let in again. */
function withoutSingleQuoted(text: string): string {
  return text.replace(/'[^']*'/g, "''");
}

const COMMENT = /(^|\s)#.*$/gm;

/** What a person would have to edit, one sentence for each. */
function placeholdersIn({ text }: Block): readonly string[] {
  const found = [...text.matchAll(/…|\.\.\.|<[a-z][^>\n]*>|\byour[-_ ]/gi)].map(([match]) => match);
  const bare = withoutSingleQuoted(text.replace(COMMENT, '')).replace(/"[^"]*"/g, '""');
  const words = [...bare.matchAll(/(?<![\w$.{/-])[A-Z][A-Z_]{2,}(?![\w=.}])/g)].map(([match]) => match);
  return [...found, ...words.filter((word) => !METHODS.includes(word) && !OF_FIRST_START.includes(word))];
}

function variablesSetIn(text: string): readonly string[] {
  return [...text.matchAll(/(?:^|[\s;({])([A-Z][A-Z_0-9]*)=/gm)].map(([, name = '']) => name);
}

function variablesUsedIn(text: string): readonly string[] {
  return [...withoutSingleQuoted(text).matchAll(/\$\{?([A-Z][A-Z_0-9]*)/g)].map(([, name = '']) => name);
}

describe.each(PAGES)('%s', (page) => {
  const blocks = blocksOf(page);

  it('marks each block with what it is', () => {
    expect(blocks.filter(({ language }) => language === '').map(({ line }) => line)).toEqual([]);
  });

  it('has nothing to edit in what can be pasted', () => {
    const edited = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap((block) => placeholdersIn(block).map((found) => `${page}:${block.line}: ${found}`));
    expect(edited).toEqual([]);
  });

  it('sets each variable before it uses it', () => {
    const saysWhere = SAYS_WHERE_FROM.test(readFileSync(join(ROOT, page), 'utf8'));
    const known = new Set([...OF_THE_SHELL, ...(saysWhere ? OF_FIRST_START : [])]);
    const unset: string[] = [];
    for (const { line, language, text } of blocks) {
      // What holds a placeholder the reader fills in, and sets as well.
      if (language !== 'sh' && language !== 'text') continue;
      for (const name of variablesSetIn(text)) known.add(name);
      if (language !== 'sh') continue;
      for (const name of variablesUsedIn(text)) if (!known.has(name)) unset.push(`${page}:${line}: $${name}`);
    }
    expect(unset).toEqual([]);
  });
});

it('would find what has to be edited', () => {
  const block = (text: string): Block => ({ line: 1, language: 'sh', text });
  expect(placeholdersIn(block('npm run backup -- FILE'))).toEqual(['FILE']);
  expect(placeholdersIn(block('curl "$URL" -d \'{"token":"xoxp-…"}\''))).toEqual(['…']);
  expect(placeholdersIn(block('curl -X POST https://<host>/v1'))).toEqual(['<host>']);
  expect(placeholdersIn(block('curl -sS -X POST "$ADMIN_URL/x" -d \'{"BRAKE_MIN":20}\' # for ALL'))).toEqual(
    [],
  );
  expect(variablesUsedIn('curl "$A" \'{"x":"\'"$B"\'","y":"$C"}\'')).toEqual(['A', 'B']);
  expect(variablesSetIn('A=1 B=$(c)\nfor x; do C=2; done')).toEqual(['A', 'B', 'C']);
});

it.each(['docs', 'docs/idps', 'docs/sources', 'docs/stores'])('%s has every page in an index', (folder) => {
  const index = PAGES.includes(`${folder}/README.md`) ? `${folder}/README.md` : 'docs/README.md';
  const listed = readFileSync(join(ROOT, index), 'utf8');
  const pages = PAGES.filter((page) => dirname(page) === folder && page !== index);
  const missing = pages.filter((page) => !listed.includes(`](${relative(dirname(index), page)}`));
  expect(missing).toEqual([]);
});

const code = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n');

/** The cells of a page's tables but the last of each row, which says what to do. */
function cellsOf(page: string): readonly string[] {
  return readFileSync(join(ROOT, page), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => line.split('|').slice(1, -2));
}

it('explains messages that the bridge really gives', () => {
  const said = cellsOf('docs/troubleshooting.md')
    .flatMap((cell) => [...cell.matchAll(/"([^"]+)"/g)].map(([, message = '']) => message))
    .flatMap((message) => message.split('…').map((part) => part.trim()))
    .filter((part) => part.length > 3);
  expect(said.length).toBeGreaterThan(50);
  expect(said.filter((part) => !code.includes(part))).toEqual([]);
});

it.each(['docs/troubleshooting.md', 'docs/stores/slack.md', 'docs/stores/gitlab.md'])(
  '%s explains codes that there are',
  (page) => {
    const codes = cellsOf(page)
      .flatMap((cell) => [...cell.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name = '']) => name))
      .filter((name) => !new RegExp(`['"]${name}['"]|\\b${name}:`).test(code));
    expect(codes).toEqual([]);
  },
);

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

it('links to headings that there are', () => {
  const anchors = new Map(
    PAGES.map((page) => {
      const text = readFileSync(join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
      return [page, [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))];
    }),
  );
  const dead = PAGES.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)#\s:]*)#([^)\s]+)\)/g)]
      .filter(([, file = '', anchor = '']) => {
        const target = file === '' ? page : join(dirname(page), file);
        return !anchors.get(target)?.includes(anchor);
      })
      .map(([link]) => `${page}: ${link}`),
  );
  expect(dead).toEqual([]);
});

it('the index of the decisions names each once, in order, by its title', () => {
  const folder = join(ROOT, 'docs/decisions');
  const decisions = readdirSync(folder)
    .filter((file) => /^\d{4}-/.test(file))
    .sort()
    .map((file) => {
      const [, number, title] = /^# (\d+)\. (.+)/.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
      return `| [${number}](${file}) | ${title} |`;
    });
  const rows = readFileSync(join(folder, 'README.md'), 'utf8').match(/^\| \[.*$/gm);
  expect(rows).toEqual(decisions);
});
