/** The company in Active Directory, with `Engineers` inside `Staff`. */

import {
  AD_GROUPS,
  AD_PEOPLE,
  connectionTo,
  startActiveDirectory,
} from '../../../emulator/activeDirectory.ts';
import { addressOf, type Company, GROUPS, PEOPLE } from './company.ts';

export async function companyAtActiveDirectory(): Promise<Company> {
  const ad = await startActiveDirectory();
  const dnOf = (name: string) => `CN=${name},${AD_PEOPLE}`;
  const groupOf = (name: string) => `CN=${name},${AD_GROUPS}`;
  const hire: Company['hire'] = async (name, { manager = null, address = addressOf(name) } = {}) => {
    ad.addPerson(name, { mail: address, title: 'Engineer', ...(manager ? { manager: dnOf(manager) } : {}) });
  };
  for (const [name, manager] of Object.entries(PEOPLE)) await hire(name, { manager });
  const isOutside = (name: string) => !GROUPS.Engineers.some((engineer) => engineer === name);
  ad.addGroup('Engineers', GROUPS.Engineers.map(dnOf));
  ad.addGroup('Staff', [groupOf('Engineers'), ...GROUPS.Staff.filter(isOutside).map(dnOf)]);
  return {
    connection: connectionTo(ad),
    accountId: 'ActiveDirectory:dc=corp,dc=example',
    others: [],
    groups: ['Engineers', 'Staff'].map((name) => ({ name, type: 'security', dn: groupOf(name) })),
    hire,
    retitle: async (name, title) => ad.change(dnOf(name), { title }),
    readdress: async (name, mail) => ad.change(dnOf(name), { mail }),
    suspend: async (name) => ad.change(dnOf(name), { userAccountControl: '514' }),
    restore: async (name) => ad.change(dnOf(name), { userAccountControl: '512' }),
    remove: async (name) => ad.remove(dnOf(name)),
    setMembers: async (group, names) => ad.change(groupOf(group), { member: names.map(dnOf) }),
    loseRights: async () => {
      ad.faults.isBlind = true;
    },
    regainRights: async () => {
      ad.faults.isBlind = false;
    },
    close: () => ad.close(),
  };
}
