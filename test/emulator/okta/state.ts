/** What an emulated Okta organisation holds: people and groups, with the times that Okta keeps of them. */

export type OktaStatus =
  | 'STAGED'
  | 'PROVISIONED'
  | 'ACTIVE'
  | 'RECOVERY'
  | 'PASSWORD_EXPIRED'
  | 'LOCKED_OUT'
  | 'SUSPENDED'
  | 'DEPROVISIONED';

export interface OktaUser {
  readonly id: string;
  status: string;
  readonly created: string;
  statusChanged: string | null;
  lastUpdated: string;
  profile: Record<string, unknown>;
}

export interface OktaGroup {
  readonly id: string;
  readonly type: 'OKTA_GROUP' | 'APP_GROUP' | 'BUILT_IN';
  readonly created: string;
  lastUpdated: string;
  lastMembershipUpdated: string;
  profile: { name: string; description: string | null };
  readonly members: Set<string>;
}

export interface SeedOktaUser {
  readonly id?: string;
  readonly login: string;
  readonly status?: OktaStatus;
  /** Beyond `login`, `email`, `firstName` and `lastName`, which are made from the login. */
  readonly profile?: Readonly<Record<string, unknown>>;
}

export interface OktaState {
  orgId: string;
  readonly users: Map<string, OktaUser>;
  readonly groups: Map<string, OktaGroup>;
  addUser(seed: SeedOktaUser): OktaUser;
  setStatus(id: string, status: string): void;
  setProfile(id: string, profile: Readonly<Record<string, unknown>>): void;
  /** Okta deletes for good whoever is deactivated: no trace is left. */
  removeUser(id: string): void;
  addGroup(name: string, members?: readonly string[], type?: OktaGroup['type']): OktaGroup;
  renameGroup(id: string, name: string): void;
  /** Leaves each person's own `lastUpdated` as it was, as Okta does. */
  setMembers(groupId: string, members: readonly string[]): void;
  removeGroup(id: string): void;
}

export function createState(now: () => number): OktaState {
  let count = 0;
  const id = (prefix: string) => {
    count += 1;
    return `${prefix}${String(count).padStart(17, '0')}`;
  };
  const stamp = () => new Date(now()).toISOString();
  const users = new Map<string, OktaUser>();
  const groups = new Map<string, OktaGroup>();
  const userOf = (userId: string) => found(users, userId);
  const addGroup: OktaState['addGroup'] = (name, members = [], type = 'OKTA_GROUP') => {
    const at = stamp();
    const times = { created: at, lastUpdated: at, lastMembershipUpdated: at };
    const group = {
      ...{ id: id('00g'), type, ...times },
      ...{ profile: { name, description: null }, members: new Set(members) },
    };
    groups.set(group.id, group);
    return group;
  };
  const everyone = addGroup('Everyone', [], 'BUILT_IN');
  return {
    orgId: '00o1emulated',
    users,
    groups,
    addUser({ login, status = 'ACTIVE', profile = {}, ...seed }) {
      const at = stamp();
      const [firstName = login] = login.split('@');
      const user = {
        ...{ id: seed.id ?? id('00u'), status, created: at, statusChanged: at, lastUpdated: at },
        profile: { login, email: login, firstName, lastName: 'Doe', ...profile },
      };
      users.set(user.id, user);
      everyone.members.add(user.id);
      return user;
    },
    setStatus(userId, status) {
      const at = stamp();
      Object.assign(userOf(userId), { status, statusChanged: at, lastUpdated: at });
    },
    setProfile(userId, profile) {
      const user = userOf(userId);
      Object.assign(user, { profile: { ...user.profile, ...profile }, lastUpdated: stamp() });
    },
    removeUser(userId) {
      users.delete(userId);
      for (const group of groups.values()) group.members.delete(userId);
    },
    addGroup,
    renameGroup(groupId, name) {
      const group = found(groups, groupId);
      Object.assign(group, { profile: { ...group.profile, name }, lastUpdated: stamp() });
    },
    setMembers(groupId, members) {
      const group = found(groups, groupId);
      group.members.clear();
      for (const member of members) group.members.add(member);
      group.lastMembershipUpdated = stamp();
    },
    removeGroup(groupId) {
      groups.delete(groupId);
    },
  };
}

function found<T>(things: ReadonlyMap<string, T>, id: string): T {
  const thing = things.get(id);
  if (!thing) throw new Error(`nothing has the id ${id}`);
  return thing;
}
