/** The company at Okta, whose groups hold people alone. */

import { startOktaEmulator } from '../../../emulator/okta.ts';
import { addressOf, type Company, GROUPS, PEOPLE } from './company.ts';

export async function companyAtOkta(): Promise<Company> {
  const okta = await startOktaEmulator();
  const { state, app } = okta;
  const ids = new Map<string, string>();
  const idOf = (name: string) => ids.get(name) ?? '';
  const hire: Company['hire'] = async (name, { manager = null, address = addressOf(name) } = {}) => {
    const profile = { title: 'Engineer', employeeNumber: name, ...(manager ? { managerId: manager } : {}) };
    ids.set(name, state.addUser({ login: address, profile }).id);
  };
  for (const [name, manager] of Object.entries(PEOPLE)) await hire(name, { manager });
  const groups = new Map(
    Object.entries(GROUPS).map(([name, members]) => [name, state.addGroup(name, members.map(idOf)).id]),
  );
  return {
    connection: {
      strategy: 'oktaApi',
      configuration: {
        ...{ ORG_URL: okta.url, CLIENT_ID: app.clientId, KEY_ID: app.keyId },
        PRIVATE_KEY: okta.privateKey,
      },
    },
    accountId: state.orgId,
    others: [],
    groups: [
      { name: 'Everyone', type: 'BUILT_IN' },
      { name: 'Engineers', type: 'OKTA_GROUP' },
      { name: 'Staff', type: 'OKTA_GROUP' },
    ],
    hire,
    retitle: async (name, title) => state.setProfile(idOf(name), { title }),
    readdress: async (name, address) => state.setProfile(idOf(name), { login: address, email: address }),
    suspend: async (name) => state.setStatus(idOf(name), 'SUSPENDED'),
    restore: async (name) => state.setStatus(idOf(name), 'ACTIVE'),
    remove: async (name) => state.removeUser(idOf(name)),
    setMembers: async (group, names) => state.setMembers(groups.get(group) ?? '', names.map(idOf)),
    loseRights: async () => {
      app.role = 'none';
    },
    regainRights: async () => {
      app.role = 'readOnly';
    },
    moveTo: async (accountId) => {
      state.orgId = accountId;
    },
    close: () => okta.close(),
  };
}
