/**
 * Lists of the admin API: `limit` and an opaque `cursor` in, `_embedded`, `count`, `size` and `_links`
 * out. Pages go by key, so that rows made or deleted meanwhile neither repeat nor hide others.
 */

import type { Request, Response } from 'express';
import { RequestError } from '../model/errors.ts';
import type { AdminDeps } from './context.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const CURSOR_LENGTH_MAX = 1024;

/** The sort key of the last item of a page; what is in it is the list's own business. */
export type PageKey = readonly (string | number)[];

/** What a part of a key is in its column: beyond an integer's range PostgreSQL would fail, not find nothing. */
export type KeyPart = 'text' | 'integer' | 'bigint';

export interface PageRequest {
  readonly limit: number;
  /** null: the first page */
  readonly after: PageKey | null;
}

/**
 * Reads `limit` and `cursor`. `parts` are those of the list's sort key; a cursor of another list is a mistake
 * (400), as is a limit out of bounds.
 */
export function readPage(req: Request, parts: readonly KeyPart[]): PageRequest {
  return {
    limit: readLimit(queryText(req, 'limit')),
    after: readCursor(queryText(req, 'cursor'), parts),
  };
}

/** `readPage` of a list in the order of creation; its rows' key is `keyOfRecord`. */
export function readPageOfRecords(req: Request): {
  readonly limit: number;
  readonly after: { readonly createdAt: string; readonly id: string } | null;
} {
  const { limit, after } = readPage(req, ['text', 'text']);
  return { limit, after: after && { createdAt: String(after[0]), id: String(after[1]) } };
}

export function keyOfRecord(record: { readonly createdAt: string; readonly id: string }): PageKey {
  return [record.createdAt, record.id];
}

/** A query parameter, given at most once; null where it is absent. */
export function queryText(req: Request, name: string): string | null {
  const value: unknown = req.query[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string' || value.includes('\u0000')) throw queryMistake(name, 'must be given once');
  return value;
}

/** A query parameter that is true or false; false where it is absent. */
export function queryFlag(req: Request, name: string): boolean {
  const value = queryText(req, name);
  if (value !== null && value !== 'true' && value !== 'false')
    throw queryMistake(name, 'must be true or false');
  return value === 'true';
}

/** A 400 about one query parameter. */
export function queryMistake(name: string, detail: string): RequestError {
  return new RequestError(400, `The query parameter ${name} ${detail}.`, [
    { pointer: `/${name}`, detail: `${name} ${detail}` },
  ]);
}

/** Refuses parameters that the list does not know: a mistyped filter must not return everything. */
export function knownQuery(req: Request, names: readonly string[]): void {
  knownFlags(req, ['limit', 'cursor', ...names]);
}

/** The same for what is no list: a mistyped `preview` must not save. */
export function knownFlags(req: Request, allowed: readonly string[]): void {
  const unknown = Object.keys(req.query).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw queryMistake(unknown, `is unknown; allowed are ${allowed.join(', ')}`);
}

function readLimit(text: string | null): number {
  if (text === null) return LIMIT_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIMIT_MAX)
    throw queryMistake('limit', `must be a whole number from 1 to ${LIMIT_MAX}`);
  return limit;
}

function readCursor(text: string | null, parts: readonly KeyPart[]): PageKey | null {
  if (text === null) return null;
  const key = text.length <= CURSOR_LENGTH_MAX ? decodeCursor(text) : null;
  if (!isPageKey(key, parts)) {
    throw queryMistake('cursor', 'is not one that this list gave out; take it from _links.next');
  }
  return key;
}

function decodeCursor(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    // Not JSON: whoever wrote it did not take it from us. The caller answers 400.
    return null;
  }
}

function isPageKey(value: unknown, parts: readonly KeyPart[]): value is PageKey {
  if (!Array.isArray(value) || value.length !== parts.length) return false;
  return parts.every((part, index) => isKeyPart(value[index], part));
}

const INTEGER_MAX = 2 ** 31 - 1;

function isKeyPart(value: unknown, part: KeyPart): boolean {
  if (part === 'text') return typeof value === 'string' && !value.includes('\u0000');
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return false;
  return part === 'bigint' || Math.abs(value) <= INTEGER_MAX;
}

export interface ListAnswer<T> {
  /** The name under `_embedded`. */
  readonly name: string;
  /** As many as the page's limit and one more where there is a next page. */
  readonly rows: readonly T[];
  /** All items of the list, whatever the page; null where there are too many to count in passing. */
  readonly count: number | null;
  keyOf(row: NoInfer<T>): PageKey;
  toJson(row: NoInfer<T>): unknown;
}

/** Ask the database for `limit + 1` rows: the one too many says that there is a next page. */
export function sendPage<T>(
  deps: Pick<AdminDeps, 'publicUrl'>,
  req: Request,
  res: Response,
  page: Pick<PageRequest, 'limit'>,
  list: ListAnswer<T>,
): void {
  const rows = list.rows.slice(0, page.limit);
  const last = rows.at(-1);
  const more = list.rows.length > page.limit && last !== undefined;
  res.json({
    _embedded: { [list.name]: rows.map((row) => list.toJson(row)) },
    ...(list.count === null ? {} : { count: list.count }),
    size: rows.length,
    _links: {
      self: { href: requestUrl(deps, req).href },
      ...(more ? { next: { href: nextUrl(deps, req, list.keyOf(last)) } } : {}),
    },
  });
}

function nextUrl(deps: Pick<AdminDeps, 'publicUrl'>, req: Request, key: PageKey): string {
  const url = requestUrl(deps, req);
  url.searchParams.set('cursor', Buffer.from(JSON.stringify(key)).toString('base64url'));
  return url.href;
}

/** The request's path and query at the public URL; the Host header plays no part. */
function requestUrl(deps: Pick<AdminDeps, 'publicUrl'>, req: Request): URL {
  const asked = new URL(req.originalUrl, 'http://bridge.invalid');
  return new URL(deps.publicUrl + asked.pathname + asked.search);
}
