/**
 * `npm run emulators`: the Slack and the GitLab of the tests on loopback, for a person to try the bridge against.
 * Prints what to configure as NAME=value lines, stays until it is interrupted, and keeps nothing.
 */

import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../test/emulator/slack.ts';

/** Where they are each time, so that a store that was set up for them finds them again. */
const SLACK_PORT = 3910;
const GITLAB_PORT = 3920;
/** Nobody reads their log of requests here. */
const FORGET_EVERY_MS = 60_000;

const PEOPLE = [
  { userName: 'ada', email: 'ada@example.com', givenName: 'Ada', familyName: 'Lovelace' },
  { userName: 'grace', email: 'grace@example.com', givenName: 'Grace', familyName: 'Hopper' },
];
const GROUP = 'engineering';

const slack = await onOwnPort(SLACK_PORT, (port) => startSlackEmulator({ port }));
const gitlab = await onOwnPort(GITLAB_PORT, (port) => startGitLabEmulator({ port }));
populate(slack, gitlab);
const forgetting = setInterval(() => {
  slack.forgetRequests();
  gitlab.forgetRequests();
}, FORGET_EVERY_MS);

process.stdout.write(`# A store of type Slack; its owner's token:
OAUTH_ACCESS_TOKEN=${SLACK_TOKEN}
API_BASE_URL=${slack.apiUrl}
SCIM_BASE_URL=${slack.scimUrl}
# A store of type GitLabSelfManaged; its administrator's token:
BASE_URL=${gitlab.url}
ACCESS_TOKEN=${gitlab.adminToken}
# Both know ${PEOPLE.map(({ email }) => email).join(' and ')}, who are in the group ${GROUP}. Ctrl+C ends them.
`);

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => void stop());

async function stop(): Promise<void> {
  clearInterval(forgetting);
  await Promise.all([slack.close(), gitlab.close()]);
}

/** On a free port where somebody else has its own. */
async function onOwnPort<E>(port: number, start: (port: number) => Promise<E>): Promise<E> {
  try {
    return await start(port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return start(0);
  }
}

function populate(workspace: SlackEmulator, { state }: GitLabEmulator): void {
  const members = PEOPLE.map((person) => workspace.addUser(person).id);
  workspace.addGroup(GROUP, members);
  const group = state.addGroup({ path: GROUP });
  const DEVELOPER = 30;
  for (const { userName, email, givenName, familyName } of PEOPLE) {
    const user = state.addUser({ username: userName, email, name: `${givenName} ${familyName}` });
    state.setMember(group.id, user.id, DEVELOPER);
  }
}
