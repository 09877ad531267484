/** The parameters of a list (RFC 7644 §3.4.2), from a query string or the body of a `.search` (§3.4.3). */

import { ScimError } from '../answer/errors.ts';
import { type Projection, parseProjection } from '../answer/projection.ts';
import { COUNT_DEFAULT, COUNT_MAX } from './limits.ts';

export interface ListQuery {
  /** As the client sent it; null without one. */
  readonly filter: string | null;
  readonly sortBy: string | null;
  readonly descending: boolean;
  /** From 1 */
  readonly startIndex: number;
  /** From RFC 9865, '' for the first page; null: the page is the one at `startIndex`. */
  readonly cursor: string | null;
  /** From 0 to COUNT_MAX */
  readonly count: number;
  readonly projection: Projection;
}

/**
 * By name in lower case, the first value of each: if the bridge overlooked a `Filter`, the answer would show
 * everybody.
 */
export type Parameters = ReadonlyMap<string, unknown>;

/** Throws ScimError 400 invalidSyntax for text that is not percent-encoded UTF-8. */
export function queryParameters(url: string): Parameters {
  const at = url.indexOf('?');
  if (at < 0) return new Map();
  const query = url.slice(at + 1);
  const parameters = new URLSearchParams(query);
  if (parameters.toString().includes(REPLACED) && !query.toUpperCase().includes(REPLACED)) {
    throw new ScimError(400, 'invalidSyntax', 'The query must be percent-encoded UTF-8.');
  }
  return firstOfEach([...parameters]);
}

/** U+FFFD, which replaces bytes that cannot be decoded. */
const REPLACED = encodeURIComponent('\ufffd');

/** The parameters of a `.search`. */
export function bodyParameters(body: Readonly<Record<string, unknown>>): Parameters {
  return firstOfEach(Object.entries(body));
}

function firstOfEach(entries: readonly (readonly [string, unknown])[]): Parameters {
  const parameters = new Map<string, unknown>();
  for (const [name, value] of entries) {
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, value);
  }
  return parameters;
}

export function projectionOf(parameters: Parameters): Projection {
  return parseProjection(parameters.get('attributes'), parameters.get('excludedattributes'));
}

/** Throws ScimError 400 invalidValue for a value that is not a number, or not a text. */
export function parseListQuery(parameters: Parameters): ListQuery {
  const startIndex = integer('startIndex', parameters.get('startindex'), 1);
  const cursor = cursorOf(parameters);
  const count = integer('count', parameters.get('count'), COUNT_DEFAULT);
  return {
    filter: text('filter', parameters.get('filter')),
    sortBy: text('sortBy', parameters.get('sortby')),
    descending: isDescending(parameters.get('sortorder')),
    startIndex: Math.max(1, startIndex),
    cursor,
    count: Math.min(COUNT_MAX, Math.max(0, count)),
    projection: projectionOf(parameters),
  };
}

/** An empty cursor asks for the first page (RFC 9865 §2). */
function cursorOf(parameters: Parameters): string | null {
  const cursor = parameters.get('cursor');
  if (cursor === undefined || cursor === null) return null;
  if (typeof cursor !== 'string') throw new ScimError(400, 'invalidCursor', 'cursor must be text.');
  if (parameters.has('startindex')) {
    throw new ScimError(400, 'invalidValue', 'A list is read by startIndex or by cursor, not by both.');
  }
  return cursor;
}

/** Ascending unless it says otherwise (RFC 7644 §3.4.2.3). */
function isDescending(value: unknown): boolean {
  const order = text('sortOrder', value)?.toLowerCase() ?? 'ascending';
  if (order === 'ascending' || order === 'descending') return order === 'descending';
  throw new ScimError(400, 'invalidValue', 'sortOrder must be ascending or descending.');
}

/** The last position of a page, so that offsets stay within the databases' numbers. */
const POSITION_MAX = 2 ** 31 - 1;

function integer(name: string, value: unknown, absent: number): number {
  if (value === undefined || value === null || value === '') return absent;
  const number = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) {
    throw new ScimError(400, 'invalidValue', `${name} must be a whole number.`);
  }
  return Math.min(POSITION_MAX, Math.max(-POSITION_MAX, number));
}

function text(name: string, value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string') throw new ScimError(400, 'invalidValue', `${name} must be text.`);
  return value;
}
