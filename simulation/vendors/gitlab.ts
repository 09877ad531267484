/** The emulated GitLab of the simulation. */

import { fullPath, type GitLabUser, isLastOwner } from '../../test/emulator/gitlab/state.ts';
import {
  createGitLab,
  EMULATED_ADMIN_TOKEN,
  type GitLabState,
  type UserState,
} from '../../test/emulator/gitlab.ts';
import type { Account, Emulated, Group, HandEdits, Holdings, Oddity, Traits } from './vendor.ts';

const HOST = 'gitlab.simulated';
/** Small, so that every list has several pages. */
const PAGE_SIZE_MAX = 4;
const DEVELOPER = 30;
const OWNER = 50;

const TRAITS: Traits = {
  type: 'GitLabSelfManaged',
  disableDropsMemberships: false,
  deletesUsers: true,
  deletesGroups: false,
  grantedLevel: DEVELOPER,
  groupsHavePaths: true,
  showsEmpty: true,
  mapsUserName: true,
  unmappable: { title: 'bio' },
  // GitLab has no job title.
  mappings: [{ targetAttribute: 'bio', sourceAttribute: 'title' }],
};

/** `ownEmail` is the address of the account behind the credential. */
export function emulateGitLab(now: () => number, ownEmail: string): Emulated {
  const gitlab = createGitLab(`https://${HOST}`, {
    pageSizeMax: PAGE_SIZE_MAX,
    now,
  });
  const { state } = gitlab;
  const [root] = [...state.users.values()].filter(({ isAdmin }) => isAdmin);
  if (!root) throw new Error('an emulated GitLab has an administrator');
  root.email = ownEmail;
  return {
    traits: TRAITS,
    host: HOST,
    configuration: { BASE_URL: gitlab.url, ACCESS_TOKEN: EMULATED_ADMIN_TOKEN },
    ownAccountId: String(root.id),
    handle: gitlab.handle,
    snapshot: gitlab.snapshot,
    holdings: () => holdingsOf(state),
    isRead: ({ method }) => method === 'GET',
    isListed: ({ method, path, query }) =>
      method === 'GET' && /\/(?:users|groups)$/.test(path) && !FILTERS.some((name) => query.has(name)),
    nothing: { status: 200, body: [] },
    firstAgain(request) {
      const query = new URLSearchParams(request.query);
      query.delete('cursor');
      query.delete('page');
      const answer = gitlab.handle({ ...request, query });
      return { ...answer, headers: { ...answer.headers, 'x-next-page': '2' } };
    },
    refuseCredential(refused) {
      const token = state.tokens.get(EMULATED_ADMIN_TOKEN);
      if (token) token.revoked = refused;
    },
    behave(manner) {
      if (manner === 'keepsTitles') state.manners.ignores.add('bio');
      if (manner === 'takesTitles') state.manners.ignores.delete('bio');
      if (manner === 'asksApproval' || manner === 'letsIn')
        state.manners.newUsersPending = manner === 'asksApproval';
      if (manner === 'demoted' || manner === 'promoted') root.isAdmin = manner === 'promoted';
    },
    byHand: handEdits(state, root.id),
  };
}

const FILTERS = ['search', 'username', 'extern_uid'];

const STATES: Readonly<Record<UserState, Account['state']>> = {
  active: 'enabled',
  deactivated: 'enabled',
  blocked: 'disabled',
  ldap_blocked: 'locked',
  blocked_pending_approval: 'locked',
  banned: 'locked',
};

function holdingsOf(state: GitLabState): Holdings {
  const accounts = [...state.users.values()].map((user): [string, Account] => [
    String(user.id),
    {
      id: String(user.id),
      state: STATES[user.state],
      attributes: {
        email: user.email,
        userName: user.username,
        displayName: user.name,
        title: user.profile.bio ?? '',
      },
      isUntouchable: user.internal || user.isBot,
      isMachine: user.internal || user.isBot,
      isPrivileged: user.isAdmin,
      oddities: odditiesOf(state, user),
    },
  ]);
  const groups = [...state.groups.values()].map((group): [string, Group] => [
    String(group.id),
    {
      id: String(group.id),
      key: fullPath(state, group).toLowerCase(),
      name: group.name,
      members: new Map([...(state.members.get(group.id) ?? [])].map(([id, level]) => [String(id), level])),
    },
  ]);
  return { accounts: new Map(accounts), groups: new Map(groups) };
}

function odditiesOf(state: GitLabState, user: GitLabUser): ReadonlySet<Oddity> {
  const oddities = new Set<Oddity>();
  if (user.state === 'blocked_pending_approval') oddities.add('unapproved');
  if (user.hasRegistryTags) oddities.add('keepsUserName');
  if ([...state.groups.keys()].some((groupId) => isLastOwner(state, groupId, user.id)))
    oddities.add('onlyOwner');
  return oddities;
}

function handEdits(state: GitLabState, rootId: number): HandEdits {
  const user = (id: string) => state.users.get(Number(id));
  return {
    createAccount(email, isUntouchable) {
      if ([...state.users.values()].some((other) => other.email === email)) return null;
      const username = `old-${email.split('@')[0]}`;
      // GitLab refuses to block only its own accounts, which belong to nobody.
      if (isUntouchable || [...state.users.values()].some((other) => other.username === username))
        return null;
      return String(state.addUser({ username, email, name: 'As it was' }).id);
    },
    createGroup(name) {
      const path = name.toLowerCase();
      if ([...state.groups.values()].some((other) => other.path === path)) return null;
      const group = state.addGroup({ name, path });
      state.setMember(group.id, rootId, OWNER);
      return String(group.id);
    },
    retitle(id, title) {
      const found = user(id);
      if (found) found.profile.bio = title;
    },
    setState(id, to) {
      const found = user(id);
      if (found) found.state = to === 'enabled' ? 'active' : 'blocked';
    },
    deleteAccount(id) {
      state.removeUser(Number(id));
      return true;
    },
    replaceAccount(id) {
      const before = user(id);
      if (!before) return null;
      state.removeUser(before.id);
      return String(state.addUser({ username: `old-${before.username}`, email: before.email }).id);
    },
    ban(id) {
      const found = user(id);
      if (found) found.state = 'banned';
    },
    approve(id) {
      const found = user(id);
      if (found?.state === 'blocked_pending_approval') found.state = 'active';
    },
    makeOdd(id, oddity) {
      const found = user(id);
      if (found && oddity === 'keepsUserName') found.hasRegistryTags = true;
      if (!found || oddity !== 'onlyOwner') return;
      const path = `of-${id}`;
      const isThere = [...state.groups.values()].some((group) => group.path === path);
      if (!isThere) state.setMember(state.addGroup({ path }).id, found.id, OWNER);
    },
    join: (groupId, accountId, level) => state.setMember(Number(groupId), Number(accountId), level),
    renameGroup(groupId, name) {
      const group = state.groups.get(Number(groupId));
      if (group) group.name = name;
    },
    readdress(id, email) {
      const found = user(id);
      if (found) found.email = email;
    },
    rename(id, userName) {
      const found = user(id);
      if (found) found.username = userName;
    },
    part(groupId, accountId) {
      state.members.get(Number(groupId))?.delete(Number(accountId));
    },
  };
}
