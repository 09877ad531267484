/** The life of a store from its first sync to its deletion, with the real worker. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, person, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { startGitLabEmulator } from '../../emulator/gitlab.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';

const STORES = '/propagation/stores';
const WITHIN_MS = 15_000;

describe.each(PLAYED)("a store's life with the worker, on %s", (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-life-'));
  let bridge: RunningBridge;
  let slack: SlackEmulator;

  beforeEach(async () => {
    slack = await startSlackEmulator();
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  });
  afterEach(async () => {
    await bridge.stop();
    await slack.close();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const slackBody = (more: Record<string, unknown> = {}, token = SLACK_TOKEN) => ({
    type: 'Slack',
    name: 'Slack',
    status: 'ACTIVE',
    configuration: { OAUTH_ACCESS_TOKEN: token, API_BASE_URL: slack.apiUrl, SCIM_BASE_URL: slack.scimUrl },
    ...more,
  });
  const accounts = () => [...slack.users.values()].filter((account) => account.id !== slack.owner.id);
  const made = async (body: unknown): Promise<string> => {
    const answer = await bridge.admin('POST', STORES, body);
    expect(answer).toMatchObject({ status: 201 });
    return `${STORES}/${answer.body.id}`;
  };
  const hire = async (name: string) => {
    expect((await bridge.scim('POST', '/Users', person(name))).status).toBe(201);
  };

  it('begins with everyone who is there already, and a managed one ends without them', async () => {
    await hire('ada');
    await hire('bob');
    const path = await made(slackBody({ managed: true }));
    await bridge.settled();
    expect(accounts().map((account) => account.active)).toEqual([true, true]);
    expect((await bridge.admin('GET', `${path}/syncStatus`)).body).toMatchObject({
      syncState: 'SYNCED',
      userTotal: 2,
      successCount: 2,
      pendingCount: 0,
    });

    expect((await bridge.admin('DELETE', path)).status).toBe(409);
    expect((await bridge.admin('DELETE', `${path}?confirm=true`)).status).toBe(202);
    await eventually(async () => {
      const { status } = await bridge.admin('GET', path);
      return status === 404 ? true : undefined;
    }, WITHIN_MS);
    expect(accounts().map((account) => account.active)).toEqual([false, false]);
  });

  it('pauses when the credential goes bad, keeps the work, and does it with a new one', async () => {
    const path = await made(slackBody());
    await bridge.settled();
    const revoked = { ok: false, error: 'token_revoked' };
    slack.faults.inject({
      fault: {
        kind: 'answer',
        answer: { status: 401, body: { Errors: { description: 'token_revoked', code: 401 } } },
      },
      matches: (request) => request.path.includes('/scim/'),
      times: Number.POSITIVE_INFINITY,
    });
    slack.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body: revoked } },
      matches: (request) => request.path.includes('/api/'),
      times: Number.POSITIVE_INFINITY,
    });
    await hire('ada');
    const paused = await eventually(async () => {
      const { body } = await bridge.admin('GET', `${path}/syncStatus`);
      return body.syncState === 'PAUSED' ? body : undefined;
    }, WITHIN_MS);
    expect(paused).toMatchObject({ pendingCount: 1, details: [{ code: 'invalid_credential' }] });

    slack.faults.clear();
    expect((await bridge.admin('PUT', path, slackBody())).status).toBe(200);
    await bridge.settled();
    expect(accounts().map((account) => account.emails[0]?.value)).toContain('ada@acme.example');
  });

  it('activates while the vendor is away, and starts by itself when it is back', async () => {
    await hire('ada');
    await slack.goDown();
    const path = await made(slackBody());
    expect((await bridge.admin('GET', path)).body.paused.code).toBe('unreachable');
    await slack.comeBack();
    expect((await bridge.admin('POST', `${path}/resume`)).status).toBe(200);
    await bridge.settled();
    expect(accounts()).toHaveLength(1);
  });

  it('keeps GitLab stores to their instance', async () => {
    const [one, other] = [await startGitLabEmulator(), await startGitLabEmulator()];
    try {
      const body = (url: string, token: string) => ({
        type: 'GitLabSelfManaged',
        name: 'GitLab',
        status: 'ACTIVE',
        configuration: { BASE_URL: url, ACCESS_TOKEN: token },
      });
      const path = await made(body(one.url, one.adminToken));
      const masked = await bridge.admin('PUT', path, body(other.url, '********'));
      expect(masked).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/configuration/ACCESS_TOKEN' }] },
      });
      expect(other.requests).toEqual([]);
      expect((await bridge.admin('PUT', path, body(other.url, other.adminToken))).status).toBe(409);
      expect((await bridge.admin('POST', STORES, body(one.url, one.adminToken))).status).toBe(409);
      expect((await bridge.admin('POST', STORES, body(one.url, 'glpat-wrong'))).status).toBe(400);
      await bridge.settled();
    } finally {
      await one.close();
      await other.close();
    }
  });
});
