/** The parameters of a list (RFC 7644 §3.4.2), from a query string or the body of a `.search` (§3.4.3). */

import { ScimError } from './errors.ts';
import { type Projection, parseProjection } from './projection.ts';

/** Resources in one answer where the client does not say. */
const COUNT_DEFAULT = 100;
/** Resources in one answer at most; advertised as `filter.maxResults`. */
export const COUNT_MAX = 1000;

export interface ListQuery {
  /** As sent; null without one. */
  readonly filter: string | null;
  readonly sortBy: string | null;
  readonly descending: boolean;
  /** From 1 */
  readonly startIndex: number;
  /** From 0 to COUNT_MAX */
  readonly count: number;
  readonly projection: Projection;
}

/** The first of each parameter counts. */
export function queryParameters(url: string): Readonly<Record<string, string>> {
  const at = url.indexOf('?');
  const parameters: Record<string, string> = {};
  if (at < 0) return parameters;
  for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
    if (!Object.hasOwn(parameters, name)) parameters[name] = value;
  }
  return parameters;
}

export function projectionOf(parameters: Readonly<Record<string, unknown>>): Projection {
  return parseProjection(parameters.attributes, parameters.excludedAttributes);
}

/** Throws ScimError 400 invalidValue for what is no number or no text. */
export function parseListQuery(parameters: Readonly<Record<string, unknown>>): ListQuery {
  const startIndex = integer('startIndex', parameters.startIndex, 1);
  const count = integer('count', parameters.count, COUNT_DEFAULT);
  return {
    filter: text('filter', parameters.filter),
    sortBy: text('sortBy', parameters.sortBy),
    descending: isDescending(parameters.sortOrder),
    startIndex: Math.max(1, startIndex),
    count: Math.min(COUNT_MAX, Math.max(0, count)),
    projection: projectionOf(parameters),
  };
}

/** Ascending unless it says otherwise (RFC 7644 §3.4.2.3). */
function isDescending(value: unknown): boolean {
  const order = text('sortOrder', value)?.toLowerCase() ?? 'ascending';
  if (order === 'ascending' || order === 'descending') return order === 'descending';
  throw new ScimError(400, 'invalidValue', 'sortOrder must be ascending or descending.');
}

/** A page beyond this position does not exist; keeps offsets within what the databases count. */
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
