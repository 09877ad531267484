/**
 * Looks through the bytes of a JSON body while they arrive, before parsing: how many values it has, how deep it is,
 * whether an object has a key twice in different case, and where a long text can be cut. It does not check the
 * grammar: JSON.parse does.
 */

import { shown } from '../../directory/query/tokens.ts';
import { ScimError } from '../answer/errors.ts';
import { type Cuts, createCuts, STRETCH_BYTES, type Stretch } from './cuts.ts';
import { KEY_BYTES_MAX, KEYS_MAX, LIST_MAX, MEMBERS_MAX, NESTING_MAX, VALUES_MAX } from './limits.ts';

export interface Scan {
  /** Looks at the next piece, which ends the `whole` that has arrived. Throws ScimError 400 and 413. */
  next(whole: Buffer, piece: Buffer): void;
  /** The cuts of the whole body; null where it cannot be JSON. */
  end(): Stretch | null;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** `stretchBytes`: how much is parsed at once. */
export function createScan(stretchBytes = STRETCH_BYTES): Scan {
  const cuts = createCuts(stretchBytes);
  const tally = createTally(cuts);
  /** The position in the whole; the piece begins at `from`. */
  let at = 0;
  let from = 0;
  /** Where the current string began, after its quote; 0 outside of strings. */
  let stringFrom = 0;
  /** True in a number, or in true, false or null. */
  let inWord = false;

  /** Reads the current string up to its quote or to the end of the piece. */
  const readString = (whole: Buffer, piece: Buffer) => {
    const quote = piece.indexOf(QUOTE, at - from);
    at = from + (quote < 0 ? piece.length : quote + 1);
    if (quote < 0 || isEscaped(whole, stringFrom, at - 1)) return;
    tally.string(whole, stringFrom, at - 1);
    stringFrom = 0;
  };

  const next = (whole: Buffer, piece: Buffer) => {
    from = at;
    const end = from + piece.length;
    while (at < end) {
      if (stringFrom > 0) {
        readString(whole, piece);
        continue;
      }
      const byte = piece[at++ - from] as number;
      const wasInWord = inWord;
      inWord = false;
      if (byte === QUOTE) stringFrom = at;
      else if (byte === COMMA) tally.comma(at - 1);
      else if (byte === OPEN_OBJECT) tally.open(at - 1, true);
      else if (byte === OPEN_LIST) tally.open(at - 1, false);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) tally.close(at - 1);
      else if (byte > SPACE && byte !== COLON) {
        if (!wasInWord) tally.value();
        inWord = true;
      }
    }
  };
  return { next, end: () => cuts.end(at) };
}

/** True after an odd number of backslashes. */
function isEscaped(bytes: Buffer, from: number, at: number): boolean {
  let before = at;
  while (before > from && bytes[before - 1] === BACKSLASH) before -= 1;
  return (at - before) % 2 === 1;
}

interface Container {
  isObject: boolean;
  /** The number of keys of an object, or of entries of a list. */
  size: number;
  /** For a list: how many entries it may have. */
  sizeMax: number;
  /** For each key in lower case, how it was written. */
  readonly names: Map<string, string>;
}

/** Under these keys, lists hold operations or members, of a group or as an operation's value. */
const LONG_LISTS = new Set(['members', 'value', 'operations']);

function tooLong(max: number): string {
  return max === MEMBERS_MAX
    ? `A request may name ${max} members, not more.`
    : `A list without members may have ${max} entries, not more.`;
}

/** Counts what the body holds so far. */
function createTally(cuts: Cuts) {
  /** One for each level that was entered; those beyond `depth` are reused. */
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
    // RFC 7643 §2.1: two names that differ only in case are one name, so that neither value can be meant.
    if (before !== undefined && before !== name) {
      throw new ScimError(400, 'invalidSyntax', `The body names ${shown(name)} twice, in different case.`);
    }
    container.names.set(folded, name);
    lastKey = folded;
  };

  return {
    value,
    open(at: number, isObject: boolean) {
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
      cuts.open(at, isObject ? 'object' : 'list');
    },
    close(at: number) {
      depth = Math.max(0, depth - 1);
      expectsKey = false;
      cuts.close(at);
    },
    comma(at: number) {
      cuts.comma(at);
      expectsKey = depth > 0 && levels[depth - 1]?.isObject === true;
    },
    string(bytes: Buffer, from: number, to: number) {
      const container = levels[depth - 1];
      if (!expectsKey || !container) {
        value();
        cuts.string(from - 1, to + 1);
        return;
      }
      expectsKey = false;
      if (to - from > KEY_BYTES_MAX) {
        throw new ScimError(413, null, `A key in a body may have ${KEY_BYTES_MAX} bytes, not more.`);
      }
      key(container, textOf(bytes, from, to));
    },
  };
}

/** Most keys are plain ASCII, which is cheapest to read in this way. */
function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('latin1', from, to);
  if (!/[\\\u0080-\u00ff]/.test(text)) return text;
  const quoted = bytes.toString('utf8', from - 1, to + 1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    // Malformed: JSON.parse of the whole body will say so.
    return quoted;
  }
}
