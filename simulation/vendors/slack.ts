/** The emulated Slack of the simulation. */

import { createSlack, type EmulatedSlack, SLACK_TOKEN, type SlackUser } from '../../test/emulator/slack.ts';
import type { Account, Emulated, HandEdits, Holdings, Oddity, Traits } from './vendor.ts';

const HOST = 'slack.simulated';
/** Small, so that every list has several pages. */
const PAGE_SIZE_MAX = 4;

const EMPTY_LIST = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  itemsPerPage: 0,
  startIndex: 1,
};
/** So many that a page of four is a small part. */
const MANY = 60;

const TRAITS: Traits = {
  type: 'Slack',
  disableDropsMemberships: true,
  deletesUsers: false,
  deletesGroups: true,
  grantedLevel: null,
  groupsHavePaths: false,
  showsEmpty: false,
  mapsUserName: false,
  unmappable: { title: 'title', displayName: 'displayName' },
  mappings: [],
};

/**
 * `ownEmail` is the address of the account behind the credential; `keepsMemberships`: whether deactivated accounts
 * keep theirs.
 */
export function emulateSlack(now: () => number, ownEmail: string, keepsMemberships: boolean): Emulated {
  const slack = createSlack(`https://${HOST}`, { pageSizeMax: PAGE_SIZE_MAX, now });
  slack.workspace.manners.keepsMemberships = keepsMemberships;
  slack.owner.emails = [{ value: ownEmail, primary: true }];
  const token = slack.addToken(slack.workspace, { token: SLACK_TOKEN, userId: slack.owner.id });
  return {
    traits: { ...TRAITS, disableDropsMemberships: !keepsMemberships },
    host: HOST,
    configuration: {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: slack.apiUrl,
      SCIM_BASE_URL: slack.scimUrl,
    },
    ownAccountId: slack.owner.id,
    handle: slack.handle,
    snapshot: slack.snapshot,
    holdings: () => holdingsOf(slack),
    // The bridge only reads from the Web API.
    isRead: ({ method, path }) => method === 'GET' || path.startsWith('/api/'),
    isListed: ({ method, path, query }) =>
      method === 'GET' && /\/(?:Users|Groups)$/.test(path) && !query.has('filter'),
    nothing: { status: 200, body: { ...EMPTY_LIST, totalResults: 0, Resources: [] } },
    firstAgain(request) {
      const query = new URLSearchParams(request.query);
      query.set('startIndex', '1');
      const answer = slack.handle({ ...request, query });
      return { ...answer, body: { ...(answer.body as object), totalResults: MANY } };
    },
    refuseCredential(refused) {
      token.refusedWith = refused ? 'token_revoked' : null;
    },
    behave(manner) {
      if (manner === 'keepsTitles') slack.workspace.manners.ignores.add('title');
      if (manner === 'refusesNames') slack.workspace.manners.refusesDisplayNames = true;
      if (manner === 'takesTitles') slack.workspace.manners.ignores.delete('title');
    },
    byHand: handEdits(slack),
  };
}

function holdingsOf(slack: EmulatedSlack): Holdings {
  const accounts = [...slack.users.values()].map((user): [string, Account] => [user.id, accountOf(user)]);
  const groups = [...slack.groups.values()].map(
    ({ id, displayName, members }) =>
      [
        id,
        {
          id,
          key: displayName.toLowerCase(),
          name: displayName,
          members: new Map([...members].map((accountId) => [accountId, 0])),
        },
      ] as const,
  );
  return { accounts: new Map(accounts), groups: new Map(groups) };
}

function accountOf(user: SlackUser): Account {
  return {
    id: user.id,
    state: user.active ? 'enabled' : 'disabled',
    attributes: {
      email: (user.emails.find(({ primary }) => primary)?.value ?? '').toLowerCase(),
      userName: user.userName,
      displayName: user.displayName,
      title: user.profile.title ?? '',
    },
    isUntouchable: user.role === 'primaryOwner',
    isMachine: false,
    isPrivileged: user.role !== 'member',
    oddities: new Set<Oddity>(user.isGuest ? ['guest'] : []),
  };
}

function handEdits(slack: EmulatedSlack): HandEdits {
  const { manners } = slack.workspace;
  const user = (id: string) => slack.users.get(id) as SlackUser;
  let made = 0;
  return {
    createAccount(email, isUntouchable) {
      if ([...slack.users.values()].some((other) => accountOf(other).attributes.email === email)) return null;
      made += 1;
      const role = isUntouchable ? 'primaryOwner' : 'member';
      return slack.addUser({ userName: `hand${made}`, email, displayName: 'As it was', role }).id;
    },
    createGroup(name) {
      const taken = [...slack.groups.values()].some(
        (other) => other.displayName.toLowerCase() === name.toLowerCase(),
      );
      return taken ? null : slack.addGroup(name).id;
    },
    retitle(id, title) {
      user(id).profile.title = title;
    },
    setState(id, state) {
      user(id).active = state === 'enabled';
      if (state === 'disabled' && !manners.keepsMemberships)
        for (const group of slack.groups.values()) group.members.delete(id);
    },
    deleteAccount: () => false,
    replaceAccount: () => null,
    ban() {},
    approve() {},
    makeOdd(id, oddity) {
      if (oddity === 'guest') user(id).isGuest = true;
    },
    join(groupId, accountId) {
      slack.groups.get(groupId)?.members.add(accountId);
    },
    renameGroup(groupId, name) {
      const group = slack.groups.get(groupId);
      if (group) group.displayName = name;
    },
    readdress(id, email) {
      user(id).emails = [{ value: email, primary: true }];
    },
    rename(id, userName) {
      user(id).userName = userName;
    },
    part(groupId, accountId) {
      slack.groups.get(groupId)?.members.delete(accountId);
    },
  };
}
