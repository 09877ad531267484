/**
 * Fits values of operations to their attribute: canonical names, booleans that came as strings, a bare string in
 * place of a complex value. Undefined means "no value", as null does (RFC 7643 §2.5). Undefined under a key of a
 * complex value means that this part loses its value.
 */

import { type Attribute, nameInside, subAttribute } from '../../directory/query/attributes.ts';
import { isStorableText } from '../../directory/query/operand.ts';
import { PatchError } from './error.ts';
import { isObject } from './operation.ts';

export type Complex = Record<string, unknown>;

/** Elements of one multi-valued attribute. */
export const ELEMENTS_MAX = 1000;

/** Unknown attribute names that the values held. */
export type UnknownNames = Set<string>;

/** A single value, or a list of one, as Entra ID sends it. Throws PatchError invalidValue that names `at`. */
export function readValue(attribute: Attribute, value: unknown, at: string, unknown: UnknownNames): unknown {
  const one = onlyOf(value, at);
  if (one === null || one === undefined) return undefined;
  switch (attribute.type) {
    case 'complex':
      return readComplex(attribute, one, at, unknown);
    case 'boolean':
      return readBoolean(one, at);
    default:
      return readText(one, at);
  }
}

/** The element of a list of one; undefined for an empty list (RFC 7643 §2.5); any other value unchanged. */
function onlyOf(value: unknown, at: string): unknown {
  if (!Array.isArray(value)) return value;
  const [only] = value;
  if (value.length > 1 || Array.isArray(only)) throw mistyped(at, 'one value, not a list');
  return only;
}

/** Undefined for an empty value: '' or an empty list. */
export function readComplex(
  attribute: Attribute,
  value: unknown,
  at: string,
  unknown: UnknownNames,
): Complex | undefined {
  const one = onlyOf(value, at);
  if (one === undefined || one === null || one === '') return undefined;
  if (isObject(one)) return readParts(attribute, one, at, unknown);
  if (!subAttribute(attribute, 'value')) throw mistyped(at, 'a complex value');
  return { value: readText(one, at) };
}

function readParts(
  attribute: Attribute,
  value: Readonly<Record<string, unknown>>,
  at: string,
  unknown: UnknownNames,
): Complex {
  const parts: Complex = {};
  for (const [name, part] of Object.entries(value)) {
    const sub = subAttribute(attribute, name);
    if (!sub) unknown.add(nameInside(at, name));
    else if (sub.mutability !== 'readOnly') {
      const given = readValue(sub, part, nameInside(at, sub.name), unknown);
      parts[sub.name] = isEmptied(given) ? undefined : given;
    }
  }
  return parts;
}

/** A complex value whose `value` is '' counts as none: identity providers clear the manager in this way. */
export function isEmptied(given: unknown): boolean {
  return isObject(given) && given.value === '';
}

/** The elements of a list; a single value is a list of one. */
export function readElements(list: Attribute, value: unknown, unknown: UnknownNames): readonly Complex[] {
  const values = Array.isArray(value) ? value : [value];
  if (values.length > ELEMENTS_MAX) throw tooMany(list);
  return values.flatMap((one) => {
    if (Array.isArray(one)) throw mistyped(list.name, 'a list of values, not of lists');
    const element = readComplex(list, one, list.name, unknown);
    return element ? [withoutHoles(element)] : [];
  });
}

export function tooMany(list: Attribute): PatchError {
  return new PatchError('invalidValue', `${list.name} would have more than ${ELEMENTS_MAX} values.`);
}

export function withoutHoles(value: Complex): Complex {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}

function readBoolean(value: unknown, at: string): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.trim().toLowerCase() : null;
  if (text === '') return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw mistyped(at, 'true or false');
}

function readText(value: unknown, at: string): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw mistyped(at, 'text');
  if (isStorableText(value)) return value;
  throw new PatchError('invalidValue', `${at} holds a NUL character or half a surrogate pair.`);
}

function mistyped(at: string, wanted: string): PatchError {
  return new PatchError('invalidValue', `${at} must be ${wanted}.`);
}
