/** The company in a real OpenLDAP, with `Engineers` inside `Staff`. */

import { Attribute, Change, Client } from 'ldapts';
import { SLAPD_READER, SLAPD_SUFFIX, startSlapd } from '../../../emulator/slapd.ts';
import { CERTIFICATE, KEY } from '../../../unit/outbound/certificate.ts';
import { addressOf, type Company, GROUPS, type Hired, PEOPLE } from './company.ts';

const BASE = { people: `ou=people,${SLAPD_SUFFIX}`, groups: `ou=groups,${SLAPD_SUFFIX}` };
const dnOf = (name: string) => `uid=${name},${BASE.people}`;
const groupOf = (name: string) => `cn=${name},${BASE.groups}`;

export async function companyAtOpenLdap(): Promise<Company> {
  const unit = (name: string) =>
    `dn: ou=${name},${SLAPD_SUFFIX}\nobjectClass: organizationalUnit\nou: ${name}`;
  const isOutside = (name: string) => !GROUPS.Engineers.some((engineer) => engineer === name);
  const staff = [groupOf('Engineers'), ...GROUPS.Staff.filter(isOutside).map(dnOf)];
  const ldif = [
    ...[unit('people'), unit('groups')],
    ...Object.entries(PEOPLE).map(([name, manager]) => ldifOf(dnOf(name), person(name, { manager }))),
    ldifOf(groupOf('Engineers'), group('Engineers', GROUPS.Engineers.map(dnOf))),
    ldifOf(groupOf('Staff'), group('Staff', staff)),
  ].join('\n\n');
  const slapd = await startSlapd({ ldif, certificate: { cert: CERTIFICATE, key: KEY } });
  const asAdmin = async (work: (client: Client) => Promise<void>) => {
    const client = new Client({ url: `ldap://127.0.0.1:${slapd.port}` });
    await client.bind(slapd.root.dn, slapd.root.password);
    await work(client);
    await client.unbind();
  };
  /** No values: the attribute goes. */
  const replace = (dn: string, type: string, values: readonly string[]) =>
    asAdmin((client) =>
      client.modify(
        dn,
        new Change({ operation: 'replace', modification: new Attribute({ type, values: [...values] }) }),
      ),
    );
  return {
    connection: {
      strategy: 'ldap',
      configuration: {
        ...{ URL: `ldap://127.0.0.1:${slapd.port}`, TLS: 'none', BIND_DN: SLAPD_READER.dn },
        ...{ BIND_PASSWORD: SLAPD_READER.password, USER_BASE: BASE.people, GROUP_BASE: BASE.groups },
      },
    },
    accountId: `OpenLDAP:${SLAPD_SUFFIX}`,
    others: [],
    groups: ['Engineers', 'Staff'].map((name) => ({ name, type: 'groupOfNames', dn: groupOf(name) })),
    hire: (name, hired = {}) => asAdmin((client) => client.add(dnOf(name), person(name, hired))),
    retitle: (name, title) => replace(dnOf(name), 'title', [title]),
    readdress: (name, address) => replace(dnOf(name), 'mail', [address]),
    suspend: (name) => replace(dnOf(name), 'pwdAccountLockedTime', ['000001010000Z']),
    restore: (name) => replace(dnOf(name), 'pwdAccountLockedTime', []),
    remove: (name) => asAdmin((client) => client.del(dnOf(name))),
    setMembers: (name, names) => replace(groupOf(name), 'member', names.map(dnOf)),
    loseRights: () => replace(SLAPD_READER.dn, 'userPassword', ['another-secret']),
    regainRights: () => replace(SLAPD_READER.dn, 'userPassword', [SLAPD_READER.password]),
    close: () => slapd.close(),
  };
}

function person(name: string, { manager = null, address = addressOf(name) }: Hired) {
  return {
    ...{ objectClass: 'inetOrgPerson', uid: name, cn: name, sn: name, mail: address, title: 'Engineer' },
    ...(manager ? { manager: dnOf(manager) } : {}),
  };
}

function group(name: string, member: readonly string[]) {
  return { objectClass: 'groupOfNames', cn: name, member: [...member] };
}

function ldifOf(dn: string, attributes: Readonly<Record<string, string | string[]>>): string {
  const lines = Object.entries(attributes).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  return [`dn: ${dn}`, ...lines].join('\n');
}
