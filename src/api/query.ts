/**
 * Reads query parameters: turns texts into the types that the schemas expect, and refuses parameters that the route
 * does not declare.
 */

import { z } from 'zod';
import { type Mistake, RequestError } from '../model/errors.ts';
import type { Fields } from './endpoint.ts';
import { check, refusal, typeOf } from './mistakes.ts';

/** Throws a 400 with one entry for each mistake. An empty parameter counts as absent. */
export function readQuery(fields: Fields, params: URLSearchParams): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  const malformed: Mistake[] = [];
  for (const name of new Set(params.keys())) {
    const [text = '', ...more] = params.getAll(name);
    if (more.length > 0) malformed.push({ pointer: `/${name}`, detail: `${name} must be given once` });
    else if (text.includes('\u0000')) malformed.push({ pointer: `/${name}`, detail: `${name} holds a NUL` });
    else if (text !== '') given[name] = typed(fields[name], text);
  }
  const { data, mistakes } = check(z.strictObject(fields), given);
  if (data && malformed.length === 0) return data;
  throw refusedQuery([...malformed, ...mistakes]);
}

function refusedQuery(mistakes: readonly Mistake[]): RequestError {
  const [only, ...more] = mistakes;
  if (!only || more.length > 0) return refusal(mistakes);
  return new RequestError(400, `The query is not understood: ${only.detail}.`, mistakes);
}

/** A 400 about one query parameter; `detail` continues after its name. */
export function queryMistake(name: string, detail: string): RequestError {
  return refusedQuery([{ pointer: `/${name}`, detail: `${name} ${detail}` }]);
}

/** Text that is not of the wanted type stays text: the schema then says what it wants instead. */
function typed(schema: z.ZodType | undefined, text: string): unknown {
  switch (schema && typeOf(schema)) {
    case 'boolean':
      return text === 'true' || (text === 'false' ? false : text);
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}
