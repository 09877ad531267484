/** Turns a record of Google's directory into one of the bridge's. Pure. */

import { attributesOf, textOf, timeOf } from '../attributes.ts';
import type {
  ScanPage,
  SourceAttributes,
  SourceGroup,
  SourceMapping,
  SourceUser,
  SourceValue,
} from '../source.ts';
import type { Fields, GoogleRecord } from './api/calls.ts';

export const GOOGLE_MAPPING: readonly SourceMapping[] = [
  { target: 'userName', sources: ['primaryEmail'] },
  { target: 'primaryEmail', sources: ['primaryEmail'] },
  { target: 'name.givenName', sources: ['name.givenName'] },
  { target: 'name.familyName', sources: ['name.familyName'] },
  { target: 'displayName', sources: ['name.displayName', 'name.fullName'] },
  { target: 'title', sources: ['organizations.title'] },
  { target: 'userType', sources: ['organizations.description'] },
  { target: 'preferredLanguage', sources: ['languages'] },
  { target: 'primaryPhone', sources: ['phones.work', 'phones.work_mobile', 'phones.mobile'] },
  { target: 'enterprise.employeeNumber', sources: ['externalIds.organization'] },
  { target: 'enterprise.costCenter', sources: ['organizations.costCenter'] },
  { target: 'enterprise.organization', sources: ['organizations.name'] },
  { target: 'enterprise.department', sources: ['organizations.department'] },
];

/** Attributes that are read in another way, private, or change by themselves. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['kind', 'etag', 'lastLoginTime', 'creationTime', 'deletionTime', 'emails', 'nonEditableAliases'],
  ...[
    'recoveryEmail',
    'recoveryPhone',
    'addresses',
    'ims',
    'gender',
    'notes',
    'websites',
    'keywords',
    'sshPublicKeys',
  ],
  ...[
    'posixAccounts',
    'thumbnailPhotoUrl',
    'thumbnailPhotoEtag',
    'organizations',
    'relations',
    'externalIds',
    'phones',
  ],
  ...[
    'locations',
    'languages',
    'customSchemas',
    'password',
    'hashFunction',
    'agreedToTerms',
    'ipWhitelisted',
  ],
]);

export function isGuest({ record }: GoogleRecord): boolean {
  return record.isGuestUser === true;
}

/** A person who has not signed in yet is active. */
export function userOf({ id, record }: GoogleRecord): SourceUser {
  const because =
    record.suspended === true
      ? suspended(record.suspensionReason)
      : record.archived === true
        ? 'archived in Google Workspace'
        : undefined;
  const aliases = [...listOf(record.aliases), ...listOf(record.nonEditableAliases)].filter(
    (one) => typeof one === 'string',
  );
  const createdAt = timeOf(record.creationTime);
  return {
    ...{ id, state: because === undefined ? 'active' : 'inactive' },
    ...(because === undefined ? {} : { because }),
    attributes: {
      ...attributesOf(record, LEFT_OUT),
      ...organizationOf(record.organizations),
      ...typed('relations', record.relations),
      ...typed('externalIds', record.externalIds),
      ...typed('phones', record.phones),
      ...locationOf(record.locations),
      ...languageOf(record.languages),
      ...customOf(record.customSchemas),
    },
    ...(aliases.length === 0 ? {} : { aliases: aliases as readonly string[] }),
    ...(createdAt === undefined ? {} : { createdAt }),
  };
}

function suspended(reason: unknown): string {
  const why = textOf(reason);
  return why === null
    ? 'suspended in Google Workspace'
    : `suspended in Google Workspace (${why.slice(0, 60)})`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectsOf(value: unknown): readonly Fields[] {
  return listOf(value).filter((one): one is Fields => typeof one === 'object' && one !== null);
}

/** The primary element, else the first. */
function preferred(value: unknown): Fields | undefined {
  const all = objectsOf(value);
  return all.find(({ primary }) => primary === true) ?? all[0];
}

function organizationOf(value: unknown): SourceAttributes {
  const { primary: _, type: __, customType: ___, ...organization } = preferred(value) ?? {};
  return attributesOf({ organizations: organization });
}

/** The desk where they sit; buildings have ids of their own. */
function locationOf(value: unknown): SourceAttributes {
  const { type: _, ...location } = preferred(value) ?? {};
  return attributesOf({ locations: location });
}

function languageOf(value: unknown): SourceAttributes {
  const codes = objectsOf(value).flatMap(({ languageCode }) => textOf(languageCode) ?? []);
  const [first] = codes;
  return first === undefined ? {} : { languages: first };
}

/** By the type of each element, such as `relations.manager`; the first of a type counts. */
function typed(name: string, value: unknown): SourceAttributes {
  const found: Record<string, SourceValue> = {};
  for (const { type, customType, value: own } of objectsOf(value)) {
    const kind = textOf(type === 'custom' ? customType : type);
    const text = textOf(own);
    if (kind !== null && text !== null) found[`${name}.${kind}`] ??= text;
  }
  return found;
}

/** A field with several values is a list of objects with one value each. */
function customOf(value: unknown): SourceAttributes {
  const schemas = typeof value === 'object' && value !== null ? (value as Fields) : {};
  const plain = (field: unknown) =>
    Array.isArray(field)
      ? field.map((one) => (typeof one === 'object' && one !== null ? (one as Fields).value : one))
      : field;
  const read = (fields: unknown) =>
    Object.fromEntries(Object.entries((fields ?? {}) as Fields).map(([name, field]) => [name, plain(field)]));
  return attributesOf({
    customSchemas: Object.fromEntries(Object.entries(schemas).map(([name, fields]) => [name, read(fields)])),
  });
}

export function groupOf({ id, record }: GoogleRecord): SourceGroup {
  const { name, email, description } = record;
  return {
    ...{ id, state: 'active', name: textOf(name) ?? String(email), email: String(email) },
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
  };
}

const NAMED_MAX = 5;

/** People whom a scan leaves out on purpose, the first ones by their addresses. */
export function leftOut(what: 'user' | 'member', records: readonly GoogleRecord[], who: string): ScanPage {
  const names = records.map(({ id, record }) => textOf(record.primaryEmail ?? record.email) ?? id);
  const first = names.slice(0, NAMED_MAX).join(', ');
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  return { kind: 'skipped', what, count: records.length, reason: `${who}: ${first}${more}` };
}
