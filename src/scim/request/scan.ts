/**
 * Looks through the bytes of a JSON body while they arrive, before anything is made of them: how many values
 * it holds, how deep, and whether an object names a key twice in different case. It does not check the
 * grammar: JSON.parse does.
 */

import { shown } from '../../directory/query/tokens.ts';
import { ScimError } from '../answer/errors.ts';
import { KEYS_MAX, LIST_MAX, MEMBERS_MAX, NESTING_MAX, VALUES_MAX } from './limits.ts';

/** Looks at the next piece, which is the end of what has arrived as a whole. Throws ScimError 400 and 413. */
export type Scan = (whole: Buffer, piece: Buffer) => void;

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export function createScan(): Scan {
  const tally = createTally();
  /** In the whole; the piece begins at `from`. */
  let at = 0;
  let from = 0;
  /** Where the string that is being read began, behind its quote; 0 outside of strings. */
  let stringFrom = 0;
  let isEscaped = false;
  /** In a number, or in true, false or null. */
  let inWord = false;

  const readString = (whole: Buffer, piece: Buffer, end: number) => {
    while (at < end) {
      const byte = piece[at++ - from] as number;
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) {
        tally.string(whole, stringFrom, at - 1);
        stringFrom = 0;
        return;
      }
    }
  };

  return (whole, piece) => {
    from = at;
    const end = from + piece.length;
    while (at < end) {
      if (stringFrom > 0) {
        readString(whole, piece, end);
        continue;
      }
      const byte = piece[at++ - from] as number;
      const wasInWord = inWord;
      inWord = false;
      if (byte === QUOTE) stringFrom = at;
      else if (byte === COMMA) tally.comma();
      else if (byte === OPEN_OBJECT) tally.open(true);
      else if (byte === OPEN_LIST) tally.open(false);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) tally.close();
      else if (byte > SPACE && byte !== COLON) {
        if (!wasInWord) tally.value();
        inWord = true;
      }
    }
  };
}

interface Container {
  isObject: boolean;
  /** Of an object its keys, of a list its entries. */
  size: number;
  /** Of a list: how many entries it may have. */
  sizeMax: number;
  /** By the key in lower case: as it was written. */
  readonly names: Map<string, string>;
}

/** Lists under these keys hold members, of a group or as the value of an operation, or operations. */
const LONG_LISTS = new Set(['members', 'value', 'operations']);

function tooLong(max: number): string {
  return max === MEMBERS_MAX
    ? `A request may name ${max} members, not more.`
    : `A list without members may have ${max} entries, not more.`;
}

/** What the body holds so far. */
function createTally() {
  /** One for each level that was ever entered; those beyond `depth` wait to be used again. */
  const levels: Container[] = [];
  let depth = 0;
  let values = 0;
  let expectsKey = false;

  let lastKey = '';

  const entry = () => {
    const container = levels[depth - 1];
    if (depth === 0 || !container || container.isObject) return;
    container.size += 1;
    if (container.size > container.sizeMax) throw new ScimError(413, null, tooLong(container.sizeMax));
  };

  const value = () => {
    entry();
    values += 1;
    if (values > VALUES_MAX)
      throw new ScimError(413, null, `A body may hold ${VALUES_MAX} values, not more.`);
  };

  const key = (container: Container, name: string) => {
    container.size += 1;
    if (container.size > KEYS_MAX) {
      throw new ScimError(413, null, `An object in a body may have ${KEYS_MAX} keys, not more.`);
    }
    const folded = name.toLowerCase();
    const before = container.names.get(folded);
    // RFC 7643 §2.1: of two names that differ in case alone neither can be meant.
    if (before !== undefined && before !== name) {
      throw new ScimError(400, 'invalidSyntax', `The body names ${shown(name)} twice, in different case.`);
    }
    container.names.set(folded, name);
    lastKey = folded;
  };

  return {
    value,
    open(isObject: boolean) {
      value();
      if (depth === NESTING_MAX) {
        throw new ScimError(400, 'invalidSyntax', `The body is nested deeper than ${NESTING_MAX} levels.`);
      }
      const isNamed = levels[depth - 1]?.isObject === true;
      const sizeMax = isNamed && LONG_LISTS.has(lastKey) ? MEMBERS_MAX : LIST_MAX;
      const container = levels[depth] ?? { isObject, size: 0, sizeMax, names: new Map() };
      levels[depth] = container;
      container.isObject = isObject;
      container.size = 0;
      container.sizeMax = sizeMax;
      container.names.clear();
      depth += 1;
      expectsKey = isObject;
    },
    close() {
      depth = Math.max(0, depth - 1);
      expectsKey = false;
    },
    comma() {
      expectsKey = depth > 0 && levels[depth - 1]?.isObject === true;
    },
    string(bytes: Buffer, from: number, to: number) {
      const container = levels[depth - 1];
      if (!expectsKey || !container) return value();
      expectsKey = false;
      key(container, textOf(bytes, from, to));
    },
  };
}

/** Keys are mostly plain ASCII, which costs least to read so. */
function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('latin1', from, to);
  if (!/[\\\u0080-\u00ff]/.test(text)) return text;
  const quoted = bytes.toString('utf8', from - 1, to + 1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    // Malformed: JSON.parse of the whole says so.
    return quoted;
  }
}
