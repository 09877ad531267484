/**
 * Logs JSON lines on stdout. No body, token, password or secret leaves through here: keys are redacted by name,
 * errors are reduced to what explains them, and every line is scrubbed of text that looks like a credential.
 */

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

const REDACTED = '[redacted]';

/** Keys whose values are credentials, at any of the depths that `redactPaths` lists. */
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'token',
  'accessToken',
  'adminToken',
  'password',
  'secret',
  'secrets',
  'encryptionKey',
  'encryptionKeys',
  'ACCESS_TOKEN',
  'OAUTH_ACCESS_TOKEN',
  'ADMIN_TOKEN',
  'ENCRYPTION_KEY',
  'DATABASE_URL',
];

const redactPaths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`, `*.headers.${key}`]);

/** Keys with people's data; the log only shows that there was a value. */
const BODY_KEYS = ['body', 'request', 'response', 'req', 'res', 'resource', 'payload', 'configuration'];

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
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redactPaths, censor: REDACTED },
    serializers: {
      ...Object.fromEntries(BODY_KEYS.map((key) => [key, describeBody])),
      err: (value: unknown) => describeError(value),
      error: (value: unknown) => describeError(value),
    },
    hooks: { streamWrite: scrub },
  };
  return destination ? pino(options, destination) : pino(options);
}

/**
 * Removes text that looks like a credential: bearer headers, tokens of vendors and of the bridge, passwords in URLs.
 */
export function scrub(text: string): string {
  const withoutPasswords = text.replace(URL_PASSWORD, `$1:${REDACTED}@`);
  return CREDENTIALS.reduce((line, pattern) => line.replace(pattern, REDACTED), withoutPasswords);
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
