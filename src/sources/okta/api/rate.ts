/**
 * Okta counts requests by kind and minute for the whole organisation, and the customer's sign-ins count too. The
 * bridge learns the limits from each answer and leaves a tenth to everybody else.
 */

import type { Fetch } from '../../../connectors/connector.ts';
import type { Bucket, Pacer } from '../../../connectors/pacer.ts';

/** The kinds that Okta counts by default. Where a customer's own limits join two kinds, they only wait together. */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['list users', /^\/api\/v1\/users$/],
  ['one user', /^\/api\/v1\/users\/[^/]+$/],
  ['list groups', /^\/api\/v1\/groups$/],
  ['one group', /^\/api\/v1\/groups\/[^/]+$/],
  ['tokens', /^\/oauth2\//],
  ['the rest', /^/],
];

function kindOf(url: string): string {
  const { pathname } = new URL(url);
  return KINDS.find(([, path]) => path.test(pathname))?.[0] ?? '';
}

export const OKTA_BUCKETS: readonly Bucket[] = [{ name: 'Okta', keyOf: ({ url }) => kindOf(url) }];

const RESERVE_SHARE = 0.1;
const WAIT_MIN_MS = 1_000;
const WAIT_MAX_MS = 5 * 60_000;

/** The time until Okta counts anew, by Okta's own clock; null where the answer does not say. */
function untilResetMs(headers: Headers, wallClockMs: number): number | null {
  const reset = Number(headers.get('x-rate-limit-reset') ?? Number.NaN);
  if (!Number.isFinite(reset) || reset <= 0) return null;
  const said = Date.parse(headers.get('date') ?? '');
  const waitMs = reset * 1000 - (Number.isNaN(said) ? wallClockMs : said);
  return Math.min(Math.max(waitMs, WAIT_MIN_MS), WAIT_MAX_MS);
}

/**
 * How long this kind of request must wait, so that a tenth of the minute's requests stays for others; 0: not at all.
 */
export function reserveWaitMs(headers: Headers, wallClockMs: number): number {
  const limit = Number(headers.get('x-rate-limit-limit') ?? Number.NaN);
  const remaining = Number(headers.get('x-rate-limit-remaining') ?? Number.NaN);
  if (!(limit > 0) || !(remaining >= 0) || remaining > Math.floor(limit * RESERVE_SHARE)) return 0;
  return untilResetMs(headers, wallClockMs) ?? 0;
}

/**
 * Translates Okta's headers into common ones: a 429 of Okta says when it counts anew, not how long to wait. Notes the
 * reserve of every answer.
 */
export function withOktaRate(fetch: Fetch, pacer: Pacer, wallClock: () => number): Fetch {
  return async (url, init) => {
    const answer = await fetch(url, init);
    const { headers } = answer;
    const waitMs = reserveWaitMs(headers, wallClock());
    if (waitMs > 0) pacer.pause({ method: init.method, url }, waitMs);
    const untilMs =
      answer.status === 429 && !headers.has('retry-after') ? untilResetMs(headers, wallClock()) : null;
    if (untilMs === null) return answer;
    const told = new Headers(headers);
    told.set('retry-after', String(Math.ceil(untilMs / 1000)));
    return { status: answer.status, ok: answer.ok, headers: told, body: answer.body };
  };
}
