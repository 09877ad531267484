/** The company in Google Workspace, with `Engineers` inside `Staff`, and the administrator who reads. */

import { type GoogleMember, startGoogleEmulator } from '../../../emulator/google.ts';
import { addressOf, type Company, GROUPS, PEOPLE } from './company.ts';

export async function companyAtGoogle(): Promise<Company> {
  const google = await startGoogleEmulator();
  const ids = new Map<string, string>();
  const change = (name: string, more: Readonly<Record<string, unknown>>) => {
    const user = google.users.get(ids.get(name) ?? '');
    if (user) google.users.set(user.id, { ...user, ...more });
  };
  const titled = (title: string) => ({ organizations: [{ title, primary: true, type: 'work' }] });
  const hire: Company['hire'] = async (name, { manager = null, address = addressOf(name) } = {}) => {
    const relations = manager ? { relations: [{ type: 'manager', value: addressOf(manager) }] } : {};
    ids.set(name, google.addUser(address, { ...titled('Engineer'), ...relations }).id);
  };
  for (const [name, manager] of Object.entries(PEOPLE)) await hire(name, { manager });
  const person = (name: string): GoogleMember => ({
    id: ids.get(name) ?? '',
    type: 'USER',
    status: 'ACTIVE',
  });
  const engineers = google.addGroup(addressOf('Engineers'), GROUPS.Engineers.map(person));
  const inner: GoogleMember = { id: engineers.id, type: 'GROUP', email: addressOf('Engineers') };
  const isOutside = (name: string) => !GROUPS.Engineers.some((engineer) => engineer === name);
  const staff = google.addGroup(addressOf('Staff'), [inner, ...GROUPS.Staff.filter(isOutside).map(person)]);
  const groups = new Map([
    ['Engineers', engineers.id],
    ['Staff', staff.id],
  ]);
  return {
    connection: {
      strategy: 'google',
      configuration: {
        ...{ SERVICE_ACCOUNT_KEY: google.serviceAccountKey, SUBJECT: addressOf('reader') },
        ...{ API_BASE_URL: google.url, TOKEN_URL: google.tokenUrl },
      },
    },
    accountId: google.customerId,
    others: ['reader'],
    groups: [
      { name: 'Engineers', email: addressOf('Engineers'), directMembersCount: 3 },
      { name: 'Staff', email: addressOf('Staff'), directMembersCount: 3 },
    ],
    hire,
    retitle: async (name, title) => change(name, titled(title)),
    readdress: async (name, address) =>
      change(name, { primaryEmail: address, emails: [{ address, primary: true }] }),
    suspend: async (name) => change(name, { suspended: true, suspensionReason: 'ADMIN' }),
    restore: async (name) => change(name, { suspended: false }),
    remove: async (name) => {
      google.users.delete(ids.get(name) ?? '');
    },
    setMembers: async (group, names) => {
      google.members.set(groups.get(group) ?? '', names.map(person));
    },
    loseRights: async () => google.privileges.clear(),
    regainRights: async () => {
      google.privileges.add('users').add('groups');
    },
    moveTo: async (customerId) => {
      for (const user of google.users.values()) google.users.set(user.id, { ...user, customerId });
    },
    close: () => google.close(),
  };
}
