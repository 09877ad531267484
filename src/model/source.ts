/**
 * Reads the attributes of a SCIM user that a store's mapping names: plain and dotted paths, the
 * enterprise extension as `enterprise.…`, and the few values that have no path of their own.
 */

import { primaryEmail, type Resource } from './resource.ts';

export const ENTERPRISE_URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** The source of the manager's id. */
export const MANAGER = 'enterprise.manager';

/** Every path that `sourceValue` reads: what an identity provider says about a person in one value. */
export const SOURCE_ATTRIBUTES: readonly string[] = [
  'userName',
  'externalId',
  'primaryEmail',
  'primaryPhone',
  'displayName',
  'name.formatted',
  'name.givenName',
  'name.middleName',
  'name.familyName',
  'name.honorificPrefix',
  'name.honorificSuffix',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
  'enterprise.employeeNumber',
  'enterprise.costCenter',
  'enterprise.organization',
  'enterprise.division',
  'enterprise.department',
  MANAGER,
];

/**
 * An attribute under a name of the admin's own, as a pulled connection's mapping makes it. Rules and the mappings of
 * stores name it.
 */
export function isMetadata(path: string): boolean {
  return /^metadata\.[a-zA-Z][\w-]{0,63}$/.test(path);
}

/** What the directory says of a person's manager, who is found by the id in `enterprise.manager`. */
export const MANAGER_ATTRIBUTES: readonly string[] = ['userName', 'displayName', 'primaryEmail'].map(
  (name) => `${MANAGER}.${name}`,
);

/** `userName` for `enterprise.manager.userName`; null for a path that is not in MANAGER_ATTRIBUTES. */
export function managerAttribute(path: string): string | null {
  return MANAGER_ATTRIBUTES.includes(path) ? path.slice(MANAGER.length + 1) : null;
}

/** What the identity provider says of the manager: the id of a user, or whatever else it knows managers by. */
export function managerOf(user: Resource): string | null {
  return sourceValue(user, MANAGER);
}

/** The value as text, or null where the user has none. */
export function sourceValue(user: Resource, path: string): string | null {
  switch (path) {
    case 'primaryEmail':
      return primaryEmail(user);
    case 'primaryPhone':
      return text(preferredPhone(user.phoneNumbers)?.value);
    case 'displayName':
      return displayName(user);
    case MANAGER:
      return text(at(user, [ENTERPRISE_URN, 'manager', 'value']));
  }
  const steps = path.startsWith('enterprise.')
    ? [ENTERPRISE_URN, ...path.split('.').slice(1)]
    : path.split('.');
  return text(at(user, steps));
}

/** `displayName`, else the formatted name, else given and family name, else the userName. */
export function displayName(user: Resource): string | null {
  const name = (user.name ?? {}) as Resource;
  const spoken = [text(name.givenName), text(name.familyName)].filter((part) => part !== null).join(' ');
  return text(user.displayName) ?? text(name.formatted) ?? text(spoken) ?? text(user.userName);
}

/** RFC 7643 §4.1.2: these types are not numbers to call. */
const NOT_CALLED: ReadonlySet<string> = new Set(['fax', 'pager']);

/** The element marked primary, else the work one, else the first. */
function preferredPhone(values: unknown): Resource | null {
  if (!Array.isArray(values)) return null;
  const elements = values.filter(
    (v): v is Resource =>
      typeof v === 'object' &&
      v !== null &&
      text(v.value) !== null &&
      !NOT_CALLED.has(String(v.type).toLowerCase()),
  );
  return (
    elements.find((element) => element.primary === true) ??
    elements.find((element) => String(element.type).toLowerCase() === 'work') ??
    elements[0] ??
    null
  );
}

function at(value: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? (inner as Resource)[step] : undefined),
    value,
  );
}

function text(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
