/**
 * What differs between kinds of LDAP servers: the attribute with the immutable id, which entries are people, and who
 * is inactive.
 */

export type ServerKind = 'ActiveDirectory' | 'OpenLDAP' | 'FreeIPA';

export interface Preset {
  readonly kind: ServerKind;
  /** Never changes, even if the entry is renamed or moved. */
  readonly idAttribute: string;
  readonly userFilter: string;
  readonly groupFilter: string;
  /** Changes with every write to an entry. */
  readonly changeAttribute: 'uSNChanged' | 'modifyTimestamp';
  readonly createdAttribute: string;
  readonly changedAttribute: string;
  /** Null where `userAccountControl` and `accountExpires` tell who is inactive. */
  readonly inactiveWhen: string | null;
  /** The attributes to ask for; `*` means all that are not operational. */
  readonly attributes: readonly string[];
}

/** In Active Directory `*` would also bring everybody's photographs and certificates, so attributes are named. */
const AD_ATTRIBUTES: readonly string[] = [
  ...['cn', 'sAMAccountName', 'userPrincipalName', 'mail', 'proxyAddresses', 'displayName', 'name'],
  ...[
    'givenName',
    'middleName',
    'initials',
    'sn',
    'personalTitle',
    'generationQualifier',
    'description',
    'info',
  ],
  ...['title', 'department', 'departmentNumber', 'division', 'company', 'o', 'ou', 'manager', 'assistant'],
  ...[
    'employeeID',
    'employeeNumber',
    'employeeType',
    'physicalDeliveryOfficeName',
    'roomNumber',
    'co',
    'c',
    'l',
    'st',
  ],
  ...['telephoneNumber', 'mobile', 'ipPhone', 'preferredLanguage', 'businessCategory', 'wWWHomePage', 'uid'],
  ...['countryCode', 'carLicense', 'mailNickname', 'targetAddress', 'msDS-PrincipalName'],
  ...Array.from({ length: 15 }, (_, n) => `extensionAttribute${n + 1}`),
  ...Array.from({ length: 20 }, (_, n) => `msDS-cloudExtensionAttribute${n + 1}`),
];

const PRESETS: Readonly<Record<ServerKind, Preset>> = {
  ActiveDirectory: {
    kind: 'ActiveDirectory',
    idAttribute: 'objectGUID',
    userFilter: '(&(objectCategory=person)(objectClass=user))',
    groupFilter: '(objectClass=group)',
    changeAttribute: 'uSNChanged',
    createdAttribute: 'whenCreated',
    changedAttribute: 'whenChanged',
    inactiveWhen: null,
    attributes: [
      ...AD_ATTRIBUTES,
      'userAccountControl',
      'accountExpires',
      'primaryGroupID',
      'whenCreated',
      'whenChanged',
    ],
  },
  OpenLDAP: {
    kind: 'OpenLDAP',
    idAttribute: 'entryUUID',
    userFilter: '(objectClass=inetOrgPerson)',
    groupFilter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
    changeAttribute: 'modifyTimestamp',
    createdAttribute: 'createTimestamp',
    changedAttribute: 'modifyTimestamp',
    inactiveWhen: 'pwdAccountLockedTime=000001010000Z',
    attributes: ['*', 'createTimestamp', 'modifyTimestamp'],
  },
  FreeIPA: {
    kind: 'FreeIPA',
    idAttribute: 'ipaUniqueID',
    userFilter: '(objectClass=inetOrgPerson)',
    groupFilter: '(objectClass=ipausergroup)',
    changeAttribute: 'modifyTimestamp',
    createdAttribute: 'createTimestamp',
    changedAttribute: 'modifyTimestamp',
    inactiveWhen: 'nsAccountLock=TRUE',
    attributes: ['*', 'createTimestamp', 'modifyTimestamp'],
  },
};

export function presetOf(kind: ServerKind): Preset {
  return PRESETS[kind];
}
