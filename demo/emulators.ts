/**
 * `npm run emulators`: the vendors of the tests on loopback, stores and directories, for a person to try the bridge against.
 * Prints what to configure as NAME=value lines, which a shell and a program that reads such files take as they are, and
 * stays until it is interrupted.
 */

import {
  type ActiveDirectory,
  AD_GROUPS,
  AD_PEOPLE,
  AD_READER,
  startActiveDirectory,
} from '../test/emulator/activeDirectory.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { type GoogleEmulator, startGoogleEmulator } from '../test/emulator/google.ts';
import { type OktaEmulator, startOktaEmulator } from '../test/emulator/okta.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../test/emulator/slack.ts';

/** Where they are each time, so that a store that was set up for them finds them again. */
const SLACK_PORT = 3910;
const GITLAB_PORT = 3920;
const OKTA_PORT = 3930;
const GOOGLE_PORT = 3940;
const LDAP_PORT = 3950;
/** Nobody reads their log of requests here. */
const FORGET_EVERY_MS = 60_000;

const PEOPLE = [
  { userName: 'ada', email: 'ada@example.com', givenName: 'Ada', familyName: 'Lovelace' },
  { userName: 'grace', email: 'grace@example.com', givenName: 'Grace', familyName: 'Hopper' },
];
const GROUP = 'engineering';

const slack = await onOwnPort(SLACK_PORT, (port) => startSlackEmulator({ port }));
const gitlab = await onOwnPort(GITLAB_PORT, (port) => startGitLabEmulator({ port }));
const okta = await onOwnPort(OKTA_PORT, (port) => startOktaEmulator({ port }));
const google = await onOwnPort(GOOGLE_PORT, (port) => startGoogleEmulator({ port }));
const ldap = await onOwnPort(LDAP_PORT, (port) => startActiveDirectory({ port }));
populate(slack, gitlab);
populateDirectories(okta, google, ldap);
const forgetting = setInterval(() => {
  slack.forgetRequests();
  gitlab.forgetRequests();
  okta.forgetRequests();
  google.forgetRequests();
  ldap.log.length = 0;
}, FORGET_EVERY_MS);

process.stdout.write(`# A store of type Slack; the token of its owner:
OAUTH_ACCESS_TOKEN=${SLACK_TOKEN}
API_BASE_URL=${slack.apiUrl}
SCIM_BASE_URL=${slack.scimUrl}
# A store of type GitLabSelfManaged; the token of its administrator:
BASE_URL=${gitlab.url}
ACCESS_TOKEN=${gitlab.adminToken}
# A connection of strategy oktaApi; the token of an administrator:
OKTA_ORG_URL=${okta.url}
OKTA_API_TOKEN=${okta.apiToken}
# A connection of strategy google:
GOOGLE_SERVICE_ACCOUNT_KEY='${google.serviceAccountKey}'
GOOGLE_SUBJECT=${google.subject.primaryEmail}
GOOGLE_API_BASE_URL=${google.url}
GOOGLE_TOKEN_URL=${google.tokenUrl}
# A connection of strategy ldap, for Active Directory; with TLS none:
LDAP_URL=ldap://127.0.0.1:${ldap.port}
LDAP_BIND_DN=${AD_READER.dn}
LDAP_BIND_PASSWORD=${AD_READER.password}
LDAP_USER_BASE=${AD_PEOPLE}
LDAP_GROUP_BASE=${AD_GROUPS}
# All know ${PEOPLE.map(({ email }) => email).join(' and ')}, who are in the group ${GROUP}. Ctrl+C ends them.
`);

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => void stop());

async function stop(): Promise<void> {
  clearInterval(forgetting);
  await Promise.all([slack, gitlab, okta, google, ldap].map((emulator) => emulator.close()));
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

function populateDirectories(
  organisation: OktaEmulator,
  workspace: GoogleEmulator,
  domain: ActiveDirectory,
): void {
  const profileOf = ({ givenName: firstName, familyName: lastName }: (typeof PEOPLE)[number]) => ({
    firstName,
    lastName,
  });
  const inOkta = PEOPLE.map(
    (person) => organisation.state.addUser({ login: person.email, profile: profileOf(person) }).id,
  );
  organisation.state.addGroup(GROUP, inOkta);
  const inGoogle = PEOPLE.map(({ email, givenName, familyName }) =>
    workspace.addUser(email, { name: { givenName, familyName, fullName: `${givenName} ${familyName}` } }),
  );
  workspace.addGroup(
    `${GROUP}@example.com`,
    inGoogle.map(({ id }) => ({ id, type: 'USER' })),
  );
  const inDomain = PEOPLE.map(({ email, givenName, familyName }) =>
    domain.addPerson(`${givenName} ${familyName}`, { mail: email, givenName, sn: familyName }),
  );
  domain.addGroup(GROUP, inDomain);
}
