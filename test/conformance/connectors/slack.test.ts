/** The Slack connector passes the suite of all connectors, on an emulated workspace. */

import { performance } from 'node:perf_hooks';
import { slackType } from '../../../src/connectors/slack/index.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';
import { describeConnector } from '../connector.ts';
import type { ConnectorWorld } from '../world.ts';

const BAD_TOKEN = 'xoxp-not-a-token-of-anyone';

function connect(urls: { apiUrl: string; scimUrl: string }, token: string) {
  const configuration = withDefaults(slackType.settings, {
    OAUTH_ACCESS_TOKEN: token,
    API_BASE_URL: urls.apiUrl,
    SCIM_BASE_URL: urls.scimUrl,
    DELETE_GROUPS: true,
  });
  return slackType.create({
    configuration,
    now: () => performance.now(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    fetch,
    storeId: 'store',
  });
}

const person = (name: string) => ({
  identifier: `${name}@example.com`,
  attributes: {
    primaryEmail: `${name}@example.com`,
    displayName: `The ${name}`,
    givenName: name,
    familyName: 'Doe',
    title: 'Engineer',
  },
});

function remoteState(slack: SlackEmulator): ConnectorWorld['remote'] {
  return {
    seedAccount: async (name, state) => {
      const { primaryEmail, ...attributes } = person(name).attributes;
      const seed = { ...attributes, userName: name, email: primaryEmail, active: state === 'enabled' };
      return slack.addUser(seed).id;
    },
    seedGroup: async (name) => slack.addGroup(name).id,
    removeAccount: async (id) => {
      slack.workspace.users.delete(id);
      for (const group of slack.groups.values()) group.members.delete(id);
    },
    removeGroup: async (id) => void slack.workspace.groups.delete(id),
    account: async (id) => {
      const user = slack.users.get(id);
      if (!user) return null;
      const attributes = {
        ...user.profile,
        ...user.name,
        userName: user.userName,
        displayName: user.displayName,
        primaryEmail: user.emails.find((email) => email.primary)?.value ?? '',
      };
      return { enabled: user.active, attributes };
    },
    group: async (id) => {
      const group = slack.workspace.groups.get(id);
      if (!group) return null;
      return {
        name: group.displayName,
        members: [...group.members].map((member) => ({ id: member, level: null })),
      };
    },
    accountCount: async () => slack.users.size,
  };
}

/** Slack's version 2 answers 401 in version 1's shape. */
function noSuchUser(status: number): unknown {
  if (status === 401) return { Errors: { description: 'invalid_authentication', code: 401 } };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
  return { schemas, detail: status === 404 ? 'no_such_user' : 'some_other_reason', status };
}

describeConnector('Slack', async () => {
  const slack = await startSlackEmulator();
  const nowhere = await startSlackEmulator();
  await nowhere.close();
  const userPath = /\/Users\/\w+$/;
  return {
    connector: connect(slack, SLACK_TOKEN),
    impostor: connect(slack, BAD_TOKEN),
    stranded: connect(nowhere, SLACK_TOKEN),
    secrets: [SLACK_TOKEN, BAD_TOKEN],
    person,
    groupName: (name) => name,
    update: { name: 'title', to: 'Pilot' },
    level: null,
    scanCount: 205,
    remote: remoteState(slack),
    faults: {
      at: slack.faults,
      readUser: (request) => request.method === 'GET' && userPath.test(request.path),
      findUser: (request) => request.method === 'GET' && request.path.endsWith('/Users'),
      createUser: (request) => request.method === 'POST' && request.path.endsWith('/Users'),
      disableUser: (request) => request.method === 'DELETE' && userPath.test(request.path),
      revoke: (request) => request.method === 'PATCH' && request.path.includes('/Groups/'),
      emptySuccesses: ['disableUser', 'revoke'],
      noSuchUser,
    },
    protectedAccount: async () => slack.owner.id,
    close: () => slack.close(),
  };
});
