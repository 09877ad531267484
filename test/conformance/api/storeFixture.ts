/** Stores against an emulated Slack with two workspaces, over the admin API; no worker runs. */

import type { Knex } from 'knex';
import { insertLink } from '../../../src/db/seen/links.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';
import { type Answer, startTestBridge, type TestBridge } from './bridge.ts';

export const STORES = '/v1/environments/default/propagation/stores';
/** Of the workspace Elsewhere (T0002); `SLACK_TOKEN` is Acme's (T0001). */
export const OTHER_TOKEN = 'xoxp-token-of-another-workspace';

export interface StoreFixture {
  readonly slack: SlackEmulator;
  /** Of the test at hand. */
  bridge(): TestBridge;
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  slackConfiguration(more?: Record<string, unknown>): Record<string, unknown>;
  slackBody(more?: Record<string, unknown>, settings?: Record<string, unknown>): Record<string, unknown>;
  /** Posts a store; fails where that is refused. */
  made(body: unknown): Promise<{ readonly id: string; readonly path: string }>;
  eventKinds(): Promise<readonly string[]>;
  runs(): Promise<readonly { readonly cause: string; readonly scan: boolean; readonly state: string }[]>;
  /** As the worker would have, for a person of this id. */
  linkPerson(storeId: string, personId: string): Promise<void>;
}

/** Call in a `describe`: declares what runs before and after its tests. */
export function useStores(open: () => Promise<Knex>): StoreFixture {
  let bridge: TestBridge;
  let slack: SlackEmulator;

  beforeAll(async () => {
    slack = await startSlackEmulator();
    const elsewhere = slack.addWorkspace({ id: 'T0002', name: 'Elsewhere' });
    const stranger = slack.addUser(
      { userName: 'boss', email: 'boss@elsewhere.example', role: 'primaryOwner' },
      elsewhere,
    );
    slack.addToken(elsewhere, { token: OTHER_TOKEN, userId: stranger.id });
  });
  afterAll(() => slack.close());
  beforeEach(async () => {
    bridge = await startTestBridge(await open());
  });
  afterEach(() => bridge.stop());

  const ask: StoreFixture['ask'] = (method, path, body) => bridge.ask(method, path, { body });
  const slackConfiguration: StoreFixture['slackConfiguration'] = (more) => ({
    OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
    API_BASE_URL: slack.apiUrl,
    SCIM_BASE_URL: slack.scimUrl,
    ...more,
  });
  return {
    get slack() {
      return slack;
    },
    bridge: () => bridge,
    ask,
    slackConfiguration,
    slackBody: (more, settings) => ({
      type: 'Slack',
      name: 'Acme Slack',
      configuration: slackConfiguration(settings),
      ...more,
    }),
    async made(body) {
      const answer = await ask('POST', STORES, body);
      expect(answer).toMatchObject({ status: 201 });
      return { id: answer.body.id, path: `${STORES}/${answer.body.id}` };
    },
    eventKinds: async () => (await bridge.db('events').orderBy('id')).map((event) => event.kind),
    async runs() {
      const rows = await bridge.db('sync_runs').orderBy('created_at').select('cause', 'scan', 'state');
      return rows.map((row) => ({ ...row, scan: Boolean(row.scan) }));
    },
    async linkPerson(storeId, personId) {
      await insertLink(
        bridge.db,
        {
          environmentId: 'default',
          storeId,
          subject: { kind: 'user', id: personId },
          remoteId: `U-${personId}`,
          remoteName: personId,
          origin: 'created',
          state: 'enabled',
        },
        '2026-01-01T00:00:00.000Z',
      );
    },
  };
}
