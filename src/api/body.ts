/** Checks request bodies with zod, and says every mistake in words: a pointer, and what is allowed. */

import type { Request } from 'express';
import { z } from 'zod';
import { type Mistake, RequestError } from '../model/errors.ts';

const NAME_MAX = 255;

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
function storable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function isLine(text: string): boolean {
  return storable(text) && !/\p{Cc}/u.test(text);
}

/** An absolute URL of the web, kept as it is given. */
export function webUrl(max: number) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an absolute http(s) URL' })
    .max(max, `must have at most ${max} characters`)
    .refine(isLine, 'must not hold control characters');
}

/** A name that people read: trimmed, not empty, one line. */
export const nameText = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(NAME_MAX, `must have at most ${NAME_MAX} characters`)
  .refine(isLine, 'must not hold control characters');

/** An id that names something else: what no database can hold names nothing. */
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
 * What a GET shows and a PUT may send back: it is known, so it is no mistake, and it changes nothing.
 * Spread into the strict object of a replacement.
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

/** An object of the caller's own, kept as it is. */
export const metadataObject = z
  .record(z.string(), z.unknown())
  .refine((value) => storableTree(value, DEPTH_MAX), `must have at most ${DEPTH_MAX} levels and no NUL`)
  .refine(
    (value) => !storableTree(value, DEPTH_MAX) || JSON.stringify(value).length <= METADATA_MAX,
    `must be at most ${METADATA_MAX} characters of JSON`,
  );

/** The body as the schema types it; throws a 400 with one entry per mistake. An absent body is `{}`. */
export function parseBody<S extends z.ZodObject>(schema: S, req: Request): z.output<S> {
  const { data, errors } = checkBody(schema, req);
  if (data) return data;
  throw new RequestError(400, summary(errors), errors);
}

/** As `parseBody`, for who has more to say about the body: null with the mistakes. Throws where it is no object. */
export function checkBody<S extends z.ZodObject>(
  schema: S,
  req: Request,
): { readonly data: z.output<S> | null; readonly errors: readonly Mistake[] } {
  const body: unknown = req.body ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RequestError(400, 'The body must be a JSON object.', [
      { pointer: '', detail: 'must be an object' },
    ]);
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return { data: parsed.data, errors: [] };
  return { data: null, errors: parsed.error.issues.flatMap((issue) => mistakesOf(issue, schema, body)) };
}

/** One sentence for the mistakes of a body. */
export function summary(errors: readonly Mistake[]): string {
  const n = errors.length;
  return `The request has ${n === 1 ? 'a mistake' : `${n} mistakes`}; see errors.`;
}

type Issue = z.core.$ZodIssue;

function mistakesOf(issue: Issue, schema: z.ZodObject, body: object): Mistake[] {
  const pointer = pointerTo(issue.path);
  const name = String(issue.path.at(-1) ?? 'the body');
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = issue.path.length === 0 ? `; allowed are ${Object.keys(schema.shape).join(', ')}` : '';
      return issue.keys.map((key) => ({
        pointer: pointerTo([...issue.path, key]),
        detail: `unknown key ${key}${allowed}`,
      }));
    }
    case 'invalid_value':
      return isAbsent(body, issue.path)
        ? [{ pointer, detail: `${name} is required: one of ${issue.values.map(String).join(', ')}` }]
        : [{ pointer, detail: `${name} must be one of ${issue.values.map(String).join(', ')}` }];
    case 'invalid_type':
      return isAbsent(body, issue.path)
        ? [{ pointer, detail: `${name} is required` }]
        : [{ pointer, detail: `${name} must be ${TYPE_WORDS[issue.expected] ?? issue.expected}` }];
    default:
      return [{ pointer, detail: `${name} ${lowerFirst(issue.message)}` }];
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function isAbsent(body: object, path: readonly PropertyKey[]): boolean {
  let at: unknown = body;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return true;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at === undefined;
}

/** RFC 6901. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
