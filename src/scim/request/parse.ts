/**
 * JSON.parse in stretches, with turns for other requests in between. For any bytes it answers and refuses just what
 * JSON.parse does, because JSON.parse reads each stretch and everything around it.
 */

import { giveWay } from '../../support/turns.ts';
import { type Long, STRETCH_BYTES, type Stretch } from './cuts.ts';

/** Takes the place of a part that is parsed by itself. A neighbouring word cannot merge with a bracket. */
const PLACEHOLDER = '[]';
const CLOSE = { list: 0x5d, object: 0x7d } as const;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/**
 * `body`: the cuts that the scan made in these bytes, which must be UTF-8. `stringBytes`: how much of a long string
 * is parsed at once. Throws SyntaxError.
 */
export async function parseJson(
  bytes: Buffer,
  body: Stretch | null,
  stringBytes = STRETCH_BYTES,
): Promise<unknown> {
  if (!body) throw new SyntaxError('a bracket is not closed');
  const text = textOf(bytes, body);
  const parsed = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  return body.long ? parseLong(bytes, body.long, stringBytes) : parsed;
}

function textOf(bytes: Buffer, { from, to, long }: Stretch): string {
  if (!long) return bytes.toString('utf8', from, to);
  return bytes.toString('utf8', from, long.from) + PLACEHOLDER + bytes.toString('utf8', long.to, to);
}

async function parseLong(bytes: Buffer, long: Long, stringBytes: number): Promise<unknown> {
  const { kind, to, stretches } = long;
  if (kind === 'string') return parseString(bytes, long, stringBytes);
  if (bytes[to - 1] !== CLOSE[kind]) throw new SyntaxError('another bracket closes');
  const isObject = kind === 'object';
  const parts: Record<string, unknown>[] = [];
  for (const stretch of stretches) {
    await giveWay();
    const text = textOf(bytes, stretch);
    const part = JSON.parse(isObject ? `{${text}}` : `[${text}]`);
    const [first] = Object.keys(part);
    // Only an entirely empty list has no entry: `[1,]` is not JSON.
    if (first === undefined && stretches.length > 1) throw new SyntaxError('an entry is missing');
    if (first !== undefined && stretch.long) part[first] = await parseLong(bytes, stretch.long, stringBytes);
    parts.push(part);
  }
  // An assignment would not work for the key __proto__.
  return isObject ? Object.fromEntries(parts.flatMap(Object.entries)) : parts.flat();
}

async function parseString(bytes: Buffer, { from, to }: Long, stringBytes: number): Promise<string> {
  const end = to - 1;
  let text = '';
  for (let at = from + 1; at < end; ) {
    await giveWay();
    const cut = end - at > stringBytes ? cutBefore(bytes, at + stringBytes, at) : end;
    text += JSON.parse(`"${bytes.toString('utf8', at, cut)}"`);
    at = cut;
  }
  return text;
}

/** The nearest place before `at` that is in the middle of neither a letter nor an escape; `from` is such a place. */
function cutBefore(bytes: Buffer, at: number, from: number): number {
  let cut = at;
  while (((bytes[cut] as number) & 0xc0) === 0x80) cut -= 1;
  if (startsEscape(bytes, cut - 1, from)) return cut - 1;
  for (let back = 2; back < 6; back++)
    if (bytes[cut - back + 1] === LETTER_U && startsEscape(bytes, cut - back, from)) return cut - back;
  return cut;
}

/** True after an even number of backslashes. */
function startsEscape(bytes: Buffer, at: number, from: number): boolean {
  if (bytes[at] !== BACKSLASH) return false;
  let before = at;
  while (before > from && bytes[before - 1] === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}
