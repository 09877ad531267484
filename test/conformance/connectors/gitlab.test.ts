/** The GitLab connector passes the suite of all connectors, on an emulated instance. */

import { userOf } from '../../../src/connectors/gitlab/mapping.ts';
import { gitLabSettings } from '../../../src/connectors/gitlab/settings.ts';
import { userJson } from '../../emulator/gitlab/users.ts';
import { startGitLabEmulator } from '../../emulator/gitlab.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { connectGitLab, gitLabDeps } from '../../gitlab.ts';
import { freePort } from '../../postgres.ts';
import { describeConnector } from '../connector.ts';
import type { ConnectorWorld } from '../world.ts';

const DEVELOPER = 30;
const WRONG_TOKEN = 'glpat-of-somebody-else';

async function open(): Promise<ConnectorWorld> {
  const gitlab = await startGitLabEmulator();
  const { state, adminToken } = gitlab;
  const settings = gitLabSettings(gitLabDeps(gitlab.url, adminToken));
  const people = () => [...state.users.values()].filter((user) => !user.internal);
  const request = (method: string, path: RegExp) => (asked: EmulatedRequest) =>
    asked.method === method && path.test(asked.path);
  return {
    connector: connectGitLab(gitlab.url, adminToken),
    impostor: connectGitLab(gitlab.url, WRONG_TOKEN),
    stranded: connectGitLab(`http://127.0.0.1:${await freePort()}`, adminToken),
    secrets: [adminToken, WRONG_TOKEN],
    person: (name) => ({
      identifier: `${name}@example.com`,
      attributes: { username: name, email: `${name}@example.com`, name: `${name} Doe`, organization: 'Acme' },
    }),
    groupName: (name) => name,
    update: { name: 'organization', to: 'Acme Labs' },
    level: DEVELOPER,
    scanCount: 120,
    remote: {
      async seedAccount(name, accountState) {
        const user = state.addUser({
          username: name,
          name: `${name} Doe`,
          email: `${name}@example.com`,
          state: accountState === 'enabled' ? 'active' : 'blocked',
          profile: { organization: 'Acme' },
        });
        return String(user.id);
      },
      seedGroup: async (name) => String(state.addGroup({ path: name }).id),
      removeAccount: async (id) => state.removeUser(Number(id)),
      removeGroup: async (id) => state.removeGroup(Number(id)),
      async account(id) {
        const user = state.users.get(Number(id));
        if (!user) return null;
        const { attributes } = userOf(userJson(user, true), settings);
        return { enabled: user.state === 'active', attributes };
      },
      async group(id) {
        const group = state.groups.get(Number(id));
        if (!group) return null;
        const members = [...(state.members.get(group.id) ?? [])];
        return { name: group.name, members: members.map(([user, level]) => ({ id: String(user), level })) };
      },
      accountCount: async () => people().length,
    },
    faults: {
      at: gitlab.faults,
      readUser: request('GET', /\/users\/\d+$/),
      findUser: request('GET', /\/users$/),
      createUser: request('POST', /\/users$/),
      disableUser: request('POST', /\/block$/),
      revoke: request('DELETE', /\/members\/\d+$/),
      emptySuccesses: ['revoke'],
      noSuchUser: (status) => ({ message: status === 404 ? '404 User Not Found' : `${status} and no more` }),
    },
    async protectedAccount() {
      const bot = [...state.users.values()].find((user) => user.internal);
      return bot ? String(bot.id) : null;
    },
    close: () => gitlab.close(),
  };
}

describeConnector('GitLabSelfManaged', open);
