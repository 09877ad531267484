/**
 * The attribute mapping of a connection: which SCIM attribute of its identity provider feeds which attribute of the
 * directory. The bridge stores and answers what the identity provider sent unchanged. The mapping is applied when the
 * directory is read for stores and persons; it never writes.
 */

import type { InboundMapping } from '../db/identity/connections.ts';
import type { SqlCondition } from '../db/lists/resources.ts';
import { type Db, dialectOf } from '../db/open.ts';
import type { Resource } from '../model/resource.ts';
import type { Kind } from '../model/subject.ts';
import { attributesOf, type Filter, FilterError, PathError } from './query/ast.ts';
import {
  type Attribute,
  type AttributeChain,
  ENTERPRISE_URN,
  leafOf,
  nameInside,
  resolveAttribute,
  subAttribute,
} from './query/attributes.ts';
import { type Element, elementMatcher } from './query/match.ts';
import { parseFilter, parsePath } from './query/parse.ts';
import { filterToSql } from './query/sql.ts';

/**
 * The source of each attribute of the directory unless the connection maps it otherwise. Every strategy has the same
 * default; docs/attribute-mapping.md says why.
 */
export const DEFAULT_INBOUND: readonly (InboundMapping & { readonly scim: string })[] = [
  ...['userName', 'externalId', 'displayName', 'nickName', 'title', 'userType', 'preferredLanguage'],
  ...['locale', 'timezone', 'profileUrl'],
  ...['name.formatted', 'name.familyName', 'name.givenName', 'name.middleName'],
  ...['name.honorificPrefix', 'name.honorificSuffix'],
]
  .map((name) => ({ attribute: name, scim: name }))
  .concat(
    // From a list it takes the value marked primary, else the work one, else the first.
    { attribute: 'primaryEmail', scim: 'emails' },
    { attribute: 'primaryPhone', scim: 'phoneNumbers[not (type eq "fax" or type eq "pager")].value' },
    ['employeeNumber', 'costCenter', 'organization', 'division', 'department', 'manager'].map((name) => ({
      attribute: `enterprise.${name}`,
      scim: `${ENTERPRISE_URN}:${name}`,
    })),
  );

const DEFAULT_SOURCES: ReadonlyMap<string, string> = new Map(
  DEFAULT_INBOUND.map(({ attribute, scim }) => [attribute, scim]),
);

/** Every attribute of the directory with its source; null: it has none. */
export function effectiveInbound(overrides: readonly InboundMapping[] | null): readonly InboundMapping[] {
  const chosen = new Map((overrides ?? []).map(({ attribute, scim }) => [attribute, scim]));
  return DEFAULT_INBOUND.map((entry) => ({
    attribute: entry.attribute,
    scim: chosen.has(entry.attribute) ? (chosen.get(entry.attribute) ?? null) : entry.scim,
  }));
}

/** The entries that differ from the default, in its order; null where none does. */
export function overridesIn(mapping: readonly InboundMapping[]): readonly InboundMapping[] | null {
  const differing = effectiveInbound(mapping).filter(
    ({ attribute, scim }) => DEFAULT_SOURCES.get(attribute) !== scim,
  );
  return differing.length > 0 ? differing : null;
}

/** Why `attribute` cannot be mapped in the directory; null where it can. */
export function attributeMistake({ attribute, scim }: InboundMapping): string | null {
  if (!DEFAULT_SOURCES.has(attribute)) {
    return `is no attribute of the directory; there are ${[...DEFAULT_SOURCES.keys()].join(', ')}`;
  }
  return attribute === 'userName' && scim === null
    ? 'is what every user has, so it cannot be un-mapped'
    : null;
}

/** Why a SCIM path cannot feed anything, in words; null where it can. */
export function sourceMistake(scim: string): string | null {
  try {
    readerOf(scim);
    return null;
  } catch (error) {
    if (error instanceof PathError || error instanceof FilterError) return error.message;
    throw error;
  }
}

/** The canonical SCIM name of an attribute that can tell users apart; null for any other. */
export function userIdAttribute(name: string): string | null {
  const chain = resolveAttribute('user', name.trim());
  if (!chain || chain.some(isServers) || chain.some((attribute) => attribute.multiValued)) return null;
  const leaf = leafOf(chain);
  return leaf.type === 'string' ? chainName(chain) : null;
}

/** An SQL condition for rows of `users` with the same user id as this resource. Null where it has none. */
export function sameUserId(db: Db, attribute: string, resource: Resource): SqlCondition | null {
  const chain = resolveAttribute('user', attribute);
  const value = chain && text(valueAt(resource, chain));
  if (value === null) return null;
  return filterToSql(parseFilter(`${attribute} eq ${JSON.stringify(value)}`), 'user', dialectOf(db));
}

/**
 * Builds the function that maps a user as stores and persons see it. Without overrides the user stays as the identity
 * provider sent it. Throws PathError or FilterError where a stored path cannot be read any more: that must not look
 * like "no value".
 */
export function mappedResource(overrides: readonly InboundMapping[] | null): (user: Resource) => Resource {
  if (overrides === null) return (user) => user;
  const readers = overrides.map(({ attribute, scim }) => ({
    attribute,
    read: scim === null ? () => null : readerOf(scim),
  }));
  return (user) => {
    const view = structuredClone(user) as Record<string, unknown>;
    for (const { attribute, read } of readers) put(view, attribute, read(user));
    return view;
  };
}

/** Whether a schema knows this name. Values under unknown names are not stored. */
export function isKnown(kind: Kind, seen: string): boolean {
  return sourceName(kind, seen) !== null;
}

/**
 * Whether a value under this name, such as `emails[type eq "work"].value`, can change something on a store. `active`
 * always can, and so can every known name of a group.
 */
export function isMapped(kind: Kind, seen: string, mapping: readonly InboundMapping[]): boolean {
  const name = sourceName(kind, seen);
  if (name === null) return false;
  if (kind === 'group' || name.leaf === 'active') return true;
  return mapping.some(({ scim }) => {
    const source = scim === null ? null : sourceName(kind, scim);
    return source?.leaf === name.leaf && canSelect(source, name);
  });
}

interface SourceName {
  /** The attribute that the path finally reads, in lower case. */
  readonly leaf: string;
  readonly list: Attribute;
  readonly filter: Filter | null;
}

/** Null where the path reads no known attribute. */
function sourceName(kind: Kind, path: string): SourceName | null {
  try {
    const { attribute, filter, sub } = parsePath(path);
    const chain = resolveAttribute(kind, sub === null ? attribute : `${attribute}.${sub}`);
    if (!chain) return null;
    const leaf = chainName(chain).toLowerCase();
    return { leaf: leafOf(chain).type === 'complex' ? `${leaf}.value` : leaf, list: chain[0], filter };
  } catch (error) {
    if (error instanceof PathError || error instanceof FilterError) return null;
    throw error;
  }
}

/** Whether the filter in the path can select an element of which only the type is known. */
function canSelect(source: SourceName, seen: SourceName): boolean {
  if (!source.filter) return true;
  if (attributesOf(source.filter).some((name) => !/^(type|primary)$/i.test(name))) return true;
  const type = seen.filter?.kind === 'compare' ? { type: seen.filter.literal.text } : {};
  const selects = elementMatcher(source.list, source.filter);
  return [type, { ...type, primary: true }].some(selects);
}

type Reader = (user: Resource) => string | null;

/** Throws PathError and FilterError. */
function readerOf(scim: string): Reader {
  const { attribute, filter, sub } = parsePath(scim);
  const chain = resolveAttribute('user', attribute);
  if (!chain) throw new PathError(`${attribute} is no attribute that the bridge keeps.`);
  const hidden = chain.find(isServers);
  if (hidden) throw new PathError(`${hidden.name} does not come from the identity provider.`);
  const [top, part] = chain;
  if (!top.multiValued) {
    if (filter) throw new PathError(`${attribute} has no elements that a filter could select.`);
    const whole = valuePart(chain);
    return (user) => text(valueAt(user, whole));
  }
  const chosen = sub === null ? (part ?? elementValue(top)) : subAttribute(top, sub);
  if (!chosen) throw new PathError(`${top.name} has no ${sub}.`);
  requireText(chosen);
  const selects = filter ? elementMatcher(top, filter) : () => true;
  return (user) => text(preferred(elementsOf(user[top.name]).filter(selects), chosen)?.[chosen.name]);
}

/** For a complex attribute its value: `manager` means `manager.value`. */
function valuePart(chain: AttributeChain): AttributeChain {
  const leaf = leafOf(chain);
  if (leaf.type !== 'complex') {
    requireText(leaf);
    return chain;
  }
  return [...chain, elementValue(leaf)] as unknown as AttributeChain;
}

function elementValue(attribute: Attribute): Attribute {
  const value = subAttribute(attribute, 'value');
  if (value) return value;
  throw new PathError(`${attribute.name} has parts; name one of them.`);
}

function requireText({ name, type }: Attribute): void {
  if (type !== 'string' && type !== 'reference') throw new PathError(`${name} holds no text.`);
}

function isServers({ mutability }: Attribute): boolean {
  return mutability === 'readOnly' || mutability === 'writeOnly';
}

function chainName([top, ...inner]: AttributeChain): string {
  return inner.reduce((name, attribute) => nameInside(name, attribute.name), top.name);
}

function valueAt(user: Resource, chain: AttributeChain): unknown {
  return chain.reduce<unknown>(
    (inside, { name }) => (typeof inside === 'object' && inside !== null ? (inside as Resource)[name] : null),
    user,
  );
}

function elementsOf(value: unknown): readonly Element[] {
  return Array.isArray(value) ? value : [];
}

/** Chooses among the elements that have this part, by the rule for the primary e-mail. */
function preferred(elements: readonly Element[], part: Attribute): Element | undefined {
  const filled = elements.filter((element) => text(element[part.name]) !== null);
  return (
    filled.find((element) => element.primary === true) ??
    filled.find((element) => String(element.type).toLowerCase() === 'work') ??
    filled[0]
  );
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** Writes an attribute of the directory to where `model/source.ts` reads it. */
function put(view: Record<string, unknown>, attribute: string, value: string | null): void {
  if (attribute === 'primaryEmail') view.emails = value === null ? [] : [{ value, primary: true }];
  else if (attribute === 'primaryPhone') view.phoneNumbers = value === null ? [] : [{ value, primary: true }];
  else if (attribute === 'enterprise.manager') putAt(view, [ENTERPRISE_URN, 'manager', 'value'], value);
  else if (attribute.startsWith('enterprise.'))
    putAt(view, [ENTERPRISE_URN, attribute.slice('enterprise.'.length)], value);
  else putAt(view, attribute.split('.'), value);
}

function putAt(inside: Record<string, unknown>, path: readonly string[], value: string | null): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    if (value === null) delete inside[name];
    else inside[name] = value;
    return;
  }
  const part = inside[name];
  const held = typeof part === 'object' && part !== null ? (part as Record<string, unknown>) : {};
  inside[name] = held;
  putAt(held, rest, value);
}
