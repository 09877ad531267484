/** How the emulated GitLab words its answers: refusals, and pages with their headers. */

import type { Answer, EmulatedRequest } from '../server.ts';

/** Ends a request with an answer that is not a success. */
export class Refused extends Error {
  readonly answer: Answer;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`refused with ${status}`);
    this.answer = { status, body, headers };
  }
}

export const unauthorized = () => new Refused(401, { message: '401 Unauthorized' });
export const forbidden = (why?: string) =>
  new Refused(403, { message: why ? `403 Forbidden - ${why}` : '403 Forbidden' });
export const notFound = (what: string) => new Refused(404, { message: `404 ${what} Not Found` });
export const conflict = (why: string) => new Refused(409, { message: why });
/** Parameters that do not parse. */
export const badParameter = (error: string) => new Refused(400, { error });
/** A record that does not validate. */
export const invalid = (messages: Readonly<Record<string, readonly string[]>>) =>
  new Refused(400, { message: messages });

const PER_PAGE_DEFAULT = 20;
export const PER_PAGE_MAX = 100;
/** Beyond so many rows GitLab counts no totals. */
const COUNTED_ROWS_MAX = 10_000;

export interface Paging {
  /** Where the instance believes it is, `/api/v4` included. */
  readonly apiUrl: string;
  /** Whether this list can be paged by keyset. */
  readonly keyset: boolean;
  /** The furthest row that offset pages reach; null: no limit. */
  readonly offsetMax: number | null;
  /** The most rows of one page. */
  readonly perPageMax: number;
}

/** Rows in the order asked for; `path` is the list's, below `/api/v4`. */
export function page<T extends { readonly id: number }>(
  rows: readonly T[],
  request: EmulatedRequest,
  path: string,
  paging: Paging,
  show: (row: T) => unknown,
): Answer {
  const perPage = Math.min(
    Math.max(Number(request.query.get('per_page') ?? PER_PAGE_DEFAULT), 1),
    paging.perPageMax,
  );
  return request.query.get('pagination') === 'keyset'
    ? keysetPage(rows, request, path, paging, perPage, show)
    : offsetPage(rows, request, path, paging, perPage, show);
}

function keysetPage<T extends { readonly id: number }>(
  rows: readonly T[],
  { query }: EmulatedRequest,
  path: string,
  paging: Paging,
  perPage: number,
  show: (row: T) => unknown,
): Answer {
  if (!paging.keyset || query.get('order_by') !== 'id') {
    throw new Refused(405, { error: 'Keyset pagination is not yet available for this type of request' });
  }
  const ascending = query.get('sort') === 'asc';
  const after = cursorId(query.get('cursor'));
  const beyond = rows.filter(({ id }) => after === null || (ascending ? id > after : id < after));
  const shown = beyond.slice(0, perPage);
  const last = shown.at(-1);
  const headers: Record<string, string> = {};
  if (last && beyond.length > perPage) {
    const next = new URLSearchParams(query);
    next.set('cursor', Buffer.from(JSON.stringify({ id: String(last.id), _kd: 'n' })).toString('base64'));
    headers.link = `<${paging.apiUrl}/${path}?${next}>; rel="next"`;
  }
  return { status: 200, headers, body: shown.map(show) };
}

/** GitLab's cursors are opaque: the last row's keys, as base64. */
function cursorId(cursor: string | null): number | null {
  if (cursor === null) return null;
  return Number((JSON.parse(Buffer.from(cursor, 'base64').toString()) as { id: string }).id);
}

function offsetPage<T>(
  rows: readonly T[],
  { query }: EmulatedRequest,
  path: string,
  paging: Paging,
  perPage: number,
  show: (row: T) => unknown,
): Answer {
  const current = Math.max(Number(query.get('page') ?? 1), 1);
  const start = (current - 1) * perPage;
  if (paging.offsetMax !== null && start > paging.offsetMax) {
    throw new Refused(405, {
      error: `Offset pagination has a maximum allowed offset of ${paging.offsetMax} for requests that return objects of this type. Remaining records can be retrieved using keyset pagination.`,
    });
  }
  const pages = Math.max(Math.ceil(rows.length / perPage), 1);
  const counted = rows.length <= COUNTED_ROWS_MAX;
  const link = (rel: string, number: number) => {
    const other = new URLSearchParams(query);
    other.set('page', String(number));
    other.set('per_page', String(perPage));
    return `<${paging.apiUrl}/${path}?${other}>; rel="${rel}"`;
  };
  const links = [
    ...(current > 1 ? [link('prev', current - 1)] : []),
    ...(current < pages ? [link('next', current + 1)] : []),
    link('first', 1),
    ...(counted ? [link('last', pages)] : []),
  ];
  const headers: Record<string, string> = {
    'x-page': String(current),
    'x-per-page': String(perPage),
    'x-next-page': current < pages ? String(current + 1) : '',
    'x-prev-page': current > 1 ? String(current - 1) : '',
    link: links.join(', '),
    ...(counted ? { 'x-total': String(rows.length), 'x-total-pages': String(pages) } : {}),
  };
  return { status: 200, headers, body: rows.slice(start, start + perPage).map(show) };
}

/** The parameters of a write: its body's, over the query's. GitLab takes either. */
export function parameters(request: EmulatedRequest): Record<string, string> {
  const given: Record<string, unknown> = Object.fromEntries(request.query);
  if (typeof request.body === 'object' && request.body !== null) Object.assign(given, request.body);
  const known = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(known.map(([key, value]) => [key, String(value)]));
}

/** Throws as GitLab does where one is missing. */
export function requireFields(given: Readonly<Record<string, string>>, names: readonly string[]): void {
  const missing = names.filter((name) => given[name] === undefined);
  if (missing.length > 0) throw badParameter(missing.map((name) => `${name} is missing`).join(', '));
}
