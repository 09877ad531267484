/**
 * Lists of the admin API take `limit` and an opaque `cursor`, and answer `_embedded`, `count`, `size` and `_links`.
 * Pages follow a sort key, so that rows made or deleted meanwhile neither repeat others nor hide them.
 */

import { z } from 'zod';
import type { After } from '../db/paging.ts';
import type { Shown } from './endpoint.ts';
import { queryMistake } from './query.ts';
import { Link } from './schemas/common.ts';
import { storable } from './schemas/texts.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const CURSOR_LENGTH_MAX = 1024;
const LIMITS = `must be a whole number from 1 to ${LIMIT_MAX}`;

/** The query parameters of every list. */
export const PAGE = {
  limit: z.int(LIMITS).min(1, LIMITS).max(LIMIT_MAX, LIMITS).default(LIMIT_DEFAULT),
  cursor: z.string().optional().describe('From `_links.next` of the page before.'),
};

/** The schema of a list whose items are under `name` in `_embedded`. */
export function listOf<Name extends string, Item extends z.ZodType>(name: Name, item: Item) {
  const embedded = { [name]: z.array(item) } as Record<Name, z.ZodArray<Item>>;
  return z.object({
    _embedded: z.object(embedded),
    count: z
      .int()
      .optional()
      .describe('All items of the list; absent where counting them would cost too much.'),
    size: z.int().describe('Items on this page.'),
    _links: z.object({ self: Link, next: Link.optional() }),
  });
}

/** The sort key of the last item on a page. Each list decides what is in it. */
export type PageKey = readonly (string | number)[];

/**
 * The column type of a part of a key. PostgreSQL fails on a number beyond the range of its column, so that the cursor
 * is checked first.
 */
export type KeyPart = 'text' | 'integer' | 'bigint';

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The key after which the page begins; null: the first page. A cursor of another list is a mistake (400). */
export function readCursor({ cursor }: PageQuery, parts: readonly KeyPart[]): PageKey | null {
  if (cursor === undefined) return null;
  const key = cursor.length <= CURSOR_LENGTH_MAX ? decodeCursor(cursor) : null;
  if (isPageKey(key, parts)) return key;
  throw queryMistake('cursor', 'is not one that this list gave out; take it from _links.next');
}

/** `readCursor` for lists in the order of creation. */
export function readCursorOfRecords(query: PageQuery): After | null {
  const key = readCursor(query, ['text', 'text']);
  return key && { createdAt: String(key[0]), id: String(key[1]) };
}

export function keyOfRecord(record: After): PageKey {
  return [record.createdAt, record.id];
}

function decodeCursor(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    // Not JSON, so this cursor is not one that the bridge made. The caller answers 400.
    return null;
  }
}

function isPageKey(value: unknown, parts: readonly KeyPart[]): value is PageKey {
  if (!Array.isArray(value) || value.length !== parts.length) return false;
  return parts.every((part, index) => isKeyPart(value[index], part));
}

const INTEGER_MAX = 2 ** 31 - 1;

function isKeyPart(value: unknown, part: KeyPart): boolean {
  if (part === 'text') return typeof value === 'string' && storable(value);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return false;
  return part === 'bigint' || Math.abs(value) <= INTEGER_MAX;
}

interface List<Name extends string, Row, Item> {
  /** The name of the list under `_embedded`. */
  readonly name: Name;
  /** As many rows as the page holds, and one more where there is a next page. */
  readonly rows: readonly Row[];
  /** How many items the whole list has; null where counting them would take too long. */
  readonly count: number | null;
  keyOf(row: NoInfer<Row>): PageKey;
  show(row: NoInfer<Row>): Item;
}

/** One page of a list. Ask the database for `limit + 1` rows: the extra row says that there is a next page. */
export function page<Name extends string, Row, Item>(
  { url, query }: { readonly url: URL; readonly query: PageQuery },
  { name, rows, count, keyOf, show }: List<Name, Row, Item>,
) {
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const next = rows.length > query.limit && last !== undefined ? keyOf(last) : null;
  return { ...portion({ url }, name, shown.map(show), next), ...(count === null ? {} : { count }) };
}

/** One page of a list that says itself where the next page begins; `next` null: nowhere. */
export function portion<Name extends string, Item>(
  { url }: { readonly url: URL },
  name: Name,
  items: readonly Item[],
  next: PageKey | null,
) {
  return {
    _embedded: { [name]: items } as Shown<Record<Name, Item[]>>,
    size: items.length,
    _links: { self: { href: url.href }, ...(next === null ? {} : { next: { href: nextUrl(url, next) } }) },
  };
}

function nextUrl(url: URL, key: PageKey): string {
  const next = new URL(url);
  next.searchParams.set('cursor', Buffer.from(JSON.stringify(key)).toString('base64url'));
  return next.href;
}

/** A list that is short and always shown whole. */
export function whole<Name extends string, Item>(name: Name, items: readonly Item[], self: string) {
  return {
    _embedded: { [name]: items } as Shown<Record<Name, Item[]>>,
    count: items.length,
    size: items.length,
    _links: { self: { href: self } },
  };
}
