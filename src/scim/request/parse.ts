/**
 * JSON.parse in stretches, between which everybody else has a turn. Whatever the bytes are, it answers what JSON.parse
 * answers, and refuses what it refuses: each stretch is parsed by it, and so is what stands around.
 */

import { giveWay } from '../../support/turns.ts';
import type { Long, Stretch } from './cuts.ts';

/** Stands for what is parsed by itself. Nothing beside a bracket can become one word with it. */
const PLACEHOLDER = '[]';
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** `body`: as the scan of these bytes, which must be UTF-8, has cut it. Throws SyntaxError. */
export async function parseJson(bytes: Buffer, body: Stretch | null): Promise<unknown> {
  if (!body) throw new SyntaxError('a bracket is not closed');
  const text = textOf(bytes, body);
  const parsed = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  return body.long ? parseLong(bytes, body.long) : parsed;
}

function textOf(bytes: Buffer, { from, to, long }: Stretch): string {
  if (!long) return bytes.toString('utf8', from, to);
  return bytes.toString('utf8', from, long.from) + PLACEHOLDER + bytes.toString('utf8', long.to, to);
}

async function parseLong(bytes: Buffer, { to, isObject, stretches }: Long): Promise<unknown> {
  if (bytes[to - 1] !== (isObject ? CLOSE_OBJECT : CLOSE_LIST))
    throw new SyntaxError('another bracket closes');
  const parts: Record<string, unknown>[] = [];
  for (const stretch of stretches) {
    await giveWay();
    const text = textOf(bytes, stretch);
    const part = JSON.parse(isObject ? `{${text}}` : `[${text}]`);
    const [first] = Object.keys(part);
    // Only what is empty altogether has no entry: `[1,]` is no JSON.
    if (first === undefined && stretches.length > 1) throw new SyntaxError('an entry is missing');
    if (first !== undefined && stretch.long) part[first] = await parseLong(bytes, stretch.long);
    parts.push(part);
  }
  // An assignment would not do for the key __proto__.
  return isObject ? Object.fromEntries(parts.flatMap(Object.entries)) : parts.flat();
}
