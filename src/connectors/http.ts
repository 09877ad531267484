/**
 * One HTTP exchange with a vendor: paced, timed, reported, and its failures named. What a status means
 * is the connector's to say, except how long a vendor wants to be left in peace (429, 503) and the failures of
 * the transport, which mean the same everywhere.
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
  /** True where a lost answer leaves the outcome unknown. */
  readonly writes: boolean;
}

export interface VendorResponse {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** How long the vendor wants to be left in peace, where it says so. */
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
/** Room for a group of several 100,000 members. Whoever an admin's URL leads to must not fill the memory. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export type SendRequest = (request: VendorRequest, context: CallContext) => Promise<VendorResponse>;

export function createSender(deps: HttpDeps): SendRequest {
  /** Those in which a read went out since anybody asked whether a write may. */
  const reading = new WeakSet<CallContext>();
  return async (request, context) => {
    const headers = sendable(deps.store, request);
    const asked = deps.now();
    const busyMs = await deps.pacer.wait(request, context);
    if (busyMs > 0) throw rateLimited(deps.store, request, busyMs, 'paced by the bridge');
    if (deps.now() > asked || (request.writes && reading.delete(context))) await context.confirm?.();
    if (!request.writes) reading.add(context);
    const started = deps.now();
    let status = 0;
    try {
      const response = await deps.fetch(request.url, {
        method: request.method,
        headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: 'manual',
        signal: AbortSignal.any([context.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
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
      // Out of order for a known time (RFC 9110 §15.6.4): what else is so, the next request of another kind tells.
      // Whether this one took effect is the connector's to judge.
      if (status === 503 && waitMs !== undefined) deps.pacer.pause(request, waitMs);
      return { url: request.url, status, headers: response.headers, text, retryAfterMs: waitMs };
    } catch (error) {
      if (error instanceof RemoteError) throw error;
      throw transportFailure(deps.store, request, error);
    } finally {
      context.record({
        method: request.method,
        path: new URL(request.url).pathname,
        status,
        durationMs: Math.round(deps.now() - started),
      });
    }
  };
}

/** The runtime's complaint about a value that no header can hold quotes it, so it goes nowhere. */
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
/** Shorter ones are no secrets, and would tear words apart. */
const CREDENTIAL_LENGTH_MIN = 8;

/** A refusal goes into errors, events and logs, and proxies echo what they were sent. */
function withoutCredential(text: string, headers: Headers): string {
  const sent = CREDENTIAL_HEADERS.flatMap((name) => headers.get(name)?.split(' ').at(-1) ?? []);
  const secrets = sent.filter((secret) => secret.length >= CREDENTIAL_LENGTH_MIN);
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '…'), text);
}

const RETRY_AFTER_DEFAULT_MS = 5_000;
/** "At once", said of a limit, would be said again and again, and let nobody else pass. */
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

/** Of GitLab and others: what the vendor lets pass until when, where it says so. */
export function quotaOf(headers: Headers, wallClockMs: number): Quota | null {
  const remaining = numberIn(headers, 'ratelimit-remaining');
  const reset = numberIn(headers, 'ratelimit-reset');
  if (remaining === null || reset === null) return null;
  // Seconds from now, as the draft standard has it, or a moment in time, as GitLab has it.
  const resetMs = reset > EPOCH_SECONDS_MIN ? reset * 1000 - wallClockMs : reset * 1000;
  return { remaining, resetMs: Math.min(Math.max(resetMs, 0), QUOTA_MAX_MS) };
}

/** Nobody's window is as long as that. */
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

/** Failures before a connection stood cannot have reached the vendor, whatever the request was. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
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

/** Nothing was sent, and nothing will be until an admin or the operator mends it. */
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

/** The error itself, and what caused it. */
function causesOf(error: unknown): readonly object[] {
  const causes: object[] = [];
  for (let at = error; at && causes.length < CAUSES_MAX; at = (at as { cause?: unknown }).cause) {
    causes.push(at);
  }
  return causes;
}
