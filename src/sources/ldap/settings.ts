/** The settings of a connection of strategy `ldap`. */

import { FilterParser } from 'ldapts';
import { type Configuration, type SettingSpec, settingsOf } from '../../model/settings.ts';
import { SOURCE_SPECS } from '../settings.ts';
import type { ServerKind } from './presets.ts';
import { isDn } from './protocol/dn.ts';

export const LDAP_SPECS = [
  {
    key: 'URL',
    type: 'string',
    required: true,
    description:
      'The server: ldaps://dc1.example.com, or ldap:// with StartTLS; with its port where it is another than 636 or 389. One server, not a name for several of them.',
  },
  {
    key: 'BIND_DN',
    type: 'string',
    required: true,
    description: 'Whom the bridge signs in as: a DN; in Active Directory also reader@example.com.',
  },
  {
    key: 'BIND_PASSWORD',
    type: 'string',
    required: true,
    secret: true,
    description: 'The password of that account.',
  },
  {
    key: 'TLS',
    type: 'string',
    allowed: ['ldaps', 'startTls', 'none'],
    description:
      'How the connection is encrypted: as the URL says where absent (ldaps:// ldaps, ldap:// startTls). none sends the password in clear, and is taken for private addresses alone.',
  },
  {
    key: 'USER_BASE',
    type: 'string',
    required: true,
    description: 'The DN below which people are.',
  },
  {
    key: 'USER_FILTER',
    type: 'string',
    description:
      "Which entries below it are people. The preset's own where absent; do not leave out who is disabled.",
  },
  {
    key: 'GROUP_BASE',
    type: 'string',
    description: 'The DN below which groups are; USER_BASE where absent.',
  },
  {
    key: 'GROUP_FILTER',
    type: 'string',
    description: "Which entries below it are groups. The preset's own where absent.",
  },
  {
    key: 'PRESET',
    type: 'string',
    allowed: ['ActiveDirectory', 'OpenLDAP', 'FreeIPA'],
    description:
      'The kind of server, which decides on ids, filters and who is inactive; the server is asked where absent.',
  },
  {
    key: 'INACTIVE_WHEN',
    type: 'string',
    description:
      "attribute=value: whoever has it is inactive. The preset's own where absent: in Active Directory userAccountControl and accountExpires.",
  },
  ...SOURCE_SPECS,
] as const satisfies readonly SettingSpec[];

export type TlsMode = 'ldaps' | 'startTls' | 'none';

export interface LdapSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMode;
  readonly caPem: string | null;
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly userBase: string;
  readonly userFilter: string | null;
  readonly groupBase: string;
  readonly groupFilter: string | null;
  readonly preset: ServerKind | null;
  readonly inactiveWhen: string | null;
}

export function ldapSettings(configuration: Configuration): LdapSettings {
  const settings = settingsOf(LDAP_SPECS, configuration);
  const url = new URL(settings.url.trim());
  const tls = settings.tls ?? impliedTls(url);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (tls === 'ldaps' ? 636 : 389) : Number(url.port),
    tls,
    caPem: settings.caPem?.trim() || null,
    bindDn: settings.bindDn.trim(),
    bindPassword: settings.bindPassword,
    userBase: settings.userBase.trim(),
    userFilter: settings.userFilter?.trim() || null,
    groupBase: settings.groupBase?.trim() || settings.userBase.trim(),
    groupFilter: settings.groupFilter?.trim() || null,
    preset: settings.preset,
    inactiveWhen: settings.inactiveWhen?.trim() || null,
  };
}

function impliedTls(url: URL): TlsMode {
  return url.protocol === 'ldaps:' ? 'ldaps' : 'startTls';
}

export interface SettingMistake {
  readonly key: string;
  readonly detail: string;
}

export function refuseLdap(configuration: Configuration): readonly SettingMistake[] {
  const text = (key: string) => {
    const value = configuration[key];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  };
  const mistakes: SettingMistake[] = [];
  const mistake = (key: string, detail: string | null) => {
    if (detail !== null) mistakes.push({ key, detail });
  };
  const url = text('URL');
  if (url !== null) mistake('URL', urlMistake(url, text('TLS')));
  if (text('BIND_PASSWORD') === null && configuration.BIND_PASSWORD !== undefined) {
    mistake(
      'BIND_PASSWORD',
      'BIND_PASSWORD is empty: with an empty password many servers let in anybody, and show nothing',
    );
  }
  for (const key of ['USER_BASE', 'GROUP_BASE']) {
    const base = text(key);
    if (base !== null && !isDn(base)) mistake(key, `${key} must be a DN: ou=people,dc=example,dc=com`);
  }
  for (const key of ['USER_FILTER', 'GROUP_FILTER']) {
    const filter = text(key);
    if (filter !== null) mistake(key, filterMistake(key, filter));
  }
  const rule = text('INACTIVE_WHEN');
  if (rule !== null && !readRule(rule)) {
    mistake('INACTIVE_WHEN', 'INACTIVE_WHEN must be attribute=value: nsAccountLock=TRUE');
  }
  if (text('PROXY_URL') !== null) {
    mistake('PROXY_URL', 'PROXY_URL does not work here: LDAP does not go through a proxy for HTTP');
  }
  return mistakes;
}

function urlMistake(url: string, tls: string | null): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^ldaps?:$/.test(parsed.protocol) || parsed.hostname === '') {
    return 'URL must be ldaps://host or ldap://host, with its port if it has one';
  }
  if (parsed.username !== '' || parsed.password !== '')
    return 'URL must hold no name and no password: enter them as BIND_DN and BIND_PASSWORD';
  if (!/^\/?$/.test(parsed.pathname) || parsed.search !== '')
    return 'URL must end after host and port: enter the base as USER_BASE';
  if (parsed.protocol === 'ldaps:' && tls !== null && tls !== 'ldaps')
    return `URL begins with ldaps://, which TLS ${tls} contradicts`;
  if (parsed.protocol === 'ldap:' && tls === 'ldaps')
    return 'URL begins with ldap://, which TLS ldaps contradicts: enter ldaps://';
  return null;
}

/**
 * Parses the filter as it will be sent. The parser closes open brackets by itself, which may change whom the filter
 * means.
 */
function filterMistake(key: string, filter: string): string | null {
  const wrong = `${key} is no LDAP filter (RFC 4515): it looks like (&(objectClass=person)(department=Sales))`;
  if (!filter.startsWith('(') || !isBalanced(filter)) return wrong;
  try {
    FilterParser.parseString(filter);
    return null;
  } catch {
    return wrong;
  }
}

/** A bracket inside a value is written \28 or \29. */
function isBalanced(filter: string): boolean {
  return filter.split('(').length === filter.split(')').length;
}

export interface InactiveRule {
  readonly attribute: string;
  readonly value: string;
}

export function readRule(text: string): InactiveRule | null {
  const [, attribute, value] = /^\s*([A-Za-z][\w.-]*)\s*=\s*(.+?)\s*$/.exec(text) ?? [];
  return attribute === undefined || value === undefined ? null : { attribute, value };
}
