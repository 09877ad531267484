/** Turns an LDAP entry into a record of the directory. Pure. */

import type { SourceAttributes, SourceGroup, SourceMapping, SourceUser, SourceValue } from '../source.ts';
import type { Preset } from './presets.ts';
import type { Entry } from './protocol/entry.ts';
import { fileTimeMs, generalizedTime, guidText } from './protocol/values.ts';
import type { InactiveRule } from './settings.ts';

export const LDAP_MAPPING: readonly SourceMapping[] = [
  { target: 'userName', sources: ['mail', 'userPrincipalName', 'uid'] },
  { target: 'primaryEmail', sources: ['mail', 'userPrincipalName'] },
  { target: 'name.givenName', sources: ['givenName'] },
  { target: 'name.middleName', sources: ['middleName'] },
  { target: 'name.familyName', sources: ['sn'] },
  { target: 'displayName', sources: ['displayName', 'cn'] },
  { target: 'title', sources: ['title'] },
  { target: 'userType', sources: ['employeeType'] },
  { target: 'preferredLanguage', sources: ['preferredLanguage'] },
  { target: 'primaryPhone', sources: ['telephoneNumber', 'mobile'] },
  { target: 'enterprise.employeeNumber', sources: ['employeeNumber', 'employeeID'] },
  { target: 'enterprise.organization', sources: ['company', 'o'] },
  { target: 'enterprise.division', sources: ['division'] },
  { target: 'enterprise.department', sources: ['department', 'departmentNumber', 'ou'] },
];

/**
 * Secrets, private addresses, pictures, values that change by themselves, and attributes that are read in another
 * way.
 */
const LEFT_OUT = new Set(
  [
    ...[
      'userPassword',
      'authPassword',
      'unicodePwd',
      'sambaLMPassword',
      'sambaNTPassword',
      'sambaPasswordHistory',
    ],
    ...[
      'ipaNTHash',
      'krbPrincipalKey',
      'krbExtraData',
      'krbPwdHistory',
      'passwordHistory',
      'pwdHistory',
      'ipaSshPubKey',
    ],
    ...[
      'jpegPhoto',
      'thumbnailPhoto',
      'photo',
      'audio',
      'userCertificate',
      'userSMIMECertificate',
      'userPKCS12',
    ],
    ...[
      'street',
      'postalAddress',
      'postalCode',
      'postOfficeBox',
      'registeredAddress',
      'homePostalAddress',
      'homePhone',
    ],
    ...[
      'objectGUID',
      'objectSid',
      'objectClass',
      'memberOf',
      'primaryGroupID',
      'uSNChanged',
      'modifyTimestamp',
    ],
    ...[
      'whenChanged',
      'createTimestamp',
      'whenCreated',
      'krbLastSuccessfulAuth',
      'krbLastFailedAuth',
      'krbLoginFailedCount',
    ],
  ].map((name) => name.toLowerCase()),
);

/** Attribute names ignore case. These are written as their schemas write them, whatever the server sends. */
const CANONICAL = new Map(
  [
    ...LDAP_MAPPING.flatMap(({ sources }) => sources),
    ...['manager', 'sAMAccountName', 'proxyAddresses', 'userAccountControl', 'accountExpires', 'description'],
  ].map((name) => [name.toLowerCase(), name]),
);

export function idOf(entry: Entry, { kind, idAttribute }: Preset): string | null {
  if (kind !== 'ActiveDirectory') return entry.first(idAttribute);
  const [bytes] = entry.bytes(idAttribute);
  return bytes ? guidText(bytes) : null;
}

export type UserReading =
  | { readonly user: SourceUser }
  | { readonly id: string | null; readonly unread: string };

/** `rule` null: Active Directory's own rule. */
export function userOf(entry: Entry, preset: Preset, rule: InactiveRule | null, nowMs: number): UserReading {
  const id = idOf(entry, preset);
  if (id === null) {
    return {
      id,
      unread: `${entry.dn} shows no ${preset.idAttribute}: the account of BIND_DN must be able to read it`,
    };
  }
  const activity = rule ? byRule(entry, rule) : byAccountControl(entry, nowMs);
  if ('unread' in activity) return { id, unread: activity.unread };
  const createdAt = generalizedTime(entry.first(preset.createdAttribute) ?? '');
  const changedAt = generalizedTime(entry.first(preset.changedAttribute) ?? '');
  const aliases = aliasesOf(entry);
  return {
    user: {
      id,
      ...activity,
      attributes: attributesOf(entry),
      ...(aliases.length === 0 ? {} : { aliases }),
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(changedAt === undefined ? {} : { changedAt }),
    },
  };
}

type Activity = Pick<SourceUser, 'state' | 'because' | 'activeUntil'> | { readonly unread: string };

function byRule(entry: Entry, { attribute, value }: InactiveRule): Activity {
  const isInactive = entry.texts(attribute).some((text) => text.trim().toLowerCase() === value.toLowerCase());
  return isInactive ? { state: 'inactive', because: `${attribute} is ${value}` } : { state: 'active' };
}

const ACCOUNT_DISABLED = 0x2;

/** A locked account is not inactive, because the lock passes. */
function byAccountControl(entry: Entry, nowMs: number): Activity {
  const control = Number(entry.first('userAccountControl') ?? Number.NaN);
  if (!Number.isInteger(control)) {
    return {
      unread: `${entry.dn} shows no userAccountControl, so nobody knows whether it is disabled: the account of BIND_DN must be able to read it`,
    };
  }
  if ((control & ACCOUNT_DISABLED) !== 0)
    return { state: 'inactive', because: 'disabled in Active Directory' };
  const expiresMs = fileTimeMs(entry.first('accountExpires') ?? '');
  if (expiresMs === null) return { state: 'active' };
  const at = new Date(expiresMs).toISOString();
  return expiresMs <= nowMs
    ? { state: 'inactive', because: `account expired at ${at}` }
    : { state: 'active', activeUntil: at };
}

function attributesOf(entry: Entry): SourceAttributes {
  const found: [string, SourceValue][] = [['dn', entry.dn]];
  for (const name of entry.names) {
    if (LEFT_OUT.has(name.toLowerCase())) continue;
    const texts = entry.texts(name);
    const [only] = texts;
    if (only !== undefined)
      found.push([CANONICAL.get(name.toLowerCase()) ?? name, texts.length === 1 ? only : texts]);
  }
  return Object.fromEntries(found);
}

/** Exchange's `smtp:` addresses, and the further values of `mail`. */
function aliasesOf(entry: Entry): readonly string[] {
  const proxies = entry.texts('proxyAddresses').flatMap((text) => /^smtp:(.+)$/i.exec(text)?.[1] ?? []);
  const [, ...more] = entry.texts('mail');
  return [...new Set([...proxies, ...more, ...entry.texts('mailAlternateAddress')])];
}

export function groupOf(entry: Entry, preset: Preset, id: string): SourceGroup {
  const email = entry.first('mail');
  const description = entry.first('description');
  const type = groupType(entry, preset);
  return {
    ...{ id, state: 'active', name: entry.first('cn') ?? entry.first('ou') ?? entry.dn, dn: entry.dn },
    ...(type === null ? {} : { type }),
    ...(email === null ? {} : { email }),
    ...(description === null ? {} : { description }),
  };
}

const GROUP_CLASSES = ['groupOfNames', 'groupOfUniqueNames', 'posixGroup'];

function groupType(entry: Entry, { kind }: Preset): string | null {
  if (kind === 'ActiveDirectory') {
    const type = Number(entry.first('groupType') ?? Number.NaN);
    // The sign bit says that the group can be given rights.
    return Number.isNaN(type) ? null : type < 0 ? 'security' : 'distribution';
  }
  const classes = entry.texts('objectClass').map((name) => name.toLowerCase());
  return GROUP_CLASSES.find((name) => classes.includes(name.toLowerCase())) ?? null;
}
