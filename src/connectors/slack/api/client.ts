/**
 * Slack's SCIM API over HTTP: where requests go, how fast, and how answers are read. Only this file sends the token;
 * the token must never appear in what leaves this file.
 */

import { judge, undoneError } from '../../answers.ts';
import type { CallContext, Fetch } from '../../connector.ts';
import { createSender } from '../../http.ts';
import { allowed, type Bucket, createPacer } from '../../pacer.ts';
import type { Call } from './calls.ts';
import { type Refusal, STORE } from './errors.ts';

/** Slack did it, or refused it in its own words. */
export type ScimAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Sends one call. `action` says in words what it is for, for errors: "disable user U123". Answers Slack's refusals,
 * which the operation judges; throws everything else that goes wrong.
 */
export type ScimClient = <T>(call: Call<T>, action: string, context: CallContext) => Promise<ScimAnswer<T>>;

export interface ScimClientDeps {
  readonly baseUrl: string;
  readonly token: string;
  /** The rate that an admin allows; null where none is set. */
  readonly ratePerMinute: number | null;
  /** Monotonic milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  readonly fetch: Fetch;
}

export function createScimClient(deps: ScimClientDeps): ScimClient {
  const base = withSlash(deps.baseUrl);
  const send = createSender({
    store: STORE,
    pacer: createPacer([...allowed(deps.ratePerMinute), ...scimBuckets(base)], deps),
    fetch: deps.fetch,
    now: deps.now,
  });
  return async (call, action, context) => {
    if (!isToken(deps.token)) return { ok: false, refusal: NOT_A_TOKEN };
    const asked = { store: STORE, vendor: 'Slack', action, writes: call.method !== 'GET' };
    const response = await send(
      {
        method: call.method,
        url: scimUrl(base, call),
        headers: {
          authorization: `Bearer ${deps.token}`,
          accept: 'application/json',
          ...(call.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        action,
        writes: asked.writes,
      },
      context,
    );
    const judgement = judge(call.answers, response);
    if (judgement.is === 'done') return { ok: true, value: judgement.value };
    if (judgement.is === 'refused') return { ok: false, refusal: judgement.refusal };
    throw undoneError(judgement, asked, response);
  };
}

/** A value that no header can hold is no token. It is not sent: the runtime's error would quote it. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

const NOT_A_TOKEN: Refusal = {
  status: 401,
  description: 'invalid_authentication',
  code: 'invalid_authentication',
  gone: false,
};

export function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function scimUrl(base: string, call: Call<unknown>): string {
  const url = new URL(`${base}${call.path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Slack's published limits for an organisation, which all its SCIM apps share; a 429 tells how much the others use.
 */
function scimBuckets(base: string): Bucket[] {
  const prefix = new URL(base).pathname;
  const bucket = (
    name: string,
    perMinute: number,
    burst: number,
    matches: (method: string, path: string) => boolean,
  ): Bucket => ({
    name,
    limit: { perMinute, burst, shared: true },
    keyOf: ({ method, url }) => (matches(method, new URL(url).pathname.slice(prefix.length)) ? '' : null),
  });
  return [
    bucket('all writes', 600, 180, (method) => method !== 'GET'),
    bucket('all reads', 1000, 1000, (method) => method === 'GET'),
    bucket('one by id', 300, 300, (method, path) => method === 'GET' && path.includes('/')),
    bucket('create user', 180, 20, (method, path) => method === 'POST' && path === 'Users'),
    bucket('update user', 180, 20, (method, path) => method === 'PATCH' && path.startsWith('Users/')),
    bucket('delete user', 180, 20, (method, path) => method === 'DELETE' && path.startsWith('Users/')),
    bucket('create group', 180, 20, (method, path) => method === 'POST' && path === 'Groups'),
    bucket('update group', 180, 80, (method, path) => method === 'PATCH' && path.startsWith('Groups/')),
    bucket('delete group', 180, 20, (method, path) => method === 'DELETE' && path.startsWith('Groups/')),
  ];
}
