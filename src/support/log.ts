/**
 * Logs JSON lines on stdout. No body, token, password or secret leaves through here: fields of a line or a child are
 * redacted by name, errors are reduced to what explains them, and every line is scrubbed of text that looks like a
 * credential.
 */

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

const REDACTED = '[redacted]';

/** Keys whose values are credentials, in lower case. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'token', 'password', 'secret', 'secrets'],
  ...['accesstoken', 'access_token', 'oauth_access_token', 'admintoken', 'admin_token'],
  ...['encryptionkey', 'encryptionkeys', 'encryption_key', 'database_url'],
]);

/** Keys with people's data; the log only shows that there was a value. */
const BODY_KEYS = ['body', 'request', 'response', 'req', 'res', 'resource', 'payload', 'configuration'];

/** Keys with a serializer of their own. */
const SERIALIZED: ReadonlySet<string> = new Set([...BODY_KEYS, 'err', 'error']);

const CREDENTIALS = [
  /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi,
  /\bxox[a-z]-[A-Za-z0-9-]{6,}/g,
  /\bgl[a-z]{2,6}-[A-Za-z0-9_-]{10,}/g,
  /\bsb[acsw]_[A-Za-z0-9_-]{10,}/g,
];
/** URL schemes are short. Without this bound, a long path would cost the square of its length. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@"]*):[^\s/@"]+@/gi;

/** `destination` is for tests. The default is stdout, written synchronously, so that a crash loses no line. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Fields) => withoutSecrets(fields),
    },
    serializers: {
      ...Object.fromEntries(BODY_KEYS.map((key) => [key, describeBody])),
      err: (value: unknown) => describeError(value),
      error: (value: unknown) => describeError(value),
    },
    hooks: { streamWrite: scrub },
  };
  const log: Log = destination ? pino(options, destination) : pino(options);
  const { child } = log;
  // What a child carries passes no formatter. Children inherit this function.
  log.child = function (this: Log, carried: Fields, given?: object) {
    return child.call(this, withoutSecrets(carried), given);
  } as typeof child;
  return log;
}

/**
 * Removes text that looks like a credential: bearer headers, tokens of vendors and of the bridge, passwords in URLs.
 */
export function scrub(text: string): string {
  const withoutPasswords = text.replace(URL_PASSWORD, `$1:${REDACTED}@`);
  return CREDENTIALS.reduce((line, pattern) => line.replace(pattern, REDACTED), withoutPasswords);
}

type Fields = Record<string, unknown>;

/** Looks at so many fields of a line. A line about more is about something that should not be logged. */
const FIELDS_MAX = 1_000;
const DEPTH_MAX = 8;

/** The fields of a line or of a child. Those with a serializer are left to it. */
function withoutSecrets(fields: Fields): Fields {
  const budget = { left: FIELDS_MAX };
  return mapped(fields, (value, key) => (SERIALIZED.has(key) ? value : shown(value, key, 1, budget)));
}

function shown(value: unknown, key: string, depth: number, budget: { left: number }): unknown {
  if (SECRET_KEYS.has(key.toLowerCase())) return REDACTED;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  budget.left -= 1;
  if (depth === DEPTH_MAX || budget.left < 0 || ArrayBuffer.isView(value)) return describeBody(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return shown(toJSON.call(value), key, depth + 1, budget);
  if (Array.isArray(value)) return value.map((each) => shown(each, '', depth + 1, budget));
  return mapped(value as Fields, (each, name) => shown(each, name, depth + 1, budget));
}

/** The same object where all its values stay. */
function mapped(fields: Fields, map: (value: unknown, key: string) => unknown): Fields {
  let result = fields;
  for (const [key, value] of Object.entries(fields)) {
    const made = map(value, key);
    if (made === value) continue;
    if (result === fields) result = { ...fields };
    result[key] = made;
  }
  return result;
}

function describeBody(value: unknown): string {
  return value === null || value === undefined ? 'none' : '[not logged]';
}

const CAUSE_DEPTH_MAX = 5;

/**
 * An error's other fields may hold requests and answers, so only these are logged. If a vendor failed
 * (`disposition`), the stack says nothing useful, and a store that is down would repeat it often.
 */
function describeError(value: unknown, depth = 0, isForeseen = false): unknown {
  if (!(value instanceof Error)) return { message: typeof value === 'string' ? value : describeBody(value) };
  const fields = value as Error & Record<string, unknown>;
  const known = ['code', 'status', 'disposition', 'store', 'action', 'retryAfterMs'].filter(
    (key) => typeof fields[key] === 'string' || typeof fields[key] === 'number',
  );
  const brief = isForeseen || 'disposition' in fields;
  return {
    name: value.name,
    message: value.message,
    ...Object.fromEntries(known.map((key) => [key, fields[key]])),
    ...(brief ? {} : { stack: value.stack }),
    ...(value.cause !== undefined && depth < CAUSE_DEPTH_MAX
      ? { cause: describeError(value.cause, depth + 1, brief) }
      : {}),
  };
}
