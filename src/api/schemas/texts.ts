/** Texts in request bodies: only those that a database, a log line and a screen can hold. */

import { z } from 'zod';

const NAME_MAX = 255;

/** PostgreSQL stores neither NUL nor half of a surrogate pair. */
export function storable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function isLine(text: string): boolean {
  return storable(text) && !/\p{Cc}/u.test(text);
}

/** An absolute http or https URL, kept as it was sent. */
export function webUrl(max: number) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an absolute http(s) URL' })
    .max(max, `must have at most ${max} characters`)
    .refine(isLine, 'must not hold control characters');
}

/** A name for people to read: trimmed, not empty, one line. */
export const nameText = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(NAME_MAX, `must have at most ${NAME_MAX} characters`)
  .refine(isLine, 'must not hold control characters');

const HANDLE = /^[a-z][a-z0-9_-]{0,62}$/;

/** A short name that may occur in expressions. */
export const handleText = z
  .string()
  .regex(HANDLE, 'must be lower-case letters, digits, - and _, at most 63, and begin with a letter');

/** A key that the product documents and this release does not support; `meanwhile` says what applies until then. */
export function comesLater(meanwhile: string) {
  return z.never({ error: `comes with a later release: ${meanwhile}` }).optional();
}

/** The id of something else. Text that no database can hold names nothing. */
export const idText = z
  .string()
  .min(1, 'must not be empty')
  .max(64, 'must have at most 64 characters')
  .refine(storable, 'must not hold NUL characters');

/** Free text of several lines. */
export function longText(max: number) {
  return z
    .string()
    .max(max, `must have at most ${max} characters`)
    .refine(storable, 'must not hold NUL characters');
}

/**
 * Keys that a GET shows and a PUT may send back. The bridge accepts and ignores them. Spread this into the strict
 * object of a PUT.
 */
export const READ_ONLY = {
  id: z.unknown().optional(),
  environment: z.unknown().optional(),
  createdAt: z.unknown().optional(),
  updatedAt: z.unknown().optional(),
  _links: z.unknown().optional(),
} as const;

const DEPTH_MAX = 10;
const METADATA_MAX = 16_384;

function storableTree(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return storable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  return Object.entries(value).every(([key, item]) => storable(key) && storableTree(item, depth - 1));
}

/** An object with the caller's own keys, kept as it was sent. */
export const metadataObject = z
  .record(z.string(), z.unknown())
  .refine((value) => storableTree(value, DEPTH_MAX), `must have at most ${DEPTH_MAX} levels and no NUL`)
  .refine(
    (value) => !storableTree(value, DEPTH_MAX) || JSON.stringify(value).length <= METADATA_MAX,
    `must be at most ${METADATA_MAX} characters of JSON`,
  );
