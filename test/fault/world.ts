/** A bridge with an emulated Slack and GitLab behind it, and the company that writes to it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dialect } from '../../src/db/open.ts';
import { addTitledStore, eventually, type Reply, type RunningBridge, startBridge } from '../bridge.ts';
import { freshDatabaseUrl } from '../database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../emulator/gitlab.ts';
import type { LoggedRequest } from '../emulator/server.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../emulator/slack.ts';
import { type Company, createCompany, gitlabStanding, slackStanding } from './company.ts';

export interface World {
  readonly bridge: RunningBridge;
  readonly slack: SlackEmulator;
  readonly gitlab: GitLabEmulator;
  readonly company: Company;
  /** Both stores' ids. */
  readonly stores: Readonly<Record<'slack' | 'gitlab', string>>;
  /** Both stores stand as the company wants, and say so of everyone. */
  expectConverged(): Promise<void>;
  forgetRequests(): void;
  close(): Promise<void>;
}

/** `configuration` is for both stores. */
export async function startWorld(
  dialect: Dialect,
  configuration: Readonly<Record<string, unknown>> = {},
): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-fault-'));
  const bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  const slack = await startSlackEmulator();
  const gitlab = await startGitLabEmulator();
  const company = createCompany(bridge.scim);
  const stores = await addStores(bridge.admin, slack, gitlab, configuration);
  await bridge.settled();
  return {
    bridge,
    slack,
    gitlab,
    company,
    stores,
    async expectConverged() {
      const wanted = company.wanted();
      expect(slackStanding(slack)).toEqual(wanted);
      expect(gitlabStanding(gitlab)).toEqual(wanted);
      for (const [email, state] of wanted.accounts) {
        if (state !== 'active') continue;
        const name = email.split('@')[0] ?? '';
        const { body } = await bridge.admin('GET', `/users/${company.idOf(name)}/syncStatus`);
        const statuses = body._embedded.stores.map((s: { status: string; reason: string }) => [
          s.status,
          s.reason,
        ]);
        expect([name, statuses]).toEqual([
          name,
          [
            ['synced', expect.stringMatching(/^enabled: /)],
            ['synced', expect.stringMatching(/^enabled: /)],
          ],
        ]);
      }
    },
    forgetRequests() {
      slack.forgetRequests();
      gitlab.forgetRequests();
    },
    async close() {
      await bridge.stop();
      await slack.close();
      await gitlab.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Teams are pushed with other members altogether. */
const WHOLE_TEAMS = { BRAKE_GROUP_PERCENT: 100 };

/** Active, one for each emulator; groups are made at both. */
export async function addStores(
  admin: RunningBridge['admin'],
  slack: SlackEmulator,
  gitlab: GitLabEmulator,
  configuration: Readonly<Record<string, unknown>> = {},
): Promise<Record<'slack' | 'gitlab', string>> {
  const add = async (type: string, own: Readonly<Record<string, unknown>>): Promise<string> => {
    const body = {
      type,
      name: type,
      status: 'ACTIVE',
      configuration: { ...WHOLE_TEAMS, ...own, ...configuration },
    };
    const answer = await addTitledStore(admin, body);
    if (answer.status !== 201) throw new Error(`no store ${type}: ${JSON.stringify(answer.body)}`);
    return answer.body.id;
  };
  return {
    slack: await add('Slack', {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: slack.apiUrl,
      SCIM_BASE_URL: slack.scimUrl,
    }),
    gitlab: await add('GitLabSelfManaged', {
      BASE_URL: gitlab.url,
      ACCESS_TOKEN: gitlab.adminToken,
      GROUP_PROVISIONING: 'Create',
    }),
  };
}

/** Every store says that it is `SYNCED`. */
export async function settled(
  admin: (method: string, path: string) => Promise<Reply>,
  withinMs: number,
): Promise<void> {
  const states = async () => {
    const { body } = await admin('GET', '/propagation/stores');
    const stores: { id: string }[] = body._embedded.stores;
    return Promise.all(
      stores.map(async ({ id }) => (await admin('GET', `/propagation/stores/${id}/syncStatus`)).body),
    );
  };
  await eventually(
    async () => ((await states()).every(({ syncState }) => syncState === 'SYNCED') ? true : undefined),
    withinMs,
    async () => JSON.stringify(await states()),
  );
}

interface Log {
  readonly requests: readonly LoggedRequest[];
}

/** What changed something, or would have, as `POST /scim/v2/Users`; ids are cut out. */
export function writesOf(log: Log): string[] {
  return log.requests.filter(isWrite).map(wordsOf);
}

/** Of Slack's Web API the bridge only asks. */
export function isWrite({ method, path }: Pick<LoggedRequest, 'method' | 'path'>): boolean {
  return method !== 'GET' && !/^\/api\/[a-z]+\./.test(path);
}

/** `PATCH /scim/v2/Users/*`. */
export function wordsOf({ method, path }: Pick<LoggedRequest, 'method' | 'path'>): string {
  const shape = path.replace(/\/(\d+|[US][A-Z0-9]{3,})(?=\/|$)/g, '/*');
  return `${method} ${shape}`;
}
