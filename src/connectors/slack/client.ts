/**
 * Slack's SCIM API over HTTP: where requests go, how fast, and how answers are read. The one place that
 * puts the token on the wire; it must never appear in what leaves this file.
 */

import { RemoteError } from '../../model/errors.ts';
import type { CallContext, Fetch } from '../connector.ts';
import { createSender, type VendorRequest } from '../http.ts';
import { type Bucket, createPacer } from '../pacer.ts';
import { type Refusal, readRefusal } from './errors.ts';

export type ScimMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface ScimCall {
  readonly method: ScimMethod;
  /** Below the base URL, without a slash before it, its parts percent-encoded: `Users/U123`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** In words: "disable user U123". */
  readonly action: string;
}

export type ScimAnswer =
  | {
      readonly ok: true;
      /** The object that came back; null where there was none, as after a DELETE. */
      readonly body: Readonly<Record<string, unknown>> | null;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Sends one call. Slack's refusals come back as answers, for the operation to judge; everything else that
 * goes wrong is thrown.
 */
export type ScimClient = (call: ScimCall, context: CallContext) => Promise<ScimAnswer>;

export interface ScimClientDeps {
  readonly baseUrl: string;
  readonly token: string;
  /** Monotonic milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  readonly fetch: Fetch;
}

export function createScimClient(deps: ScimClientDeps): ScimClient {
  const base = withSlash(deps.baseUrl);
  const send = createSender({
    store: 'Slack',
    pacer: createPacer(scimBuckets(base), deps),
    fetch: deps.fetch,
    now: deps.now,
  });
  return async (call, context) => {
    if (!isToken(deps.token)) return { ok: false, refusal: NOT_A_TOKEN };
    const writes = call.method !== 'GET';
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
        action: call.action,
        writes,
      },
      context,
    );
    if (response.status < 200 || response.status > 299) {
      return { ok: false, refusal: readRefusal(response.status, response.text) };
    }
    const body = jsonObject(response.text);
    // The write took effect whatever its answer looks like; a read without an object tells nothing.
    if (body === null && !writes) throw unreadable(call.action, response.status);
    return { ok: true, body };
  };
}

/**
 * What cannot be put into a header is no token, and Slack would say so. It is not tried: the runtime's
 * complaint quotes the value.
 */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

const NOT_A_TOKEN: Refusal = {
  status: 401,
  description: 'invalid_authentication',
  code: 'invalid_authentication',
  fromSlack: true,
};

export function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function scimUrl(base: string, call: ScimCall): string {
  const url = new URL(`${base}${call.path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url.href;
}

function jsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** An answer that succeeded but is not SCIM, as a proxy's page. */
export function unreadable(action: string, status: number): RemoteError {
  return new RemoteError(`Slack's answer to ${action} is not SCIM; is SCIM_BASE_URL right?`, {
    store: 'Slack',
    action,
    disposition: 'transient',
    status,
    code: 'unreadable_answer',
  });
}

/** Slack's published limits for an organisation, shared by all its SCIM apps; a 429 tells of the others. */
function scimBuckets(base: string): Bucket[] {
  const prefix = new URL(base).pathname;
  const bucket = (
    name: string,
    perMinute: number,
    burst: number,
    matches: (method: string, path: string) => boolean,
  ): Bucket => ({
    name,
    perMinute,
    burst,
    matches: (request: VendorRequest) =>
      matches(request.method, new URL(request.url).pathname.slice(prefix.length)),
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
