/**
 * Cursors of lists (RFC 9865): where the next page begins. Nothing of it is kept here, so that a cursor does not
 * expire; it holds after which resource the page comes, and whose list it is of.
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
  /** The list's own name. */
  readonly list: string;
  /** How many come before, as they were counted when the pages before were read. */
  readonly position: number;
  /** The last of them; null at the beginning, and where the list is sorted. */
  readonly after: After | null;
}

/** A list by what it selects and how it is sorted: a cursor is good for no other. */
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

/** One more than the page shows says whether another follows. */
export function rowsWanted({ cursor, count }: ListQuery): number {
  return cursor === null || count === 0 ? count : count + 1;
}

/** What the page shows of `rowsWanted` rows. `keyOf` gives null where the list is read on by position. */
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
    // No JSON: it did not come from here.
  }
  throw invalid(DAMAGED);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isStorableText(value);
}

function invalid(detail: string): ScimError {
  return new ScimError(400, 'invalidCursor', detail);
}
