/**
 * Translates between the bridge's words and GitLab's: which attribute is which field, and what an account's state
 * means.
 */

import type { Attributes, DesiredGroup, DesiredUser } from '../../model/desired.ts';
import type { AccountState, RemoteGroup, RemoteMember, RemoteUser } from '../../model/remote.ts';
import type { AttributeMapping, Normalized, TargetAttribute } from '../connector.ts';
import type { Row } from './api/calls.ts';
import { groupPath, legalUsername, trimSlashes, USERNAME_LENGTH_MAX, usernameFrom } from './names.ts';
import type { GitLabSettings } from './settings.ts';

export const USER_ATTRIBUTES: readonly TargetAttribute[] = [
  {
    name: 'username',
    identity: true,
    description:
      'The @name, made legal and unique; of a userName that is an email address, the part before the @.',
    required: true,
    maxLength: USERNAME_LENGTH_MAX,
    keptOnAdoption: true,
  },
  {
    name: 'email',
    identity: true,
    description: 'The primary email, confirmed without a message.',
    required: true,
  },
  { name: 'name', description: 'The full name.', required: true, maxLength: 255 },
  { name: 'organization', description: 'The organization in the profile.', required: false, maxLength: 255 },
  { name: 'location', description: 'The location in the profile.', required: false, maxLength: 255 },
  { name: 'bio', description: 'The biography in the profile.', required: false, maxLength: 255 },
  { name: 'note', description: 'A note that administrators alone see.', required: false, maxLength: 1_000 },
  {
    name: 'externUid',
    identity: true,
    foreignKept: true,
    description: 'The identity of SSO_PROVIDER, which the provider must send as the subject (SAML: NameID).',
    required: false,
    maxLength: 255,
  },
];

export const DEFAULT_MAPPING: readonly AttributeMapping[] = [
  { targetAttribute: 'username', sourceAttribute: 'userName' },
  { targetAttribute: 'email', sourceAttribute: 'primaryEmail' },
  { targetAttribute: 'name', sourceAttribute: 'displayName' },
  { targetAttribute: 'organization', sourceAttribute: 'enterprise.organization' },
  { targetAttribute: 'externUid', sourceAttribute: 'userName' },
];

/** Fields that are written and read under the same name; `externUid` is an identity. */
export const FIELDS: Readonly<Record<string, string>> = {
  username: 'username',
  email: 'email',
  name: 'name',
  organization: 'organization',
  location: 'location',
  bio: 'bio',
  note: 'note',
};

/** The fields of a POST or PUT for these attributes, in GitLab's snake_case: @gitbeaker leaves those alone. */
export function fieldsOf(attributes: Attributes, settings: GitLabSettings): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const field = FIELDS[name];
    if (field) fields[field] = value;
  }
  if (attributes.externUid && settings.ssoProvider) {
    fields.extern_uid = attributes.externUid;
    fields.provider = settings.ssoProvider;
  }
  return fields;
}

export function normalizeGroup(desired: DesiredGroup, settings: GitLabSettings): Normalized<'group'> {
  return { desired: { ...desired, name: fullPathFor(desired.name, settings) }, dropped: [] };
}

export function normalizeUser(desired: DesiredUser, settings: GitLabSettings): Normalized<'user'> {
  const attributes: Record<string, string> = {};
  const dropped: string[] = [];
  for (const spec of USER_ATTRIBUTES) {
    const given = desired.attributes[spec.name];
    if (given === undefined) continue;
    const value = legalValue(spec.name, given).slice(0, spec.maxLength);
    if (spec.maxLength !== undefined && given.length > spec.maxLength) dropped.push(spec.name);
    // GitLab does not clear these attributes: no account exists without them.
    if (value === '' && (spec.required || spec.name === 'externUid')) continue;
    if (spec.name === 'externUid' && settings.ssoProvider === null) continue;
    attributes[spec.name] = value;
  }
  for (const name of Object.keys(desired.attributes)) {
    if (!USER_ATTRIBUTES.some((spec) => spec.name === name)) dropped.push(name);
  }
  const { identifier } = desired;
  const byName = identifier !== null && settings.identifier === 'userName';
  const known = byName ? legalUsername(identifier) : identifier;
  // An attribute that identifies the account cannot be mapped from something else.
  if (byName && attributes.username !== undefined) attributes.username = legalUsername(identifier);
  return { desired: { ...desired, identifier: known, attributes }, dropped };
}

function legalValue(name: string, value: string): string {
  if (value.trim() === '') return '';
  if (name === 'username') return usernameFrom(value);
  // GitLab stores addresses in lower case.
  return name === 'email' ? value.trim().toLowerCase() : value;
}

/**
 * The full path that a SCIM group's name means. A name with a slash is a path. Where the bridge makes groups, any
 * other name becomes the path of a group in PARENT_GROUP; otherwise it is the path of a top-level group.
 */
function fullPathFor(name: string, settings: GitLabSettings): string {
  const path = trimSlashes(name);
  if (!settings.createsGroups) return path;
  if (path.includes('/')) return path.split('/').map(groupPath).join('/');
  return settings.parentGroup === null ? groupPath(path) : `${settings.parentGroup}/${groupPath(path)}`;
}

/** What GitLab says of an account, and no write of the bridge changes. */
const TOLD = ['is_admin', 'job_title', 'two_factor_enabled'];

function toldOf(row: Row): Attributes {
  const said = TOLD.map((name) => [name, row[name]] as const);
  return Object.fromEntries(
    said.flatMap(([name, value]) =>
      typeof value === 'boolean' || typeof value === 'string' ? [[name, String(value)]] : [],
    ),
  );
}

export function userOf(row: Row, settings: GitLabSettings): RemoteUser {
  const attributes: Record<string, string> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    if (field in row) attributes[name] = textOr(row[field], '');
  }
  if (settings.ssoProvider !== null && Array.isArray(row.identities)) {
    const identity = (row.identities as Row[]).find(({ provider }) => provider === settings.ssoProvider);
    attributes.externUid = textOr(identity?.extern_uid, '');
  }
  const username = textOr(row.username, '');
  const email = textOr(row.email, '');
  const machine = isMachine(row);
  return {
    kind: 'user',
    remoteId: String(row.id),
    display: username || textOr(row.name, String(row.id)),
    state: stateOf(row.state),
    ...(mayOpen(row) ? { awaitsApproval: true } : {}),
    ...(row.is_admin === true || row.is_auditor === true ? { privileged: true } : {}),
    ...(row.confirmed_at === null ? { unconfirmed: true } : {}),
    ...(row.external === true ? { outsider: true } : {}),
    // Nobody's identifier finds it.
    ...(machine ? { machine } : {}),
    identifier: machine ? null : (settings.identifier === 'userName' ? username : email) || null,
    attributes,
    told: toldOf(row),
  };
}

/**
 * `deactivated` people get back in by signing in, so they have access: enabled. A state that GitLab adds in future
 * counts as locked, and may let people in.
 */
function stateOf(state: unknown): AccountState {
  switch (state) {
    case 'active':
    case 'deactivated':
    case undefined:
      return 'enabled';
    case 'blocked':
      return 'disabled';
    default:
      return 'locked';
  }
}

/** Why the bridge may not enable a `locked` account, in words for an admin. */
export function whyLocked({ state }: Row): string {
  switch (state) {
    case PENDING:
      return "it waits for an administrator's approval in GitLab";
    case 'banned':
      return 'it is banned in GitLab';
    case 'ldap_blocked':
      return "it is blocked by GitLab's own directory";
    default:
      return `GitLab calls its state ${textOr(state, 'unknown')}`;
  }
}

const PENDING = 'blocked_pending_approval';

/** It waits for an approval, which `block` does not prevent. */
export function isPending({ state }: Row): boolean {
  return state === PENDING;
}

/** Banned, or blocked by the directory, nobody can sign in; what a state does that GitLab adds in future, nobody knows. */
function mayOpen({ state }: Row): boolean {
  return stateOf(state) === 'locked' && state !== 'banned' && state !== 'ldap_blocked';
}

export function groupOf(row: Row): RemoteGroup {
  const name = textOr(row.full_path, textOr(row.path, ''));
  const title = typeof row.name === 'string' ? { title: row.name } : {};
  return { kind: 'group', remoteId: String(row.id), display: name, name, ...title };
}

export function memberOf(row: Row): RemoteMember {
  return {
    remoteId: String(row.id),
    display: textOr(row.username, String(row.id)),
    level: typeof row.access_level === 'number' ? row.access_level : null,
  };
}

/** The account of a token, a service or GitLab itself: it is no person's, and the bridge never changes it. */
export function isMachine(row: Row): boolean {
  return row.bot === true || MACHINE_NAME.test(textOr(row.username, ''));
}

/** In lists of members, only the names that GitLab gives to machines tell them apart. */
const MACHINE_NAME =
  /^((group|project)_\d+_bot(_[0-9a-f]+|\d*)?|service_account_.+|duo-.+|ghost\d*|(alert|support|security|automation|migration|visual-review|llm|admin|suggested-reviewers)-bot\d*)$/i;

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
