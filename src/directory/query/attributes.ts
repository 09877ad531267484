/**
 * The attributes that the bridge knows (RFC 7643 §3.1, §4.1 to §4.3, §8.7.1), for filters, sorting and PATCH. The
 * SCIM endpoint's published schema must say the same.
 */

import type { Kind } from '../../model/subject.ts';

export type AttributeType = 'string' | 'boolean' | 'dateTime' | 'reference' | 'binary' | 'complex';
export type Mutability = 'readWrite' | 'readOnly' | 'writeOnly' | 'immutable';

export interface Attribute {
  /** In its canonical case. */
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly caseExact: boolean;
  readonly mutability: Mutability;
  readonly required: boolean;
  /** Stored and compared without surrounding blanks (`directory/identifiers.ts`). */
  readonly trimmed: boolean;
  /** By name in lower case; empty unless the attribute is complex. */
  readonly subAttributes: ReadonlyMap<string, Attribute>;
}

export const USER_URN = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_URN = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE_URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

type Traits = Partial<Omit<Attribute, 'name' | 'type' | 'subAttributes'>>;

function attribute(
  name: string,
  type: AttributeType,
  traits: Traits = {},
  subAttributes: readonly Attribute[] = [],
): Attribute {
  return {
    name,
    type,
    multiValued: false,
    // RFC 7643 §2.3.6 and §2.3.7: binary values and references are case exact.
    caseExact: type === 'binary' || type === 'reference',
    mutability: 'readWrite',
    required: false,
    trimmed: false,
    ...traits,
    subAttributes: byName(subAttributes),
  };
}

function byName(attributes: readonly Attribute[]): ReadonlyMap<string, Attribute> {
  return new Map(attributes.map((a) => [a.name.toLowerCase(), a]));
}

function strings(...names: readonly string[]): readonly Attribute[] {
  return names.map((name) => attribute(name, 'string'));
}

/** A multi-valued attribute with the sub-attributes of RFC 7643 §2.4. */
function plural(name: string, valueType: AttributeType = 'string', value: Traits = {}): Attribute {
  return attribute(name, 'complex', { multiValued: true }, [
    attribute('value', valueType, value),
    ...strings('display', 'type'),
    attribute('primary', 'boolean'),
  ]);
}

const READ_ONLY = { mutability: 'readOnly' } as const;
const EXACT = { caseExact: true } as const;

/** RFC 7643 §3 and §3.1. */
const COMMON: readonly Attribute[] = [
  attribute('schemas', 'reference', { ...READ_ONLY, multiValued: true }),
  attribute('id', 'string', { ...READ_ONLY, ...EXACT }),
  attribute('externalId', 'string', EXACT),
  attribute('meta', 'complex', READ_ONLY, [
    attribute('resourceType', 'string', { ...READ_ONLY, ...EXACT }),
    attribute('created', 'dateTime', READ_ONLY),
    attribute('lastModified', 'dateTime', READ_ONLY),
    attribute('location', 'reference', READ_ONLY),
    attribute('version', 'string', { ...READ_ONLY, ...EXACT }),
  ]),
];

const ENTERPRISE = attribute(ENTERPRISE_URN, 'complex', {}, [
  ...strings('employeeNumber', 'costCenter', 'organization', 'division', 'department'),
  attribute('manager', 'complex', {}, [
    attribute('value', 'string'),
    attribute('$ref', 'reference'),
    attribute('displayName', 'string', READ_ONLY),
  ]),
]);

const USER = attribute('User', 'complex', {}, [
  ...COMMON,
  attribute('userName', 'string', { required: true, trimmed: true }),
  attribute(
    'name',
    'complex',
    {},
    strings('formatted', 'familyName', 'givenName', 'middleName', 'honorificPrefix', 'honorificSuffix'),
  ),
  ...strings('displayName', 'nickName', 'title', 'userType', 'preferredLanguage', 'locale', 'timezone'),
  attribute('profileUrl', 'reference'),
  attribute('active', 'boolean'),
  attribute('password', 'string', { mutability: 'writeOnly', caseExact: true }),
  plural('emails', 'string', { trimmed: true }),
  plural('phoneNumbers'),
  plural('ims'),
  plural('photos', 'reference'),
  attribute('addresses', 'complex', { multiValued: true }, [
    ...strings('formatted', 'streetAddress', 'locality', 'region', 'postalCode', 'country', 'type'),
    attribute('primary', 'boolean'),
  ]),
  attribute('groups', 'complex', { ...READ_ONLY, multiValued: true }, [
    attribute('value', 'string', { ...READ_ONLY, ...EXACT }),
    attribute('$ref', 'reference', READ_ONLY),
    attribute('display', 'string', READ_ONLY),
    attribute('type', 'string', READ_ONLY),
  ]),
  plural('entitlements'),
  plural('roles'),
  plural('x509Certificates', 'binary'),
  ENTERPRISE,
]);

const GROUP = attribute('Group', 'complex', {}, [
  ...COMMON,
  attribute('displayName', 'string', { required: true, trimmed: true }),
  attribute('members', 'complex', { multiValued: true }, [
    attribute('value', 'string', { mutability: 'immutable', required: true, ...EXACT }),
    // The bridge makes these from the user whose id is the value.
    attribute('$ref', 'reference', READ_ONLY),
    attribute('display', 'string', READ_ONLY),
    attribute('type', 'string', READ_ONLY),
  ]),
]);

const CORE_URNS: Readonly<Record<Kind, string>> = { user: USER_URN, group: GROUP_URN };

/** The resource as one complex attribute. An extension is a sub-attribute whose name is its URN. */
export function schemaOf(kind: Kind): Attribute {
  return kind === 'user' ? USER : GROUP;
}

/** From the resource inwards, at least one attribute: `[emails, value]`, `[enterprise, manager, value]`. */
export type AttributeChain = readonly [Attribute, ...Attribute[]];

/**
 * The attribute that a written name means, ignoring case, with or without the core URN (RFC 7644 §3.10); null where
 * the schema does not have it. An extension's attribute needs its URN.
 */
export function resolveAttribute(kind: Kind, name: string): AttributeChain | null {
  const core = afterUrn(name, CORE_URNS[kind]);
  if (core !== null) return core === '' ? null : descend(schemaOf(kind), core.split('.'));
  if (!/^urn:/i.test(name)) return descend(schemaOf(kind), name.split('.'));
  const extended = kind === 'user' ? afterUrn(name, ENTERPRISE_URN) : null;
  if (extended === null) return null;
  if (extended === '') return [ENTERPRISE];
  const inner = descend(ENTERPRISE, extended.split('.'));
  return inner && [ENTERPRISE, ...inner];
}

/** The text after the URN, '' where nothing follows; null where the name does not begin with the URN. */
function afterUrn(name: string, urn: string): string | null {
  if (name.slice(0, urn.length).toLowerCase() !== urn.toLowerCase()) return null;
  const rest = name.slice(urn.length);
  if (rest === '') return '';
  return rest[0] === ':' || rest[0] === '.' ? rest.slice(1) : null;
}

function descend(from: Attribute, names: readonly string[]): AttributeChain | null {
  const [name = '', ...inner] = names;
  const found = from.subAttributes.get(name.toLowerCase());
  if (!found) return null;
  if (inner.length === 0) return [found];
  const rest = descend(found, inner);
  return rest && [found, ...rest];
}

/** The sub-attribute with this written name, such as `work` in `emails.work`; null where there is none. */
export function subAttribute(parent: Attribute, name: string): Attribute | null {
  return parent.subAttributes.get(name.toLowerCase()) ?? null;
}

/** The last of a chain. */
export function leafOf(chain: AttributeChain): Attribute {
  return chain.at(-1) ?? chain[0];
}

/** Writes the name of an attribute inside another: after a colon in an extension, otherwise after a dot. */
export function nameInside(parent: string, name: string): string {
  return `${parent}${parent === ENTERPRISE_URN ? ':' : '.'}${name}`;
}
