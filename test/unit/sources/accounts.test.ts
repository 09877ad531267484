/** What accounts say has the vendor's own names, since people write them into rules from what they see at the vendor. */

import { gitLabSelfManagedType } from '../../../src/connectors/gitlab/index.ts';
import { createRegistry } from '../../../src/connectors/registry.ts';
import { slackType } from '../../../src/connectors/slack/index.ts';
import { accountSources } from '../../../src/sources/registry.ts';
import type { SourceDefinition } from '../../../src/sources/source.ts';
import { startGitLabEmulator } from '../../emulator/gitlab.ts';
import { SLACK_TOKEN, startSlackEmulator } from '../../emulator/slack.ts';
import { ALL, CONTEXT, collect, openReader } from './reading.ts';

const definitions = accountSources(createRegistry([slackType, gitLabSelfManagedType]));
const [slackSource, gitLabSource] = definitions as readonly [SourceDefinition, SourceDefinition];

it('calls what Slack says as Slack does', async () => {
  const slack = await startSlackEmulator();
  const ada = slack.addUser({
    ...{ userName: 'ada', email: 'ada@acme.example', title: 'Countess' },
    ...{ givenName: 'Ada', familyName: 'Lovelace' },
  });
  const { source } = openReader(slackSource, {
    OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
    ...{ API_BASE_URL: slack.apiUrl, SCIM_BASE_URL: slack.scimUrl },
  });
  const shown = {
    ...{ userName: 'ada', displayName: 'ada', title: 'Countess', emails: 'ada@acme.example' },
    ...{ 'name.givenName': 'Ada', 'name.familyName': 'Lovelace' },
  };
  const { users } = await collect(source.scan(ALL, CONTEXT));
  expect(users.get(ada.id)).toMatchObject({ attributes: shown, claims: { email: 'ada@acme.example' } });
  expect(users.get(ada.id)?.attributes).not.toHaveProperty('primaryEmail');
  expect(await source.lookup('user', ada.id, CONTEXT)).toMatchObject({ user: { attributes: shown } });
  await slack.close();
});

it('calls what GitLab says as GitLab does', async () => {
  const gitlab = await startGitLabEmulator();
  const identities = [{ provider: 'saml', extern_uid: 'ada-1' }];
  const ada = gitlab.state.addUser({
    username: 'ada',
    email: 'ada@acme.example',
    confirmed: true,
    identities,
    ...{ isAdmin: true, hasTwoFactor: true, profile: { job_title: 'Countess' } },
  });
  const { source } = openReader(gitLabSource, {
    ...{ BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken, SSO_PROVIDER: 'saml' },
  });
  const { users } = await collect(source.scan(ALL, CONTEXT));
  expect(users.get(String(ada.id))).toMatchObject({
    attributes: {
      ...{ username: 'ada', email: 'ada@acme.example', extern_uid: 'ada-1' },
      ...{ is_admin: 'true', job_title: 'Countess', two_factor_enabled: 'true' },
    },
    claims: { subject: 'ada-1' },
  });
  await gitlab.close();
});
