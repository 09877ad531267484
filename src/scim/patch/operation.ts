/** Reads one operation of a PATCH (RFC 7644 §3.5.2), with its name and keys in any case. */

import { shown } from '../../directory/query/tokens.ts';
import { PatchError } from './error.ts';

export type Op = 'add' | 'replace' | 'remove';

export interface Operation {
  readonly op: Op;
  /** Null: the whole resource. */
  readonly path: string | null;
  /** Undefined where the operation has none. */
  readonly value: unknown;
}

/** Throws PatchError. */
export function readOperation(raw: unknown): Operation {
  if (!isObject(raw))
    throw new PatchError('invalidSyntax', 'An operation is an object with op, path and value.');
  const op = field(raw, 'op');
  const path = field(raw, 'path') ?? null;
  const value = field(raw, 'value');
  const name = typeof op === 'string' ? op.trim().toLowerCase() : '';
  if (name !== 'add' && name !== 'replace' && name !== 'remove') {
    throw new PatchError('invalidSyntax', `op is add, replace or remove, not ${shown(String(op))}.`);
  }
  if (path !== null && typeof path !== 'string') throw new PatchError('invalidPath', 'path is a string.');
  if (name !== 'remove' && value === undefined)
    throw new PatchError('invalidValue', `"${name}" needs a value.`);
  return { op: name, path: path?.trim() === '' ? null : path, value };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value under this name, ignoring case (RFC 7643 §2.1). */
export function field(raw: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(raw, name)) return raw[name];
  const key = Object.keys(raw).find((written) => written.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : raw[key];
}
