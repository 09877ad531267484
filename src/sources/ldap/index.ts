/** LDAP servers: Active Directory, OpenLDAP, FreeIPA. */

import type { SourceDefinition } from '../source.ts';
import { LDAP_MAPPING } from './mapping.ts';
import { normalDn } from './protocol/dn.ts';
import { LDAP_SPECS, refuseLdap } from './settings.ts';
import { createLdapSource } from './source.ts';

export const ldapSource: SourceDefinition = {
  strategy: 'ldap',
  vendor: 'LDAP',
  enriches: false,
  settings: LDAP_SPECS,
  refuse: refuseLdap,
  scopeKeys: ['USER_BASE', 'USER_FILTER', 'GROUP_BASE', 'GROUP_FILTER', 'INACTIVE_WHEN'],
  hostKeys: ['URL'],
  reach: 'private',
  defaultMapping: LDAP_MAPPING,
  manager: { childKey: 'manager', parentKey: 'dn' },
  comparedKey: normalDn,
  create: createLdapSource,
};
