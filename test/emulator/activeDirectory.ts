/** The stand-in as a domain controller of Active Directory: ids of bytes, counters, primary groups, account control. */

import { randomBytes } from 'node:crypto';
import { type Attributes, type LdapEmulator, type LdapOptions, startLdapEmulator } from './ldap.ts';

export const AD_SUFFIX = 'DC=corp,DC=example';
export const AD_PEOPLE = `OU=People,${AD_SUFFIX}`;
export const AD_GROUPS = `OU=Groups,${AD_SUFFIX}`;
export const AD_READER = { dn: `CN=reader,OU=Service,${AD_SUFFIX}`, password: 'a-secret-of-the-reader' };
const DOMAIN_USERS = 513;
const SERVICE = `CN=NTDS Settings,CN=DC1,CN=Servers,${AD_SUFFIX}`;

/** A connection that pulls it. */
export function connectionTo({ port }: Pick<ActiveDirectory, 'port'>) {
  return {
    strategy: 'ldap',
    configuration: {
      ...{ URL: `ldap://127.0.0.1:${port}`, TLS: 'none', USER_BASE: AD_PEOPLE, GROUP_BASE: AD_GROUPS },
      ...{ BIND_DN: AD_READER.dn, BIND_PASSWORD: AD_READER.password },
    },
  };
}

export interface ActiveDirectory extends LdapEmulator {
  /** Gives the DN. */
  addPerson(name: string, attributes?: Attributes): string;
  addGroup(name: string, members?: readonly string[], rid?: number): string;
  /** The objectGUID as text. */
  idOf(dn: string): string;
  /** As a controller that was restored from a backup. */
  setInvocation(id: Buffer): void;
}

export async function startActiveDirectory(options: Partial<LdapOptions> = {}): Promise<ActiveDirectory> {
  const ldap = await startLdapEmulator({
    ...{ suffix: AD_SUFFIX, bindDn: AD_READER.dn, password: AD_READER.password },
    ...options,
  });
  let usn = 1000;
  const rootOf = (): Attributes => ({
    namingContexts: [AD_SUFFIX, `CN=Configuration,${AD_SUFFIX}`],
    defaultNamingContext: AD_SUFFIX,
    supportedControl: ['1.2.840.113556.1.4.319', '1.2.840.113556.1.4.417'],
    supportedCapabilities: ['1.2.840.113556.1.4.800', '1.2.840.113556.1.4.1670'],
    domainFunctionality: '7',
    dnsHostName: 'dc1.corp.example',
    dsServiceName: SERVICE,
    highestCommittedUSN: String(usn),
  });
  ldap.root = rootOf();
  ldap.stamp = (isNew) => {
    usn += 1;
    ldap.root = { ...ldap.root, highestCommittedUSN: String(usn) };
    const now = `${new Date().toISOString().slice(0, 19).replace(/[-:T]/g, '')}.0Z`;
    return { uSNChanged: String(usn), whenChanged: now, ...(isNew ? { whenCreated: now } : {}) };
  };
  ldap.computed.set('memberof', (dn) =>
    [...ldap.entries.values()]
      .filter(({ attributes }) => attributes.get('member')?.includes(dn))
      .map((group) => group.dn),
  );
  for (const dn of [AD_SUFFIX, AD_PEOPLE, AD_GROUPS, `OU=Service,${AD_SUFFIX}`]) {
    ldap.put(dn, { objectClass: ['top', 'organizationalUnit'], objectGUID: randomBytes(16) });
  }
  ldap.put(AD_READER.dn, { objectClass: ['top', 'person', 'user'], objectGUID: randomBytes(16) });
  ldap.put(SERVICE, { objectClass: ['nTDSDSA'], invocationId: randomBytes(16) });
  const references = ['ForestDnsZones', 'DomainDnsZones'].map(
    (zone) => `ldap://${zone}.corp.example/DC=${zone},${AD_SUFFIX}`,
  );
  ldap.faults.references = [...references, `ldap://corp.example/CN=Configuration,${AD_SUFFIX}`];
  return Object.assign(ldap, {
    addPerson(name: string, attributes: Attributes = {}) {
      const dn = `CN=${name},${AD_PEOPLE}`;
      ldap.put(dn, {
        objectClass: ['top', 'person', 'organizationalPerson', 'user'],
        objectCategory: 'person',
        ...{ cn: name, displayName: name, sAMAccountName: name.replace(/\W/g, '').slice(0, 20) },
        userPrincipalName: `${name.replace(/\W/g, '.').toLowerCase()}@corp.example`,
        ...{ objectGUID: randomBytes(16), userAccountControl: '512', accountExpires: '9223372036854775807' },
        primaryGroupID: String(DOMAIN_USERS),
        ...attributes,
      });
      return dn;
    },
    addGroup(name: string, members: readonly string[] = [], rid = usn + 5000) {
      const dn = `CN=${name},${AD_GROUPS}`;
      const objectSid = Buffer.alloc(28);
      objectSid.set([1, 5, 0, 0, 0, 0, 0, 5]);
      objectSid.writeUInt32LE(21, 8);
      objectSid.writeUInt32LE(rid, 24);
      const attributes = {
        cn: name,
        sAMAccountName: name,
        groupType: '-2147483646',
        objectSid,
        member: members,
      };
      ldap.put(dn, { objectClass: ['top', 'group'], objectGUID: randomBytes(16), ...attributes });
      return dn;
    },
    idOf(dn: string) {
      const [bytes] = ldap.entries.get(dn.toLowerCase())?.attributes.get('objectGUID') ?? [];
      if (!Buffer.isBuffer(bytes)) throw new Error(`${dn} has no objectGUID`);
      // As .NET's Guid.ToString writes them.
      const part = (from: number, to: number, isTurned: boolean) => {
        const slice = Buffer.from(bytes.subarray(from, to));
        return (isTurned ? slice.reverse() : slice).toString('hex');
      };
      return [
        part(0, 4, true),
        part(4, 6, true),
        part(6, 8, true),
        part(8, 10, false),
        part(10, 16, false),
      ].join('-');
    },
    setInvocation(invocationId: Buffer) {
      ldap.change(SERVICE, { invocationId });
    },
  });
}
