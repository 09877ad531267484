/** Checks request bodies with zod, and says every mistake in words: a pointer, and what is allowed. */

import type { Request } from 'express';
import type { z } from 'zod';
import { type Mistake, RequestError } from '../model/errors.ts';

export { idText, longText, nameText, READ_ONLY } from './schemas/texts.ts';

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
