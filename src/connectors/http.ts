/**
 * One HTTP exchange with a vendor: paced, timed and reported, with a named error for each failure. The connector says
 * what a status means. Two things mean the same everywhere and are handled here: how long a vendor wants no requests
 * (429, 503), and failures of the transport.
 */

import { RemoteError } from '../model/errors.ts';
import { AddressRefused, type CallContext, type Fetch, type FetchedAnswer } from './connector.ts';
import type { Pacer, Quota } from './pacer.ts';

export interface VendorRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** In words, for errors: "disable user U123". */
  readonly action: string;
  /** True where the outcome is unknown if the answer is lost. */
  readonly writes: boolean;
}

export interface VendorResponse {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** How long the vendor wants no requests, where it says so. */
  readonly retryAfterMs: number | undefined;
}

export interface HttpDeps {
  /** The store's type, for errors. */
  readonly store: string;
  readonly pacer: Pacer;
  readonly fetch: Fetch;
  now(): number;
}

/** How long one exchange may take, from the first byte sent to the last byte read. */
export const CALL_TIMEOUT_MS = 15_000;
/** Enough for a group of several 100,000 members. A server to which an admin's URL leads must not fill the memory. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * After a shorter wait the bridge is not asked again: an admin's change of a store is answered `CALLS_LEAVE_MS` after
 * it was made.
 */
const WAITED_MS = 5;

export type SendRequest = (request: VendorRequest, context: CallContext) => Promise<VendorResponse>;

export function createSender(deps: HttpDeps): SendRequest {
  /** Contexts that sent a read since the bridge last confirmed that a write may leave. */
  const reading = new WeakSet<CallContext>();
  return async (request, context) => {
    const headers = sendable(deps.store, request);
    const asked = deps.now();
    const busyMs = await deps.pacer.wait(request, context);
    if (busyMs > 0) throw rateLimited(deps.store, request, busyMs, 'paced by the bridge');
    if (deps.now() - asked >= WAITED_MS || (request.writes && reading.delete(context)))
      await context.confirm?.();
    if (!request.writes) reading.add(context);
    const started = deps.now();
    const limit = withinTime(context.signal);
    let status = 0;
    try {
      const response = await deps.fetch(request.url, {
        method: request.method,
        headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: 'manual',
        signal: limit.signal,
      });
      status = response.status;
      const read = await readText(response);
      const text = response.ok ? read : withoutCredential(read, headers);
      if (status === 429) {
        const waitMs = retryAfterMs(response.headers, Date.now());
        deps.pacer.limited(request, waitMs, started);
        throw rateLimited(deps.store, request, waitMs, text.slice(0, 200));
      }
      const quota = quotaOf(response.headers, Date.now());
      if (quota) deps.pacer.heed(quota);
      const waits = response.headers.has('retry-after');
      const waitMs = waits ? retryAfterMs(response.headers, Date.now()) : undefined;
      // The vendor is out of order for a known time (RFC 9110 §15.6.4). Only this kind of request waits: the next
      // request of another kind shows whether it works. The connector judges whether this request took effect.
      if (status === 503 && waitMs !== undefined) deps.pacer.pause(request, waitMs);
      return { url: request.url, status, headers: response.headers, text, retryAfterMs: waitMs };
    } catch (error) {
      if (error instanceof RemoteError) throw error;
      throw transportFailure(deps.store, request, error);
    } finally {
      limit.end();
      context.record({
        method: request.method,
        path: new URL(request.url).pathname,
        status,
        durationMs: Math.round(deps.now() - started),
      });
    }
  };
}

/** Aborts with `outer`, or when the exchange takes too long. `AbortSignal.any` would take four times as long. */
function withinTime(outer: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const inner = new AbortController();
  const stop = () => inner.abort(outer.reason);
  const tooLong = () => inner.abort(new DOMException('the exchange took too long', 'TimeoutError'));
  const timer = setTimeout(tooLong, CALL_TIMEOUT_MS).unref();
  outer.addEventListener('abort', stop);
  if (outer.aborted) stop();
  return {
    signal: inner.signal,
    end() {
      clearTimeout(timer);
      outer.removeEventListener('abort', stop);
    },
  };
}

/**
 * Builds the headers. The runtime's error about a value that no header can hold quotes the value, so this file throws
 * its own.
 */
function sendable(store: string, request: VendorRequest): Headers {
  try {
    return new Headers(request.headers);
  } catch {
    throw new RemoteError(
      `${store} cannot be asked to ${request.action}: the token holds characters that no token has, such as a line break; enter it again`,
      { store, action: request.action, disposition: 'unauthorized', code: 'unsendable_token' },
    );
  }
}

async function readText(response: FetchedAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      throw Object.assign(new Error('the answer is too large'), { code: 'answer too large' });
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const CREDENTIAL_HEADERS = ['authorization', 'private-token'];
/** Shorter values are no secrets, and removing them would cut words apart. */
const CREDENTIAL_LENGTH_MIN = 8;

/**
 * Removes the credential from a text: refusals go into errors, events and logs, and proxies echo what they were sent.
 */
function withoutCredential(text: string, headers: Headers): string {
  const sent = CREDENTIAL_HEADERS.flatMap((name) => headers.get(name)?.split(' ').at(-1) ?? []);
  const secrets = sent.filter((secret) => secret.length >= CREDENTIAL_LENGTH_MIN);
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '…'), text);
}

const RETRY_AFTER_DEFAULT_MS = 5_000;
/** A vendor that limits and says "at once" would do so again and again, and nobody else's request would pass. */
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 15 * 60_000;

/** `Retry-After` in milliseconds (RFC 9110 §10.2.3: seconds or a date); a default where it is absent, never 0. */
export function retryAfterMs(headers: Headers, wallClockMs: number): number {
  const value = headers.get('retry-after');
  if (value === null) return RETRY_AFTER_DEFAULT_MS;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - wallClockMs;
  if (Number.isNaN(ms)) return RETRY_AFTER_DEFAULT_MS;
  return Math.min(Math.max(ms, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
}

/** How many requests the vendor lets pass until when, where the answer says so, as GitLab's does. */
export function quotaOf(headers: Headers, wallClockMs: number): Quota | null {
  const remaining = numberIn(headers, 'ratelimit-remaining');
  const reset = numberIn(headers, 'ratelimit-reset');
  if (remaining === null || reset === null) return null;
  // Seconds from now, as in the draft standard, or a moment in time, as GitLab has it.
  const resetMs = reset > EPOCH_SECONDS_MIN ? reset * 1000 - wallClockMs : reset * 1000;
  return { remaining, resetMs: Math.min(Math.max(resetMs, 0), QUOTA_MAX_MS) };
}

/** No vendor's window is as long as this. */
const EPOCH_SECONDS_MIN = 1_000_000_000;
const QUOTA_MAX_MS = 60 * 60_000;

function numberIn(headers: Headers, name: string): number | null {
  const text = headers.get(name);
  return text !== null && /^\d+$/.test(text.trim()) ? Number(text) : null;
}

function rateLimited(store: string, request: VendorRequest, waitMs: number, code: string): RemoteError {
  return new RemoteError(`${store} limits the rate: ${request.action} waits ${Math.ceil(waitMs / 1000)} s`, {
    store,
    action: request.action,
    disposition: 'rateLimited',
    status: 429,
    code,
    retryAfterMs: waitMs,
  });
}

/** Failures before the connection was made: the request cannot have reached the vendor. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'blocked_port',
]);

function transportFailure(store: string, request: VendorRequest, error: unknown): RemoteError {
  const refused = causesOf(error).find((cause) => cause instanceof AddressRefused);
  if (refused) return addressRefused(store, request, refused);
  const code = transportCode(error);
  const sent = !NOT_SENT.has(code);
  return new RemoteError(`${store} gave no answer to ${request.action} (${code})`, {
    store,
    action: request.action,
    disposition: request.writes && sent ? 'unknownOutcome' : 'transient',
    code,
    cause: error,
  });
}

/** Nothing was sent, and nothing will be until an admin or the operator fixes the address. */
function addressRefused(store: string, { action }: VendorRequest, { message, code }: AddressRefused) {
  return new RemoteError(`${store} cannot be asked to ${action}: ${message}`, {
    ...{ store, action, code },
    disposition: 'unauthorized',
  });
}

function transportCode(error: unknown): string {
  for (const cause of causesOf(error)) {
    const { code, name } = cause as { readonly code?: unknown; readonly name?: string };
    if (typeof code === 'string') return code;
    if (name === 'TimeoutError') return 'timeout';
    if (name === 'AbortError') return 'aborted';
  }
  return 'connection lost';
}

const CAUSES_MAX = 5;

/** The error and everything that caused it. */
function causesOf(error: unknown): readonly object[] {
  const causes: object[] = [];
  for (let at = error; at && causes.length < CAUSES_MAX; at = (at as { cause?: unknown }).cause) {
    causes.push(at);
  }
  return causes;
}
