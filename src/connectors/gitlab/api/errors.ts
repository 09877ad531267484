/**
 * GitLab's refusals: which words are GitLab's own, and what they mean. GitLab has no error codes and several forms of
 * error body, so that this file alone reads its words.
 */

import { type Disposition, RemoteError } from '../../../model/errors.ts';

export const STORE = 'GitLabSelfManaged';

/** What the exchange was for. */
export interface Attempt {
  /** In words: "block user 42". */
  readonly action: string;
  readonly writes: boolean;
}

/** GitLab refused. */
export interface Refusal {
  readonly status: number;
  /** GitLab's words, cut. */
  readonly words: string;
  /** The account, group or membership of the call does not exist, or the token may not see it. */
  readonly gone: boolean;
  /** The fields that GitLab found invalid, by GitLab's names. */
  readonly fields: readonly string[];
}

/** GitLab's words for refusing one call, besides those that any call may meet. */
export interface OwnWords {
  readonly words?: RegExp;
  /** The words of a 404 that say that the thing does not exist. */
  readonly gone?: RegExp;
  /** One of GitLab's services answers this call: 400 `{"status": "error", "message": …, "reason": …}`. */
  readonly isService?: boolean;
}

/** RFC 6750 §3.1. */
const TOKEN_ERRORS = ['invalid_request', 'invalid_token', 'insufficient_scope'];
/** Grape's words for bad parameters and for lists that it does not page in this way. */
const PARAMETERS =
  /\b(is|are) (missing|invalid|empty|mutually exclusive)|does not have a valid value|must be provided|all or none|pagination/i;

/**
 * Undefined for a body that is not GitLab's answer to this call. GitLab answers `{"message": …}` with words that
 * begin with the status, with the call's own words or with the invalid fields, or `{"error": …}` about a token or a
 * parameter. A 404 counts only in the words of the call: any other comes from a wrong address or a proxy.
 */
export function readRefusal(
  status: number,
  body: Readonly<Record<string, unknown>>,
  own: OwnWords,
): Refusal | undefined {
  const { message, error } = body;
  const words = [spoken(body), reasonOf(body)].filter((part) => part !== '').join(': ');
  const refusal = { status, words: words.slice(0, WORDS_LENGTH_MAX), gone: false, fields: [] };
  if (typeof message === 'string') {
    const gone = status === 404 && (own.gone?.test(message) ?? false);
    const isOwn = own.words?.test(message) ?? false;
    const isGeneral = status !== 404 && message.startsWith(`${status} `);
    const isOfService = status === 400 && body.status === 'error' && own.isService === true;
    return gone || isOwn || isGeneral || isOfService ? { ...refusal, gone } : undefined;
  }
  if (isHash(message))
    return isValidation(status, message) ? { ...refusal, fields: Object.keys(message) } : undefined;
  if (typeof error !== 'string') return undefined;
  const isToken = (status === 401 || status === 403) && TOKEN_ERRORS.includes(error);
  const isParameter = (status === 400 || status === 405) && PARAMETERS.test(error);
  return isToken || isParameter ? refusal : undefined;
}

const WORDS_LENGTH_MAX = 300;

function isHash(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{"username": ["is taken"]}`. */
function isValidation(status: number, message: Readonly<Record<string, unknown>>): boolean {
  const texts = Object.values(message);
  const isTold = texts.length > 0 && texts.every((text) => typeof text === 'string' || Array.isArray(text));
  return [400, 409, 422].includes(status) && isTold;
}

/** `{"message":{"username":["is taken"]}}` → "username is taken"; `{"error":…,"error_description":…}` → both. */
export function spoken(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(spoken).join(', ');
  if (!isHash(value)) return '';
  const parts = Object.entries(value)
    .filter(([key]) => !UNSPOKEN.has(key))
    .map(([key, inner]) => (ENVELOPE.has(key) ? spoken(inner) : `${key} ${spoken(inner)}`.trim()));
  return parts.filter((part) => part !== '').join(': ');
}

const ENVELOPE = new Set(['message', 'error', 'error_description', 'base']);
const UNSPOKEN = new Set(['status', 'reason', 'scope']);

function reasonOf({ reason }: Readonly<Record<string, unknown>>): string {
  return typeof reason === 'string' ? reason : '';
}

/** What to do about a refusal, unless the operation knows better. */
function dispositionOf({ status, words, gone }: Refusal, writes: boolean): Disposition {
  if (status === 401 || (status === 403 && SCOPE.test(words))) return 'unauthorized';
  if (status >= 500) return writes ? 'unknownOutcome' : 'transient';
  if (SEATS.test(words)) return 'noSeats';
  if (gone) return 'missing';
  // Another request is writing at this moment.
  if (LOCKED.test(words)) return 'transient';
  return status === 403 ? 'forbidden' : 'rejected';
}

const SCOPE = /insufficient_scope/;
/**
 * Licences and limits: "There are not enough available seats …", "NO_SEATS_AVAILABLE", "seat_limit_exceeded_error".
 */
const SEATS = /(^|[\s_])seats?([\s_.]|$)|licen[cs]ed (user|number)|user (cap|limit)\b/i;
const LOCKED = /resource lock/i;

/**
 * GitLab broke off a creation. Older versions answer so when no seats are left, because they have no message for it.
 */
export function mayLackSeats(error: unknown): unknown {
  if (!(error instanceof RemoteError) || error.status !== 500) return error;
  const { store, action, disposition, status, code, retryAfterMs, cause } = error;
  const fields = { store, action, disposition, status, code, retryAfterMs, cause };
  return new RemoteError(error.message, { ...fields, mayLackSeats: true });
}

/**
 * Makes the error of a refusal; pass `disposition` and `message` where the operation knows better. `taken` goes into
 * the error.
 */
export function refused(
  attempt: Attempt,
  refusal: Refusal,
  disposition?: Disposition,
  message?: string,
  taken?: string,
): RemoteError {
  const { status, words } = refusal;
  return new RemoteError(message ?? `GitLab refused to ${attempt.action}: ${words}${advice(status, words)}`, {
    store: STORE,
    action: attempt.action,
    disposition: disposition ?? dispositionOf(refusal, attempt.writes),
    status,
    code: words,
    taken,
  });
}

function advice(status: number, words: string): string {
  if (status === 401) return '; enter a valid ACCESS_TOKEN';
  if (SCOPE.test(words)) return '; the ACCESS_TOKEN needs the scope api';
  return '';
}

/** Makes the error of a failure that the connector itself recognises in GitLab's answer. */
export function failed(
  action: string,
  disposition: 'rejected' | 'conflict' | 'forbidden' | 'waits',
  why: string,
  refusal?: Refusal,
): RemoteError {
  return new RemoteError(`GitLab did not ${action}: ${why}`, {
    store: STORE,
    action,
    disposition,
    status: refusal?.status,
    code: refusal?.words ?? why,
  });
}

/** GitLab compares with every account's addresses, secondary ones too. */
export function isEmailTaken({ words }: Refusal): boolean {
  return /email has already been taken/i.test(words);
}

/** Another account has this identity of the sign-in provider. */
export function isIdentityTaken({ words, fields }: Refusal): boolean {
  return fields.some((field) => field.includes('extern_uid')) && /has already been taken/i.test(words);
}

/** An account or a group has the name (they share one namespace), or GitLab reserves it. */
export function isUsernameTaken({ words }: Refusal): boolean {
  return /(username|path|namespace)\b.*(has already been taken|reserved|unavailable)/i.test(words);
}

export function isGroupPathTaken({ words }: Refusal): boolean {
  return /has already been taken/i.test(words);
}

export function isMemberAlready({ status, words }: Refusal): boolean {
  return status === 409 && /already exists/i.test(words);
}

/** A 404 about a membership: the group exists. */
export function isNoRecord({ status, words, gone }: Refusal): boolean {
  return status === 404 && !gone && /^404 (member )?not found$/i.test(words);
}

/** GitLab's own directory already keeps the account out. */
export function isBlockedByDirectory({ status, words }: Refusal): boolean {
  return status === 403 && /ldap blocked users cannot/i.test(words);
}

export function isNoUser({ status, words }: Refusal): boolean {
  return status === 404 && /^404 user not found$/i.test(words);
}

/** The person already has a higher role through a group above. */
export function isInherited({ words }: Refusal): boolean {
  return /greater than or equal to .* inherited membership/i.test(words);
}

/** Instances before 16.5 cannot page people by keyset. */
export function isKeysetUnknown({ status, words }: Refusal): boolean {
  return (status === 405 || status === 400) && /keyset|pagination|not allowed/i.test(words);
}

/** GitLab refused this one request and would refuse it again. */
export function isLasting(attempt: Attempt, refusal: Refusal): boolean {
  return ['rejected', 'forbidden', 'noSeats'].includes(dispositionOf(refusal, attempt.writes));
}
