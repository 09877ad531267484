/** Tells "the database is not there" from "the statement is wrong": only the first is worth another try. */

/**
 * PostgreSQL: connection exceptions (class 08), shutting down or starting (57P), too many connections, a
 * statement, a lock or a transaction that took too long, and a deadlock that this transaction lost.
 */
const POSTGRES_OUTAGE = /^(08...|57P0[1-5]|53300|53400|57014|55P03|25P0[34]|40P01)$/;

const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_CANTOPEN',
  'SQLITE_IOERR',
  'SQLITE_FULL',
  'SQLITE_READONLY',
  'SQLITE_READONLY_DBMOVED',
]);

/** Errors that have neither a code nor a class of their own in pg and tarn. */
const MESSAGES =
  /Connection terminated|is not queryable|Unable to acquire a connection|timeout exceeded when trying to connect|timeout expired/;

/** Goes by the shape of the error, not its class: under jest, a driver's errors come from another realm. */
export function isDatabaseOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, name, message, errors } = error as Record<string, unknown>;
  if (typeof code === 'string' && (CODES.has(code) || POSTGRES_OUTAGE.test(code))) return true;
  if (name === 'KnexTimeoutError' || (typeof message === 'string' && MESSAGES.test(message))) return true;
  return Array.isArray(errors) && errors.some(isDatabaseOutage);
}
