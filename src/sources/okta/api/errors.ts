/**
 * What Okta's refusals mean to the bridge. Only codes and Okta's own words leave this file, never anything signed.
 */

import { type Body, heardOf, object } from '../../../connectors/answers.ts';
import { type Disposition, RemoteError } from '../../../model/errors.ts';

export const VENDOR = 'Okta';

export interface Refusal {
  readonly status: number;
  /** `E0000011`, or `invalid_client` from the token endpoint. */
  readonly code: string;
  /** Okta's words, cut. */
  readonly words: string;
  /** The id by which Okta's support finds the request. */
  readonly errorId: string | null;
}

const WORDS_LENGTH_MAX = 160;

/** `{errorCode, errorSummary, errorId, …}`. A 404 only says that the thing asked for does not exist. */
export function readRefusal(status: number, body: Body): Refusal | undefined {
  return object(({ errorCode: code, errorSummary: words, errorId }) => {
    if (typeof code !== 'string' || !/^E\d{7}$/.test(code) || typeof words !== 'string') return undefined;
    if (status === 404 && code !== NOT_FOUND) return undefined;
    return { status, code, words: cut(words), errorId: typeof errorId === 'string' ? cut(errorId) : null };
  })(body);
}

/** RFC 6749 §5.2; for some mistakes in the request, Okta answers in the form of its API. */
export function readTokenRefusal(status: number, body: Body): Refusal | undefined {
  const read = object<Refusal>(({ error, error_description: words }) => {
    if (typeof error !== 'string' || !/^[a-z_]+$/.test(error)) return undefined;
    return { status, code: error, words: cut(typeof words === 'string' ? words : ''), errorId: null };
  });
  return read(body) ?? readRefusal(status, body);
}

/** Some answers quote the request, and an assertion is a secret while it is valid. */
function cut(words: string): string {
  return heardOf(words.replace(/[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '…')).slice(0, WORDS_LENGTH_MAX);
}

const NOT_FOUND = 'E0000007';
const LIMITED = new Set(['E0000047']);
/** Okta itself failed: an internal error, or a query that took too long. */
const BROKEN = new Set(['E0000009', 'E0000010']);

export function refused(refusal: Refusal, action: string): RemoteError {
  const { status, code, words, errorId } = refusal;
  const id = errorId === null ? '' : ` (errorId ${errorId})`;
  return new RemoteError(`Okta refused to ${action}: ${code} ${words}${id}`, {
    ...{ store: VENDOR, action, status, code },
    disposition: dispositionOf(refusal),
  });
}

function dispositionOf({ status, code }: Refusal): Disposition {
  if (code === NOT_FOUND) return 'missing';
  if (LIMITED.has(code) || status === 429) return 'rateLimited';
  if (status >= 500 || BROKEN.has(code)) return 'transient';
  // The token endpoint also refuses a credential with 400.
  if (status === 401 || status === 403 || /^[a-z]/.test(code)) return 'unauthorized';
  return 'rejected';
}

/** What an admin has to do about a refusal of the token endpoint. */
export function tokenAdvice({ code, words }: Refusal, scope: string): string {
  if (code === 'invalid_scope') {
    return `the app lacks the scope ${scope}: in Okta, grant it on the app's tab "Okta API Scopes" (a Super Administrator has to)`;
  }
  if (/expired|expiration|issued|iat\b|exp\b|future/i.test(words)) {
    return `Okta refused the time in the bridge's signature (${words}): set the clock of the machine that the bridge runs on`;
  }
  if (/dpop/i.test(code + words)) {
    return `Okta did not take the bridge's proof of possession (${words}): untick "Require Demonstrating Proof of Possession" in the app's General settings, or set the clock`;
  }
  if (code === 'invalid_client') {
    return `CLIENT_ID, KEY_ID and PRIVATE_KEY do not belong together, or the app is deactivated (${words}): compare them with the app's client credentials in Okta`;
  }
  return `Okta refused the app (${code}: ${words}): see the app's sign-on settings in Okta`;
}
