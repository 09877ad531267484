/** What an emulated GitLab instance holds, and the rules that its database keeps. It knows nothing of HTTP. */

export type UserState =
  | 'active'
  | 'blocked'
  | 'ldap_blocked'
  | 'blocked_pending_approval'
  | 'banned'
  | 'deactivated';

export interface GitLabUser {
  readonly id: number;
  username: string;
  name: string;
  email: string;
  secondaryEmails: string[];
  state: UserState;
  isAdmin: boolean;
  hasTwoFactor: boolean;
  /** GitLab's own: ghost, alert-bot. Nobody can block one. */
  internal: boolean;
  /** A service account, the account behind a group's or project's token, Duo: GitLab shows `bot: true`. */
  readonly isBot: boolean;
  /** A personal project of theirs has container registry tags, so that the username cannot change. */
  hasRegistryTags: boolean;
  /** organization, job_title, location, bio, note: text that GitLab only keeps. */
  readonly profile: Record<string, string>;
  identities: { provider: string; extern_uid: string }[];
  external: boolean;
  /** Until somebody confirms it, a new address only waits. */
  unconfirmedEmail: string | null;
  confirmed: boolean;
  readonly createdAt: string;
}

export interface GitLabGroup {
  readonly id: number;
  name: string;
  path: string;
  readonly parentId: number | null;
  visibility: string;
  /** GitLab shows it to nobody who asks, as a private group to a token that may not see it. */
  isHidden: boolean;
  /** Members come from elsewhere (LDAP, SAML), and the API adds none. */
  isMembershipLocked: boolean;
}

/** What a test changes of the whole instance, whenever it likes. */
export interface GitLabManners {
  /** Fields that a write answers 200 or 201 to, and leaves as they were. */
  readonly ignores: Set<string>;
  /** New accounts wait for an administrator's approval: the user cap is reached. */
  newUsersPending: boolean;
  /** How a creation beyond `seats` is refused; newer releases give a reason, and one failed with 500. */
  seatsAnswer: 'NO_SEATS_AVAILABLE' | 'reason' | 500;
}

export interface GitLabToken {
  readonly token: string;
  readonly userId: number;
  scopes: string[];
  revoked: boolean;
}

export interface GitLabState {
  readonly users: Map<number, GitLabUser>;
  readonly groups: Map<number, GitLabGroup>;
  /** Group id → user id → access level; direct memberships only. */
  readonly members: Map<number, Map<number, number>>;
  readonly tokens: Map<string, GitLabToken>;
  readonly manners: GitLabManners;
  addUser(given: Partial<GitLabUser> & { readonly username: string }): GitLabUser;
  addGroup(given: {
    name?: string;
    path: string;
    parentId?: number | null;
    visibility?: string;
  }): GitLabGroup;
  addToken(token: string, userId: number, scopes?: readonly string[]): GitLabToken;
  setMember(groupId: number, userId: number, level: number): void;
  removeUser(userId: number): void;
  /** With everything below it. */
  removeGroup(groupId: number): void;
}

export const OWNER = 50;

export function createState(): GitLabState {
  let lastId = 0;
  const newId = () => {
    lastId += 1;
    return lastId;
  };
  const state: GitLabState = {
    users: new Map(),
    groups: new Map(),
    members: new Map(),
    tokens: new Map(),
    manners: { ignores: new Set(), newUsersPending: false, seatsAnswer: 'NO_SEATS_AVAILABLE' },
    addUser(given) {
      const user: GitLabUser = {
        name: given.username,
        email: `${given.username}@example.com`,
        secondaryEmails: [],
        state: 'active',
        isAdmin: false,
        hasTwoFactor: false,
        internal: false,
        isBot: false,
        hasRegistryTags: false,
        profile: {},
        identities: [],
        external: false,
        unconfirmedEmail: null,
        confirmed: true,
        createdAt: new Date(Date.UTC(2024, 0, 1) + lastId * 60_000).toISOString(),
        ...given,
        id: newId(),
      };
      state.users.set(user.id, user);
      return user;
    },
    addGroup({ name, path, parentId = null, visibility = 'private' }) {
      const group = {
        id: newId(),
        name: name ?? path,
        path,
        parentId,
        visibility,
        isHidden: false,
        isMembershipLocked: false,
      };
      state.groups.set(group.id, group);
      state.members.set(group.id, new Map());
      return group;
    },
    addToken(token, userId, scopes = ['api']) {
      const made = { token, userId, scopes: [...scopes], revoked: false };
      state.tokens.set(token, made);
      return made;
    },
    setMember(groupId, userId, level) {
      state.members.get(groupId)?.set(userId, level);
    },
    removeUser(userId) {
      state.users.delete(userId);
      for (const members of state.members.values()) members.delete(userId);
    },
    removeGroup(groupId) {
      for (const id of [...descendants(state, groupId), groupId]) {
        state.groups.delete(id);
        state.members.delete(id);
      }
    },
  };
  return state;
}

/** Of what it holds; what is made in the copy has ids of its own. */
export function copyState({ users, groups, members, tokens }: GitLabState): GitLabState {
  return { ...createState(), ...structuredClone({ users, groups, members, tokens }) };
}

export function fullPath(state: GitLabState, group: GitLabGroup): string {
  const parent = group.parentId === null ? undefined : state.groups.get(group.parentId);
  return parent ? `${fullPath(state, parent)}/${group.path}` : group.path;
}

export function groupByPath(state: GitLabState, path: string): GitLabGroup | undefined {
  const wanted = path.toLowerCase();
  return [...state.groups.values()].find((group) => fullPath(state, group).toLowerCase() === wanted);
}

export function descendants(state: GitLabState, groupId: number): number[] {
  const children = [...state.groups.values()].filter(({ parentId }) => parentId === groupId);
  return children.flatMap(({ id }) => [id, ...descendants(state, id)]);
}

/** The membership that a person has through the groups above this one; the highest wins. */
export function inherited(
  state: GitLabState,
  groupId: number,
  userId: number,
): { readonly level: number; readonly group: GitLabGroup } | null {
  let best: { level: number; group: GitLabGroup } | null = null;
  let parentId = state.groups.get(groupId)?.parentId ?? null;
  while (parentId !== null) {
    const group = state.groups.get(parentId);
    const level = state.members.get(parentId)?.get(userId);
    if (group && level !== undefined && level > (best?.level ?? 0)) best = { level, group };
    parentId = group?.parentId ?? null;
  }
  return best;
}

export function isLastOwner(state: GitLabState, groupId: number, userId: number): boolean {
  const members = state.members.get(groupId) ?? new Map<number, number>();
  const owners = [...members].filter(([, level]) => level === OWNER).map(([id]) => id);
  return owners.length === 1 && owners[0] === userId;
}

/** An address that still waits to be confirmed is nobody's. */
export function emailOwner(state: GitLabState, email: string): GitLabUser | undefined {
  const wanted = email.toLowerCase();
  return [...state.users.values()].find((user) =>
    [user.email, ...user.secondaryEmails].some((email) => email.toLowerCase() === wanted),
  );
}

/** People and top-level groups share one namespace. */
export function isNameTaken(state: GitLabState, name: string, exceptUserId?: number): boolean {
  const wanted = name.toLowerCase();
  const byUser = [...state.users.values()].some(
    (user) => user.id !== exceptUserId && user.username.toLowerCase() === wanted,
  );
  return byUser || groupByPath(state, name) !== undefined;
}
