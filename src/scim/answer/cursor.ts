/**
 * Cursors of lists (RFC 9865): where the next page begins. The bridge stores nothing for a cursor, so it does not
 * expire; the cursor itself names its list and the resource after which the page begins.
 */

import { createHash } from 'node:crypto';
import type { After } from '../../db/paging.ts';
import { isStorableText } from '../../directory/query/operand.ts';
import type { Kind } from '../../model/subject.ts';
import type { ListQuery } from '../request/query.ts';
import { ScimError } from './errors.ts';

const LENGTH_MAX = 1024;
const POSITION_MAX = 2 ** 31 - 1;

export interface Start {
  /** The name of the list. */
  readonly list: string;
  /** How many resources come before the page, as counted when the earlier pages were read. */
  readonly position: number;
  /** The last resource before the page; null at the beginning, and in a sorted list. */
  readonly after: After | null;
}

/** Names a list by its filter and order: a cursor is valid for no other list. */
export function listOf(connectionId: string, kinds: readonly Kind[], query: ListQuery): string {
  const { filter, sortBy, descending } = query;
  const list = JSON.stringify([connectionId, kinds, filter, sortBy, descending]);
  return createHash('sha256').update(list).digest('base64url').slice(0, 16);
}

/** Throws ScimError 400 invalidCursor. */
export function startOf({ cursor, startIndex }: ListQuery, list: string): Start {
  if (cursor === null) return { list, position: startIndex - 1, after: null };
  if (cursor === '') return { list, position: 0, after: null };
  const [of, position, createdAt, id] = decoded(cursor);
  if (of !== list) {
    throw invalid('The cursor is not one of this list: send back nextCursor with the same filter and order.');
  }
  if (!Number.isInteger(position) || (position as number) < 0 || (position as number) > POSITION_MAX) {
    throw invalid(DAMAGED);
  }
  if (createdAt === undefined) return { list, position: position as number, after: null };
  if (!isText(createdAt) || !isText(id)) throw invalid(DAMAGED);
  return { list, position: position as number, after: { createdAt, id } };
}

/** One more than the page shows: the extra row tells whether another page follows. */
export function rowsWanted({ cursor, count }: ListQuery): number {
  return cursor === null || count === 0 ? count : count + 1;
}

/** The rows that the page shows. `keyOf` gives null where the next page is found by its position. */
export function cut<T>(
  { cursor, count }: ListQuery,
  { list, position }: Start,
  rows: readonly T[],
  keyOf: (row: T) => After | null,
): { readonly items: readonly T[]; readonly nextCursor?: { readonly nextCursor: string } } {
  if (cursor === null || rows.length <= count) return { items: rows };
  const items = rows.slice(0, count);
  const after = keyOf(items.at(-1) as T);
  const parts = [list, position + items.length, ...(after ? [after.createdAt, after.id] : [])];
  const nextCursor = Buffer.from(JSON.stringify(parts)).toString('base64url');
  return { items, nextCursor: { nextCursor } };
}

const DAMAGED = 'The cursor cannot be read: it must be empty for the first page, or a nextCursor as it came.';

function decoded(cursor: string): readonly unknown[] {
  try {
    const parts = cursor.length <= LENGTH_MAX && JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts)) return parts;
  } catch {
    // Not JSON, so the bridge did not make this cursor.
  }
  throw invalid(DAMAGED);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isStorableText(value);
}

function invalid(detail: string): ScimError {
  return new ScimError(400, 'invalidCursor', detail);
}
