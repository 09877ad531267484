/** What JSON.parse takes and refuses, in stretches: the same, wherever a body is cut and however it arrives. */

import fc from 'fast-check';
import { ScimError } from '../../../src/scim/answer/errors.ts';
import { parseJson } from '../../../src/scim/request/parse.ts';
import { createScan } from '../../../src/scim/request/scan.ts';
import { walk } from '../../../src/scim/request/walk.ts';

const REFUSED = Symbol('refused');
/** No less, or an escape and a letter would not fit. */
const STRING_BYTES = 12;

/** Cut after so many bytes; null where the scan itself refuses. */
async function parsed(text: string, stretchBytes: number, pieceBytes = 7): Promise<unknown> {
  const bytes = Buffer.from(text);
  const scan = createScan(stretchBytes);
  try {
    for (let from = 0; from < bytes.length; from += pieceBytes)
      scan.next(bytes, bytes.subarray(from, from + pieceBytes));
  } catch (error) {
    if (error instanceof ScimError) return null;
    throw error;
  }
  return parseJson(bytes, scan.end(), STRING_BYTES).catch(() => REFUSED);
}

function expected(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch {
    return REFUSED;
  }
}

/** As text, because that shows the order of keys, and __proto__ where it is one. */
async function expectTheSame(text: string, stretchBytes: number): Promise<void> {
  const found = await parsed(text, stretchBytes);
  const wanted = expected(text);
  if (found === null) return;
  expect(JSON.stringify(found)).toBe(JSON.stringify(wanted));
}

/** Without one that is a backslash: beside it V8's own JSON.parse takes the key `"\\""` for it, now and then. */
const key = fc.constantFrom('__proto__', '', '1', '0', 'a', 'b', 'é', '"', 'constructor');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(1, -1.5e3, 'x', '\\"[', 'é,{', '', null, true),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => ({ entries })),
  ),
}));

/** As JSON, in which a key may stand twice; `blank` stands wherever a blank may. */
function textOf(one: unknown, blank: string): string {
  if (Array.isArray(one))
    return `[${blank}${one.map((each) => textOf(each, blank)).join(`,${blank}`)}${blank}]`;
  if (typeof one !== 'object' || one === null) return JSON.stringify(one);
  const { entries } = one as { entries: [string, unknown][] };
  const members = entries.map(([name, child]) => `${JSON.stringify(name)}${blank}:${textOf(child, blank)}`);
  return `{${members.join(`${blank},`)}${blank}}`;
}

const text = fc.tuple(value, fc.constantFrom('', ' ', '\n \t')).map(([one, blank]) => textOf(one, blank));
const stretchBytes = fc.integer({ min: 0, max: 20 });

it('answers what JSON.parse answers', async () => {
  await fc.assert(fc.asyncProperty(text, stretchBytes, expectTheSame), { numRuns: 500 });
});

it('refuses what JSON.parse refuses', async () => {
  const piece = fc.constantFrom(...'{}[]",:\\1- .e\ufeff', '', '[]', ',,', '1 ', '"a":', 'null');
  const broken = fc
    .tuple(text, fc.nat(), fc.integer({ min: 0, max: 2 }), piece)
    .map(([whole, from, removed, put]) => {
      const at = from % (whole.length + 1);
      return whole.slice(0, at) + put + whole.slice(at + removed);
    });
  await fc.assert(fc.asyncProperty(broken, stretchBytes, expectTheSame), { numRuns: 1000 });
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\1- a') });
  await fc.assert(fc.asyncProperty(noise, stretchBytes, expectTheSame), { numRuns: 500 });
});

it.each([
  '[[1,2],]',
  '[,[1,2]]',
  '[[1,2] [3,4]]',
  '-[1,2]',
  '[1,2].5',
  '[-[1,2,3],1]',
  '{"a":[1,2,3],}',
  '{"a":[1,2,3}]',
  '[{"a":1]}',
  '[1,2][3,4]',
  '[1,2,',
  '[[[1,2]]]]',
  '[1,2]}',
  '{"__proto__":[1,2],"a":{"__proto__":{"b":[3]}}}',
  '{"b":[1,2],"1":[3,4],"b":[5,6]}',
  '\ufeff[1,2]',
  '[\ufeff1,2]',
  '[ ]',
])('has %s as JSON.parse has it, wherever it is cut', async (one) => {
  for (let bytes = 0; bytes < 12; bytes++) await expectTheSame(one, bytes);
});

it('has long strings as JSON.parse has them, wherever they are cut', async () => {
  const piece = fc.constantFrom(
    'a',
    'é',
    '€',
    '😀',
    '\\\\',
    '\\"',
    '\\n',
    '\\u00e9',
    '\\ud83d\\ude00',
    '\\udc00',
    '[,{',
  );
  const broken = fc.constantFrom('', '', '', '\\', '"', '\\x', '\\u12', '\n');
  const string = fc
    .tuple(fc.array(piece, { maxLength: 40 }), broken, fc.array(piece, { maxLength: 40 }))
    .map(([before, wrong, after]) => `"${before.join('')}${wrong}${after.join('')}"`);
  const around = fc.constantFrom<(one: string) => string>(
    (one) => one,
    (one) => `[${one}]`,
    (one) => `[1,${one},{"a":${one} , "b":2}]`,
    (one) => `{"a":${one},${one}:1}`,
    (one) => `{${one}:${one}}`,
    (one) => `[${one}${one}]`,
    (one) => `{"a":1,${one}}`,
  );
  const whole = fc.tuple(around, string).map(([put, one]) => put(one));
  await fc.assert(fc.asyncProperty(whole, stretchBytes, expectTheSame), { numRuns: 2000 });
});

describe('others have their turn', () => {
  const members = Array.from({ length: 40_000 }, (_, n) => ({ value: String(n), display: 'Someone' }));

  async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    count();
    await work();
    isOver = true;
    return turns;
  }

  it('while a long body is parsed', async () => {
    const bytes = Buffer.from(JSON.stringify({ members }));
    const scan = createScan();
    scan.next(bytes, bytes);
    let body: unknown;
    const turns = await turnsDuring(async () => {
      body = await parseJson(bytes, scan.end());
    });
    expect(body).toEqual({ members });
    expect(turns).toBeGreaterThan(2);
  });

  it('while a long string is parsed', async () => {
    const title = 'x\\é"'.repeat(2_000_000);
    const bytes = Buffer.from(JSON.stringify({ title }));
    const scan = createScan();
    scan.next(bytes, bytes);
    let body: unknown;
    const turns = await turnsDuring(async () => {
      body = await parseJson(bytes, scan.end());
    });
    expect((body as { title: string }).title === title).toBe(true);
    expect(turns).toBeGreaterThan(2);
  });

  it('while something walks through it', async () => {
    let values = 0;
    const turns = await turnsDuring(() =>
      walk({ members }, (entries) => {
        values += entries.length;
      }),
    );
    expect(values).toBe(1 + 3 * members.length);
    expect(turns).toBeGreaterThan(2);
  });
});
