/**
 * What GitLab's failures mean. Every reading of GitLab's words is in this file, because GitLab has no
 * error codes and several shapes of error body; the rest of the connector asks questions of an error.
 */

import { type Disposition, RemoteError } from '../../model/errors.ts';
import { retryAfterMs, type VendorResponse } from '../http.ts';

export const STORE = 'GitLabSelfManaged';

/** What an exchange was for. */
export interface Attempt {
  /** In words: "block user 42". */
  readonly action: string;
  readonly writes: boolean;
}

const WORDS_LENGTH_MAX = 300;

/** GitLab's own words from an error body of any shape; null where it is not JSON or says nothing. */
export function vendorWords(text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const words = spoken(body).trim();
  return words === '' ? null : words.slice(0, WORDS_LENGTH_MAX);
}

/** `{"message":{"username":["is taken"]}}` → "username is taken"; `{"error":…,"error_description":…}` → both. */
function spoken(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(spoken).join(', ');
  if (typeof value !== 'object' || value === null) return '';
  const parts = Object.entries(value).map(([key, inner]) =>
    ENVELOPE.has(key) ? spoken(inner) : `${key} ${spoken(inner)}`.trim(),
  );
  return parts.filter((part) => part !== '').join(': ');
}

const ENVELOPE = new Set(['message', 'error', 'error_description', 'base']);

/** The error of an answer that is not a success. `hide` is a secret that GitLab may have echoed. */
export function refusal(response: VendorResponse, attempt: Attempt, hide: string): RemoteError {
  const { status, headers, text } = response;
  if (status >= 300 && status < 400) return redirected(response, attempt.action);
  const words = (vendorWords(text) ?? `HTTP ${status}`).replaceAll(hide, '…');
  const disposition = dispositionOf(status, words, attempt.writes);
  return new RemoteError(`GitLab refused to ${attempt.action}: ${words}${advice(status, words)}`, {
    store: STORE,
    action: attempt.action,
    disposition,
    status,
    code: words,
    ...(headers.has('retry-after') ? { retryAfterMs: retryAfterMs(headers, Date.now()) } : {}),
  });
}

function dispositionOf(status: number, words: string, writes: boolean): Disposition {
  if (status === 401 || (status === 403 && SCOPE.test(words))) return 'unauthorized';
  if (status >= 500 || status === 408) return writes ? 'unknownOutcome' : 'transient';
  if (SEATS.test(words)) return 'noSeats';
  if (status === 403) return 'forbidden';
  return status === 404 ? 'missing' : 'rejected';
}

function advice(status: number, words: string): string {
  if (status === 401) return '; enter a valid ACCESS_TOKEN';
  if (SCOPE.test(words)) return '; the ACCESS_TOKEN needs the scope api';
  return '';
}

const SCOPE = /insufficient_scope/;
/** Licences: "There are not enough available seats …", "… exceeds the licensed number of users". */
const SEATS = /\bseats?\b|licen[cs]ed (user|number)|user (cap|limit)\b/i;

export const NOT_GITLAB = 'not_gitlab';

function redirected(response: VendorResponse, action: string): RemoteError {
  const location = response.headers.get('location');
  const where = location && URL.canParse(location) ? ` to ${new URL(location).origin}` : '';
  return new RemoteError(
    `GitLab did not ${action} but redirected${where}: BASE_URL must be the address that answers itself`,
    { store: STORE, action, disposition: 'transient', status: response.status, code: NOT_GITLAB },
  );
}

/** A success that is not what GitLab sends: a login page, a proxy's notice, a cut answer. */
export function unexpected(status: number, { action, writes }: Attempt, what: string): RemoteError {
  return new RemoteError(
    `the answer to "${action}" is ${what}, not GitLab's API: see whether BASE_URL is right and a proxy stands before it`,
    {
      store: STORE,
      action,
      disposition: writes ? 'unknownOutcome' : 'transient',
      status,
      code: NOT_GITLAB,
    },
  );
}

/** A failure that the connector itself sees in what GitLab answers. */
export function failed(
  action: string,
  disposition: 'rejected' | 'conflict',
  why: string,
  cause?: RemoteError,
): RemoteError {
  return new RemoteError(`GitLab did not ${action}: ${why}`, {
    store: STORE,
    action,
    disposition,
    status: cause?.status,
    code: cause?.code ?? why,
    cause,
  });
}

/** The same failure, understood better by the one who asked. */
export function reread(error: RemoteError, disposition: Disposition, message: string): RemoteError {
  const { store, action, status, code, retryAfterMs: waitMs } = error;
  return new RemoteError(message, {
    store,
    action,
    disposition,
    status,
    code,
    retryAfterMs: waitMs,
    cause: error,
  });
}

export function isRemoteError(error: unknown): error is RemoteError {
  return error instanceof RemoteError;
}

function refusedWith(error: unknown, words: RegExp, ...statuses: number[]): error is RemoteError {
  return isRemoteError(error) && statuses.includes(error.status ?? 0) && words.test(error.code ?? '');
}

export function isMissing(error: unknown): error is RemoteError {
  return isRemoteError(error) && error.disposition === 'missing';
}

/** Against any account's email, secondary ones too. */
export function isEmailTaken(error: unknown): error is RemoteError {
  return refusedWith(error, /email has already been taken/i, 409, 400);
}

/** By an account or a group, which share one namespace, or by GitLab itself. */
export function isUsernameTaken(error: unknown): error is RemoteError {
  const taken = /(username|path|namespace)\b.*(has already been taken|reserved|unavailable)/i;
  return refusedWith(error, taken, 409, 400);
}

export function isGroupPathTaken(error: unknown): error is RemoteError {
  return refusedWith(error, /has already been taken/i, 409, 400);
}

export function isMemberAlready(error: unknown): error is RemoteError {
  return refusedWith(error, /already exists/i, 409);
}

export function isUserMissing(error: unknown): error is RemoteError {
  return refusedWith(error, /user/i, 404);
}

/** Instances before 16.5 cannot page people by keyset. */
export function isKeysetUnknown(error: unknown): error is RemoteError {
  return (
    refusedWith(error, /keyset|HTTP 405|not allowed/i, 405) || refusedWith(error, /keyset|pagination/i, 400)
  );
}

/** The vendor refused this one thing, and would refuse it again. */
export function isRefusal(error: unknown): error is RemoteError {
  return isRemoteError(error) && ['rejected', 'forbidden', 'noSeats'].includes(error.disposition);
}
