/**
 * Translates between the bridge's flat attributes and Slack's SCIM resources: the body of a creation, the PATCH
 * operation for each attribute, and how an answer is read. Pure, and tolerant of missing values.
 */

import type { AttributeChange } from '../../model/change.ts';
import type { CommonSettings } from '../../model/commonSettings.ts';
import type { Attributes, DesiredGroup, DesiredUser } from '../../model/desired.ts';
import type { RemoteGroup, RemoteMember, RemoteUser } from '../../model/remote.ts';
import type { AttributeMapping, Normalized, TargetAttribute } from '../connector.ts';
import { normalizeUserName, USER_NAME_LENGTH_MAX, userNameCandidates } from './names.ts';

export type IdentifiedBy = CommonSettings['uniqueUserIdentifier'];

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GUEST_SCHEMA = 'urn:ietf:params:scim:schemas:extension:slack:guest:2.0:User';
export const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
export const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export const DISPLAY_NAME_LENGTH_MAX = 80;

export const SLACK_ATTRIBUTES: readonly TargetAttribute[] = [
  {
    name: 'primaryEmail',
    identity: true,
    description: 'The address a person signs in with. Cannot be cleared.',
    required: true,
  },
  {
    name: 'userName',
    identity: true,
    description:
      'The handle. Where unmapped, the bridge makes one from the email when it creates an account and leaves it alone afterwards.',
    required: false,
    maxLength: USER_NAME_LENGTH_MAX,
  },
  {
    name: 'displayName',
    description: 'The name others see. A person or a Slack setting may lock it; Slack then ignores updates.',
    required: false,
    maxLength: DISPLAY_NAME_LENGTH_MAX,
  },
  { name: 'givenName', description: 'First name.', required: false },
  { name: 'familyName', description: 'Last name.', required: false },
  { name: 'title', description: 'Job title.', required: false },
  { name: 'phoneNumber', description: 'Phone number.', required: false },
  { name: 'timezone', description: 'IANA time zone, such as Europe/Berlin.', required: false },
  { name: 'locale', description: 'Locale, such as en_US.', required: false },
  { name: 'preferredLanguage', description: 'Preferred language, such as en_US.', required: false },
  { name: 'userType', description: 'Kind of employment, such as Employee.', required: false },
  { name: 'employeeNumber', description: 'Employee number.', required: false },
  { name: 'costCenter', description: 'Cost centre.', required: false },
  { name: 'organization', description: 'Organisation.', required: false },
  { name: 'division', description: 'Division.', required: false },
  { name: 'department', description: 'Department.', required: false },
  { name: 'manager', description: "The manager's account.", required: false, reference: true },
];

/**
 * The attributes that most companies want to keep in step. The handle is left out, because adopting an account would
 * rename it; so are values that not every company shows to everyone, such as phone and cost centre.
 */
export const SLACK_DEFAULT_MAPPING: readonly AttributeMapping[] = [
  { targetAttribute: 'primaryEmail', sourceAttribute: 'primaryEmail' },
  { targetAttribute: 'displayName', sourceAttribute: 'displayName' },
  { targetAttribute: 'givenName', sourceAttribute: 'name.givenName' },
  { targetAttribute: 'familyName', sourceAttribute: 'name.familyName' },
  { targetAttribute: 'title', sourceAttribute: 'title' },
];

const KNOWN = new Set(SLACK_ATTRIBUTES.map((attribute) => attribute.name));
/** Slack refuses an account without these. */
const NOT_CLEARABLE = new Set(['primaryEmail', 'userName']);

export function normalizeGroup(desired: DesiredGroup): Normalized<'group'> {
  return { desired: { ...desired, name: desired.name.trim() }, dropped: [] };
}

export function normalizeUser(desired: DesiredUser, identifiedBy: IdentifiedBy): Normalized<'user'> {
  const attributes: Record<string, string> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(desired.attributes)) {
    const held = KNOWN.has(name) ? normalizeAttribute(name, value, identifiedBy) : '';
    if (!KNOWN.has(name) || (held === '' && NOT_CLEARABLE.has(name))) dropped.push(name);
    else attributes[name] = held;
  }
  const identifier = normalizeIdentifier(desired.identifier, identifiedBy);
  return { desired: { ...desired, identifier, attributes }, dropped };
}

function normalizeIdentifier(identifier: string | null, identifiedBy: IdentifiedBy): string | null {
  const trimmed = identifier?.trim();
  if (!trimmed) return null;
  return identifiedBy === 'userName' ? normalizeUserName(trimmed) : trimmed;
}

function normalizeAttribute(name: string, value: string, identifiedBy: IdentifiedBy): string {
  const trimmed = value.trim();
  if (name === 'userName') return normalizeHandle(trimmed, identifiedBy);
  if (name !== 'displayName') return trimmed;
  // Slack refuses `@` in a display name.
  const spoken = trimmed.replaceAll('@', ' at ').replace(/\s+/g, ' ').trim();
  return [...spoken].slice(0, DISPLAY_NAME_LENGTH_MAX).join('').trimEnd();
}

/**
 * Where the userName is the identifier, all of it goes into the name. A mere handle is better short: `jane`, not
 * `jane_example.com`.
 */
function normalizeHandle(userName: string, identifiedBy: IdentifiedBy): string {
  if (userName === '') return '';
  if (identifiedBy === 'userName') return normalizeUserName(userName);
  return userNameCandidates(userName)[0] ?? '';
}

/** Attributes that are strings at the top of a Slack user. */
const PLAIN = ['displayName', 'title', 'timezone', 'locale', 'preferredLanguage', 'userType'] as const;
const NAME_PARTS = ['givenName', 'familyName'] as const;
export const ENTERPRISE = ['employeeNumber', 'costCenter', 'organization', 'division', 'department'] as const;

/** A user as Slack's SCIM API shows it; anything may be missing or null. */
export interface SlackUser {
  readonly id: string;
  readonly userName?: string | null;
  readonly displayName?: string | null;
  readonly active?: boolean | null;
  readonly name?: Readonly<Record<string, string | null>> | null;
  readonly emails?: readonly MultiValue[] | null;
  readonly phoneNumbers?: readonly MultiValue[] | null;
  readonly [attribute: string]: unknown;
}

interface MultiValue {
  readonly value?: string | null;
  readonly primary?: boolean | null;
}

export interface SlackGroup {
  readonly id: string;
  readonly displayName?: string | null;
  readonly members?: readonly { readonly value?: string | null; readonly display?: string | null }[] | null;
}

/** The body of POST /Users. */
export function newUser(attributes: Attributes, userName: string): Record<string, unknown> {
  const name = pick(attributes, NAME_PARTS);
  const { primaryEmail, phoneNumber, manager } = attributes;
  const enterprise = { ...pick(attributes, ENTERPRISE), ...(manager ? { manager: managedBy(manager) } : {}) };
  const extended = Object.keys(enterprise).length > 0;
  return {
    schemas: extended ? [USER_SCHEMA, ENTERPRISE_SCHEMA] : [USER_SCHEMA],
    userName,
    ...(primaryEmail ? { emails: [{ value: primaryEmail, type: 'work', primary: true }] } : {}),
    ...(Object.keys(name).length > 0 ? { name } : {}),
    ...pick(attributes, PLAIN),
    ...(phoneNumber ? { phoneNumbers: [{ value: phoneNumber, type: 'work', primary: true }] } : {}),
    ...(extended ? { [ENTERPRISE_SCHEMA]: enterprise } : {}),
    active: true,
  };
}

/** Slack reads `managerId`, and not the `value` of RFC 7643. */
function managedBy(managerId: string) {
  return { managerId };
}

/** Those of `names` whose value is worth sending with a new account. */
function pick(attributes: Attributes, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) if (attributes[name]) picked[name] = attributes[name];
  return picked;
}

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export function patchBody(operations: readonly PatchOperation[]) {
  return { schemas: [PATCH_SCHEMA], Operations: operations };
}

/** The PATCH operation for one attribute. An empty `to` clears it. */
export function patchOperation(change: AttributeChange): PatchOperation {
  const { name, from, to } = change;
  switch (name) {
    case 'primaryEmail':
      // Slack adds to `emails` when it is replaced whole, and then refuses a second primary address.
      return { op: 'replace', path: 'emails[primary eq true].value', value: to };
    case 'phoneNumber':
      return phoneOperation(from ?? '', to);
    case 'givenName':
    case 'familyName':
      return { op: 'replace', path: `name.${name}`, value: to };
    case 'manager':
      return { op: 'replace', path: `${ENTERPRISE_SCHEMA}:manager`, value: managedBy(to) };
    default: {
      const enterprise = (ENTERPRISE as readonly string[]).includes(name);
      return { op: 'replace', path: enterprise ? `${ENTERPRISE_SCHEMA}:${name}` : name, value: to };
    }
  }
}

function phoneOperation(from: string, to: string): PatchOperation {
  if (from === '') return { op: 'add', path: 'phoneNumbers', value: [{ value: to, primary: true }] };
  // Does not select by value: Slack may show a number in another form than the one it was given.
  const path = 'phoneNumbers[primary eq true]';
  return to === '' ? { op: 'remove', path } : { op: 'replace', path: `${path}.value`, value: to };
}

/** A filter's string literal (RFC 7644 §3.4.2.2: as in JSON). */
export function quote(text: string): string {
  return JSON.stringify(text);
}

export function toRemoteUser(user: SlackUser, identifiedBy: IdentifiedBy): RemoteUser {
  const attributes = shownAttributes(user);
  const identifier = attributes[identifiedBy] || null;
  return {
    kind: 'user',
    remoteId: user.id,
    display: user.displayName || user.userName || identifier || user.id,
    state: user.active === false ? 'disabled' : 'enabled',
    ...(isGuest(user) ? { outsider: true } : {}),
    identifier,
    attributes,
  };
}

/** A guest has the extension; others lack it, or have an empty one. */
function isGuest(user: SlackUser): boolean {
  const guest = user[GUEST_SCHEMA];
  return (
    typeof guest === 'object' && guest !== null && typeof (guest as { type?: unknown }).type === 'string'
  );
}

/** The attributes that Slack showed; null counts as empty. */
function shownAttributes(user: SlackUser): Attributes {
  const shown: Record<string, string> = {};
  const show = (name: string, value: unknown) => {
    if (value !== undefined) shown[name] = typeof value === 'string' ? value : '';
  };
  show('userName', user.userName);
  for (const name of PLAIN) show(name, user[name]);
  for (const name of NAME_PARTS) show(name, user.name?.[name]);
  const enterprise = user[ENTERPRISE_SCHEMA] as Record<string, unknown> | null | undefined;
  for (const name of ENTERPRISE) show(name, enterprise?.[name]);
  if (enterprise?.manager !== undefined)
    show('manager', (enterprise.manager as { managerId?: unknown } | null)?.managerId ?? null);
  if (user.emails) show('primaryEmail', primaryOf(user.emails));
  if (user.phoneNumbers) show('phoneNumber', primaryOf(user.phoneNumbers));
  return shown;
}

function primaryOf(values: readonly MultiValue[]): string | null {
  return (values.find((value) => value.primary === true) ?? values[0])?.value ?? null;
}

export function toRemoteGroup(group: SlackGroup): RemoteGroup {
  const name = group.displayName ?? '';
  return { kind: 'group', remoteId: group.id, display: name || group.id, name };
}

export function toRemoteMembers(group: SlackGroup): RemoteMember[] {
  const members: RemoteMember[] = [];
  for (const { value, display } of group.members ?? []) {
    if (value) members.push({ remoteId: value, display: display || value, level: null });
  }
  return members;
}
