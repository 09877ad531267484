/**
 * Request bodies of POST and PUT become resources as the directory keeps them: attributes in their
 * canonical case, the dialects of identity providers straightened, what only the server sets left out.
 * What no schema knows is dropped and named, never kept.
 *
 * It goes by the same catalogue as filters, and reads values as PATCH does; scimmy's own coercion takes
 * most of a POST's time, enforces canonicalValues, and refuses shapes that Entra ID sends.
 */

import { type Attribute, GROUP_URN, schemaOf, USER_URN } from '../directory/filter/attributes.ts';
import type { Resource } from '../model/resource.ts';
import type { Kind } from '../model/subject.ts';
import { ScimError } from './errors.ts';
import { idsOf } from './patch/group.ts';
import { type Complex, readElements, readValue, type UnknownNames } from './patch/value.ts';

/** Unknown names told of one body. */
const UNKNOWN_MAX = 100;

export interface Coerced {
  readonly resource: Resource;
  /** Users' ids, each once; null where the body says nothing about members. */
  readonly memberIds: readonly string[] | null;
  /** Dotted names that no schema knows, as they were written. */
  readonly unknown: readonly string[];
}

/** Throws ScimError or PatchError invalidValue, naming the attribute. */
export function coerceUser(body: Readonly<Record<string, unknown>>): Coerced {
  const coerced = coerceResource('user', body);
  requireText('userName', coerced.resource.userName);
  return coerced;
}

/** Throws ScimError or PatchError invalidValue, naming the attribute or the member. */
export function coerceGroup(body: Readonly<Record<string, unknown>>): Coerced {
  const coerced = coerceResource('group', body);
  requireText('displayName', coerced.resource.displayName);
  return coerced;
}

function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && value.trim() !== '') return;
  throw new ScimError(400, 'invalidValue', `${name} is required and must not be empty.`);
}

function coerceResource(kind: Kind, body: Readonly<Record<string, unknown>>): Coerced {
  const unknown = new Set<string>();
  const resource: Record<string, unknown> = {};
  let memberIds: readonly string[] | null = null;
  for (const [written, value] of Object.entries(body)) {
    const name = unqualified(kind, written);
    const attribute = schemaOf(kind).subAttributes.get(name.toLowerCase());
    if (!attribute) unknown.add(written);
    else if (attribute.name === 'members') {
      memberIds = value === null ? null : idsOf(attribute, value, unknown);
    } else if (!isServers(attribute)) {
      const kept = coerceAttribute(attribute, value, unknown);
      if (kept !== undefined) resource[attribute.name] = kept;
    }
  }
  return { resource, memberIds, unknown: [...unknown].slice(0, UNKNOWN_MAX) };
}

/** Core attributes may carry their schema's URN (RFC 7644 §3.10). */
function unqualified(kind: Kind, name: string): string {
  const prefix = `${kind === 'user' ? USER_URN : GROUP_URN}:`;
  return name.toLowerCase().startsWith(prefix.toLowerCase()) ? name.slice(prefix.length) : name;
}

/** Only the server sets it, or it is never kept: clients send such attributes back, which is no mistake. */
function isServers(attribute: Attribute): boolean {
  return attribute.mutability === 'readOnly' || attribute.mutability === 'writeOnly';
}

/** Undefined where the value says "none": null, an empty list, a complex value of which nothing is left. */
function coerceAttribute(attribute: Attribute, value: unknown, unknown: UnknownNames): unknown {
  if (value === null) return undefined;
  if (!attribute.multiValued) return withoutEmpty(readValue(attribute, value, attribute.name, unknown));
  const elements = readElements(attribute, value, unknown).filter((element) => withoutEmpty(element));
  return elements.length > 0 ? withOnePrimary(elements) : undefined;
}

/** Parts without a value go; a complex value of none goes whole (RFC 7643 §2.5). */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value)
    .map(([name, part]) => [name, withoutEmpty(part)] as const)
    .filter(([, part]) => part !== undefined);
  return parts.length > 0 ? Object.fromEntries(parts) : undefined;
}

/** RFC 7643 §2.4: `primary` is true at most once; the first counts. */
function withOnePrimary(elements: readonly Complex[]): readonly Complex[] {
  const first = elements.findIndex((element) => element.primary === true);
  return elements.map((element, index) =>
    element.primary === true && index !== first ? { ...element, primary: false } : element,
  );
}
