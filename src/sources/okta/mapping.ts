/** Turns an Okta record into one of the directory. Pure. */

import { attributesOf, timeOf } from '../attributes.ts';
import type { SourceGroup, SourceMapping, SourceState, SourceUser } from '../source.ts';
import type { OktaRecord } from './api/calls.ts';

export const OKTA_MAPPING: readonly SourceMapping[] = [
  { target: 'userName', sources: ['login'] },
  { target: 'primaryEmail', sources: ['email', 'login'] },
  { target: 'name.givenName', sources: ['firstName'] },
  { target: 'name.middleName', sources: ['middleName'] },
  { target: 'name.familyName', sources: ['lastName'] },
  { target: 'name.honorificPrefix', sources: ['honorificPrefix'] },
  { target: 'name.honorificSuffix', sources: ['honorificSuffix'] },
  { target: 'displayName', sources: ['displayName'] },
  { target: 'nickName', sources: ['nickName'] },
  { target: 'profileUrl', sources: ['profileUrl'] },
  { target: 'title', sources: ['title'] },
  { target: 'userType', sources: ['userType'] },
  { target: 'preferredLanguage', sources: ['preferredLanguage'] },
  { target: 'locale', sources: ['locale'] },
  { target: 'timezone', sources: ['timezone'] },
  { target: 'primaryPhone', sources: ['primaryPhone', 'mobilePhone'] },
  { target: 'enterprise.employeeNumber', sources: ['employeeNumber'] },
  { target: 'enterprise.costCenter', sources: ['costCenter'] },
  { target: 'enterprise.organization', sources: ['organization'] },
  { target: 'enterprise.division', sources: ['division'] },
  { target: 'enterprise.department', sources: ['department'] },
];

/** Private addresses and homes: no directory needs them, and nobody may be found by them. */
const PRIVATE: ReadonlySet<string> = new Set(['secondEmail', 'streetAddress', 'postalAddress', 'zipCode']);

/**
 * People who only cannot sign in at the moment still work there; those who were never activated, or are shut out, do
 * not.
 */
const STATES: Readonly<Record<string, readonly [SourceState, string?]>> = {
  STAGED: ['inactive', 'staged: not activated in Okta yet'],
  PROVISIONED: ['active'],
  ACTIVE: ['active'],
  RECOVERY: ['active'],
  PASSWORD_EXPIRED: ['active'],
  LOCKED_OUT: ['active'],
  SUSPENDED: ['inactive', 'suspended in Okta'],
  DEPROVISIONED: ['inactive', 'deactivated in Okta'],
};

export function stateOf(status: string): readonly [SourceState, string?] | null {
  return STATES[status] ?? null;
}

/** Null where the status does not say whether somebody works there (Okta's transitions): nothing changes then. */
export function userOf({ id, record }: OktaRecord): SourceUser | null {
  const status = String(record.status);
  const state = stateOf(status);
  if (!state) return null;
  const profile = objectOf(record.profile);
  const createdAt = timeOf(record.created);
  const changedAt = timeOf(record.lastUpdated);
  const [is, because] = state;
  return {
    ...{ id, state: is },
    ...(because === undefined ? {} : { because }),
    attributes: { id, status, ...attributesOf(profile, PRIVATE) },
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(changedAt === undefined ? {} : { changedAt }),
  };
}

export function groupOf({ id, record }: OktaRecord): SourceGroup {
  const { name, description } = objectOf(record.profile);
  const changed = [timeOf(record.lastUpdated), timeOf(record.lastMembershipUpdated)];
  const changedAt = changed
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  return {
    ...{ id, state: 'active', type: String(record.type) },
    name: typeof name === 'string' && name.trim() !== '' ? name : id,
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
    ...(changedAt === undefined ? {} : { changedAt }),
  };
}

/** `Everyone`, which contains everybody in the organisation. */
export function isBuiltIn({ record }: OktaRecord): boolean {
  return record.type === 'BUILT_IN';
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
