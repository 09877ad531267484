/**
 * Reads one page of a list. Cursors are `page:2`, or `next:/api/v4/users?…` for a link that GitLab gave. The bridge
 * follows such a link only on the store's own host, because the token must not leave it.
 */

import { RemoteError } from '../../../model/errors.ts';
import type { Page } from '../../../model/remote.ts';
import type { GitLabSettings } from '../settings.ts';
import type { Answers, Row } from './calls.ts';
import type { Exchange, GitLabApi, Instance } from './client.ts';
import { type Refusal, refused, STORE } from './errors.ts';

/** The largest page that GitLab gives. */
export const PAGE_SIZE = 100;

/** Oldest first: what is made during a scan comes at its end and shifts no page. */
export const BY_ID = { orderBy: 'id', sort: 'asc' } as const;

export type PageQuery = { readonly perPage: number; readonly maxPages: 1; readonly page?: number };

/** `list` asks for the page that the query names; a link in the cursor replaces that page. */
export async function askPage(
  { client, settings }: Instance,
  answers: Answers<readonly Row[]>,
  exchange: Exchange,
  cursor: string | null,
  list: (api: GitLabApi, query: PageQuery) => Promise<unknown>,
): Promise<
  { readonly ok: true; readonly page: Page<Row> } | { readonly ok: false; readonly refusal: Refusal }
> {
  const next = cursor?.startsWith('next:') ? cursor.slice('next:'.length) : null;
  const page = cursor?.startsWith('page:') ? { page: Number(cursor.slice('page:'.length)) } : {};
  const answer = await client.ask(answers, next === null ? exchange : { ...exchange, path: next }, (api) =>
    list(api, { perPage: PAGE_SIZE, maxPages: 1, ...page }),
  );
  if (!answer.ok) return answer;
  const nextPage = nextCursor(answer.headers, settings, exchange.action);
  return { ok: true, page: { items: answer.value, nextCursor: nextPage } };
}

/** As `askPage`, but a refusal throws. */
export async function readPage(...args: Parameters<typeof askPage>): Promise<Page<Row>> {
  const answer = await askPage(...args);
  if (answer.ok) return answer.page;
  const [, , { action }] = args;
  throw refused({ action, writes: false }, answer.refusal);
}

/** From `X-Next-Page` (offset pages), otherwise from `Link: …; rel="next"` (keyset); null at the end. */
export function nextCursor(headers: Headers, settings: GitLabSettings, action: string): string | null {
  const page = Number(headers.get('x-next-page') ?? '');
  if (Number.isInteger(page) && page > 0) return `page:${page}`;
  const link = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(headers.get('link') ?? '')?.[1];
  return link === undefined ? null : `next:${pathOnOwnHost(link, settings, action)}`;
}

function pathOnOwnHost(link: string, { baseUrl }: GitLabSettings, action: string): string {
  const base = new URL(baseUrl);
  const url = URL.canParse(link, `${baseUrl}/`) ? new URL(link, `${baseUrl}/`) : null;
  // The scheme may differ: behind a proxy that ends TLS, GitLab may think that it is served over http.
  const own = url !== null && url.hostname === base.hostname && url.port === base.port;
  const prefix = `${base.pathname.replace(/\/+$/, '')}/api/v4/`;
  if (own && url.pathname.startsWith(prefix)) return url.pathname + url.search;
  throw new RemoteError(
    `GitLab at ${base.host} names a next page at ${url?.host ?? 'an unreadable address'}, where the token must not go: set external_url in GitLab's configuration to the address in BASE_URL`,
    { store: STORE, action, disposition: 'transient', code: 'foreign_page' },
  );
}
