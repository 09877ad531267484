/** Checks input against a schema and puts every mistake in words: a pointer (RFC 6901) and a sentence. */

import type { z } from 'zod';
import { type Mistake, RequestError } from '../model/errors.ts';

export type Checked<Output> =
  | { readonly data: Output; readonly mistakes: readonly [] }
  | { readonly data: null; readonly mistakes: readonly Mistake[] };

/**
 * The schema's own message is used where it has one, otherwise a sentence of this file. Both continue after the name
 * of the field.
 */
export function check<S extends z.ZodType>(schema: S, input: unknown): Checked<z.output<S>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { data: null, mistakes: [{ pointer: '', detail: 'the body must be a JSON object' }] };
  }
  const parsed = schema.safeParse(input, { error: inWords });
  if (parsed.success) return { data: parsed.data, mistakes: [] };
  return { data: null, mistakes: parsed.error.issues.flatMap((issue) => mistakesOf(issue, schema)) };
}

/** A 400 with one entry for each mistake. */
export function refusal(mistakes: readonly Mistake[]): RequestError {
  const n = mistakes.length;
  const message = `The request has ${n === 1 ? 'a mistake' : `${n} mistakes`}; see errors.`;
  return new RequestError(400, message, mistakes);
}

const inWords: z.core.$ZodErrorMap = (issue) => {
  const absent = issue.input === undefined;
  switch (issue.code) {
    case 'invalid_value': {
      const allowed = `one of ${issue.values.map(String).join(', ')}`;
      return absent ? `is required: ${allowed}` : `must be ${allowed}`;
    }
    case 'invalid_type':
      return absent ? 'is required' : `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    default:
      return undefined;
  }
};

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function mistakesOf(issue: z.core.$ZodIssue, schema: z.ZodType): Mistake[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ pointer: pointerTo(issue.path), detail: `${nameOf(issue.path)} ${lowerFirst(issue.message)}` }];
  }
  const { shape = {} } = schema as { readonly shape?: Readonly<Record<string, z.ZodType>> };
  const known = Object.entries(shape).filter(([, value]) => !SAYS_NOTHING.has(typeOf(value)));
  const allowed = known.map(([key]) => key).join(', ') || 'none';
  const hint = issue.path.length === 0 ? `; allowed are ${allowed}` : '';
  return issue.keys.map((key) => ({
    pointer: pointerTo([...issue.path, key]),
    detail: `unknown key ${key}${hint}`,
  }));
}

function nameOf(path: readonly PropertyKey[]): string {
  const [list, last = 'the body'] = path.length > 1 ? path.slice(-2) : [undefined, path[0]];
  return typeof last === 'number' && list !== undefined ? `${String(list)}[${last}]` : String(last);
}

/** The types of keys that are refused for now, or are read-only: no hint offers them. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['never', 'unknown']);

/** The type of the value itself, without the wrappers that make it optional or give it a default. */
export function typeOf(schema: z.ZodType): string {
  const { type, innerType } = schema.def as { readonly type: string; readonly innerType?: z.ZodType };
  return innerType ? typeOf(innerType) : type;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
