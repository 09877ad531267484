/** The main job on both databases: an IdP pushes, Slack, GitLab and the demo store follow. */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patch, person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../../emulator/gitlab.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  let bridge: RunningBridge;
  let slack: SlackEmulator;
  let gitlab: GitLabEmulator;
  const stores: Record<string, string> = {};

  beforeEach(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-test-'));
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    slack = await startSlackEmulator();
    gitlab = await startGitLabEmulator();
  });
  afterEach(async () => {
    await bridge.stop();
    await slack.close();
    await gitlab.close();
  });

  async function addStore(type: string, configuration: Record<string, unknown>): Promise<string> {
    const answer = await bridge.admin('POST', '/propagation/stores', {
      type,
      name: type,
      status: 'ACTIVE',
      configuration,
    });
    expect(answer).toMatchObject({ status: 201, body: { status: 'ACTIVE' } });
    stores[type] = answer.body.id;
    await bridge.settled();
    return answer.body.id;
  }

  const addSlack = (more: Record<string, unknown> = {}) =>
    addStore('Slack', {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: slack.apiUrl,
      SCIM_BASE_URL: slack.scimUrl,
      ...more,
    });
  const addGitLab = (more: Record<string, unknown> = {}) =>
    addStore('GitLabSelfManaged', { BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken, ...more });

  const writes = (emulator: { requests: readonly { method: string; path: string }[] }) =>
    emulator.requests
      .filter((r) => r.method !== 'GET' && !r.path.startsWith('/api/auth') && !r.path.startsWith('/api/team'))
      .map((r) => `${r.method} ${r.path}`);
  const forget = () => {
    slack.forgetRequests();
    gitlab.forgetRequests();
  };

  it('creates, updates, disables and re-enables one account on each store, with one write for each change', async () => {
    await addSlack();
    await addGitLab();
    await addStore('Demo', {});
    forget();

    const created = await bridge.scim('POST', '/Users', person('jane'));
    expect(created.status).toBe(201);
    await bridge.settled();
    expect(writes(slack)).toEqual(['POST /scim/v2/Users']);
    expect(writes(gitlab)).toEqual(['POST /api/v4/users']);
    const account = [...slack.users.values()].find((user) =>
      user.emails.some((e) => e.value === 'jane@acme.example'),
    );
    expect(account).toMatchObject({ active: true });
    const id = created.body.id;

    forget();
    await bridge.scim('PUT', `/Users/${id}`, person('jane'));
    await bridge.settled();
    expect([...writes(slack), ...writes(gitlab)]).toEqual([]);

    await bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'title', value: 'Engineer' }));
    await bridge.settled();
    expect(writes(slack)).toEqual([`PATCH /scim/v2/Users/${account?.id}`]);
    expect(writes(gitlab)).toHaveLength(1);

    forget();
    const off = await bridge.scim(
      'PATCH',
      `/Users/${id}`,
      patch({ op: 'replace', value: { active: false } }),
    );
    expect(off).toMatchObject({ status: 200, body: { active: false } });
    await bridge.settled();
    expect(writes(slack)).toEqual([`DELETE /scim/v2/Users/${account?.id}`]);
    expect(writes(gitlab)).toEqual([expect.stringMatching(/^POST \/api\/v4\/users\/\d+\/block$/)]);

    forget();
    await bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: true } }));
    await bridge.settled();
    expect(writes(slack)).toEqual([`PATCH /scim/v2/Users/${account?.id}`]);
    expect(writes(gitlab)).toEqual([expect.stringMatching(/^POST \/api\/v4\/users\/\d+\/unblock$/)]);

    const status = await bridge.admin('GET', `/users/${id}/syncStatus`);
    expect(status.body._embedded.stores.map((s: { status: string }) => s.status)).toEqual([
      'synced',
      'synced',
      'synced',
    ]);
    const accounts = await bridge.admin('GET', `/propagation/stores/${stores.Demo}/accounts`);
    expect(JSON.stringify(accounts.body)).toContain('jane@acme.example');
  });

  it('grants and revokes with one call for one membership', async () => {
    await addSlack();
    gitlab.state.addGroup({ path: 'engineering', name: 'Engineering' });
    await addGitLab();
    const jane = (await bridge.scim('POST', '/Users', person('jane'))).body.id;
    const joe = (await bridge.scim('POST', '/Users', person('joe'))).body.id;
    const group = (
      await bridge.scim('POST', '/Groups', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
        displayName: 'engineering',
        members: [{ value: joe }],
      })
    ).body.id;
    await bridge.settled();
    expect([...slack.groups.values()].map((g) => [g.displayName, g.members.size])).toEqual([
      ['engineering', 1],
    ]);

    forget();
    await bridge.scim(
      'PATCH',
      `/Groups/${group}`,
      patch({ op: 'add', path: 'members', value: [{ value: jane }] }),
    );
    await bridge.settled();
    expect(writes(slack)).toEqual([expect.stringMatching(/^PATCH \/scim\/v2\/Groups\/S/)]);
    expect(writes(gitlab)).toEqual([expect.stringMatching(/^POST \/api\/v4\/groups\/\d+\/members$/)]);
    expect([...slack.groups.values()].map((g) => g.members.size)).toEqual([2]);

    forget();
    await bridge.scim(
      'PATCH',
      `/Groups/${group}`,
      patch({ op: 'remove', path: `members[value eq "${jane}"]` }),
    );
    await bridge.settled();
    expect(writes(slack)).toEqual([expect.stringMatching(/^PATCH \/scim\/v2\/Groups\/S/)]);
    expect(writes(gitlab)).toEqual([expect.stringMatching(/^DELETE \/api\/v4\/groups\/\d+\/members\/\d+$/)]);
    expect([...slack.groups.values()].map((g) => g.members.size)).toEqual([1]);
  });
});
