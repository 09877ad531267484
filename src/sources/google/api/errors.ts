/** What Google's refusals mean to the bridge, by their reason: one status has many meanings. */

import { type Body, heardOf, object } from '../../../connectors/answers.ts';
import { type Disposition, RemoteError } from '../../../model/errors.ts';

export const VENDOR = 'Google';

export interface Refusal {
  readonly status: number;
  /** `forbidden`, or `unauthorized_client` from the token endpoint. */
  readonly reason: string;
  /** Google's words, cut. */
  readonly words: string;
}

const WORDS_LENGTH_MAX = 160;

/** `{error: {code, message, errors: [{reason}]}}`. A 404 only says that the thing asked for does not exist. */
export function readRefusal(status: number, body: Body): Refusal | undefined {
  return object(({ error }) => {
    if (typeof error !== 'object' || error === null) return undefined;
    const { code, message, errors } = error as Readonly<Record<string, unknown>>;
    if (code !== status || typeof message !== 'string') return undefined;
    const [first] = Array.isArray(errors) ? errors : [];
    const reason = (first as { readonly reason?: unknown } | undefined)?.reason;
    if (typeof reason !== 'string') return undefined;
    if (status === 404 && !/^(notFound|domainNotFound)$/.test(reason)) return undefined;
    return { status, reason: reason.slice(0, 60), words: cut(message) };
  })(body);
}

/** RFC 6749 §5.2. */
export function readTokenRefusal(status: number, body: Body): Refusal | undefined {
  return object<Refusal>(({ error, error_description: words }) => {
    if (typeof error !== 'string' || !/^[a-z_]+$/.test(error)) return undefined;
    return { status, reason: error, words: cut(typeof words === 'string' ? words : '') };
  })(body);
}

/** Some answers quote the request, and an assertion is a secret while it is valid. */
function cut(words: string): string {
  return heardOf(words.replace(/[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '…')).slice(0, WORDS_LENGTH_MAX);
}

const LIMITED =
  /^(userRateLimitExceeded|rateLimitExceeded|quotaExceeded|dailyLimitExceeded|concurrentLimitExceeded)$/;

export function isLimit({ reason }: Refusal): boolean {
  return LIMITED.test(reason);
}

export function refused(refusal: Refusal, action: string, retryAfterMs?: number): RemoteError {
  const { status, reason, words } = refusal;
  return new RemoteError(`Google refused to ${action}: ${reason}: ${words}`, {
    ...{ store: VENDOR, action, status, code: reason, retryAfterMs },
    disposition: dispositionOf(refusal),
  });
}

function dispositionOf(refusal: Refusal): Disposition {
  const { status, reason } = refusal;
  if (isLimit(refusal)) return 'rateLimited';
  if (reason === 'notFound') return 'missing';
  if (status >= 500 || reason === 'backendError') return 'transient';
  return status === 401 || status === 403 || /^[a-z]+_[a-z_]+$/.test(reason) ? 'unauthorized' : 'rejected';
}

export interface Advised {
  readonly scope: string;
  readonly subject: string;
  /** The number of the service account, or its address where the key has no number. */
  readonly client: string;
}

/** What an admin has to do about a refused token. */
export function tokenAdvice({ reason, words }: Refusal, { scope, subject, client }: Advised): string {
  if (reason === 'unauthorized_client' || reason === 'access_denied') {
    return `the client id ${client} lacks the scope ${scope} in domain-wide delegation: a super administrator adds it in the Admin console under Security, API controls, Domain-wide delegation (it may take up to a day to count)`;
  }
  if (/signature/i.test(words)) {
    return `Google does not know the key of SERVICE_ACCOUNT_KEY (${words}): it was deleted, so make a new one`;
  }
  if (/short-lived|timeframe|\biat\b|\bexp\b/i.test(words)) {
    return `Google refused the time in the bridge's signature (${words}): set the clock of the machine that the bridge runs on`;
  }
  if (/account not found/i.test(words))
    return `the service account ${client} does not exist any more: make a new one`;
  if (/email|user/i.test(words)) {
    return `SUBJECT ${subject} is nobody in this Google Workspace, is suspended, or is only an alias (${words}): enter the primary address of an active administrator`;
  }
  return `Google refused a token (${reason}: ${words}): see the service account and its delegation`;
}

/** What an admin has to do about a refused call. */
export function rightAdvice(error: RemoteError, what: string, subject: string): string {
  if (/accessNotConfigured|SERVICE_DISABLED/.test(error.code ?? '')) {
    return 'the Admin SDK API is not enabled: enable it in the Google Cloud project of the service account';
  }
  if (/domainCannotUseApis|domainNotFound/.test(error.code ?? '')) {
    return `this Google account has no Directory API for CUSTOMER (${error.code}): see CUSTOMER and the edition`;
  }
  return `${subject} may not read ${what} (${error.code ?? ''}): give that administrator a role with the Admin API privileges Users › Read and Groups › Read, for the whole organisation`;
}
