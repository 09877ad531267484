/**
 * One whole bridge with a store of each type that a test wants, and both vendors emulated. Looks at all
 * three through the same eyes: accounts, members, and the writes that reached the vendor, as words.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listDemoAccounts } from '../../../src/db/demoAccounts.ts';
import { listDemoGroups, listDemoMembers } from '../../../src/db/demoGroups.ts';
import type { Dialect } from '../../../src/db/open.ts';
import type { Clock } from '../../../src/support/clock.ts';
import {
  addTitledStore,
  type BridgeOptions,
  eventually,
  patch,
  person,
  type Reply,
  type RunningBridge,
  startBridge,
} from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { type GitLabEmulator, startGitLabEmulator, type UserState } from '../../emulator/gitlab.ts';
import type { LoggedRequest } from '../../emulator/server.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';

export const STORE_TYPES = ['Slack', 'GitLabSelfManaged', 'Demo'] as const;
export type StoreType = (typeof STORE_TYPES)[number];
/** Those whose accounts somebody else can make and change. */
export const VENDORS = ['Slack', 'GitLabSelfManaged'] as const;

type Json = Record<string, unknown>;

export interface Account {
  readonly id: string;
  readonly enabled: boolean;
  readonly userName: string;
  readonly title: string;
  readonly displayName: string;
}

export interface Seed {
  readonly name: string;
  readonly enabled?: boolean;
  readonly userName?: string;
  /** GitLab only. */
  readonly state?: UserState;
}

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
export type Preview = any;

const PREVIEW_WITHIN_MS = 60_000;

export interface World {
  readonly bridge: RunningBridge;
  readonly slack: SlackEmulator;
  readonly gitlab: GitLabEmulator;
  /** Adds an active store of this type, with a working connection, and waits until it is settled. */
  add(type: StoreType, configuration?: Json, more?: Json): Promise<string>;
  /** What such a store's configuration must have. */
  connection(type: StoreType): Json;
  /** The id of the store that was added last of this type. */
  id(type: StoreType): string;
  /** A request below the store, as `/sync`. */
  store(type: StoreType, method: string, path?: string, body?: unknown): Promise<Reply>;
  /** Replaces the settings of the store, keeping its connection. */
  configure(type: StoreType, configuration: Json, more?: Json): Promise<Reply>;
  settled(withinMs?: number): Promise<void>;
  /** Asks for a preview of the store and waits until it is done. */
  preview(type: StoreType): Promise<Preview>;

  /** Posts `person(name)` and waits; answers the SCIM id. */
  join(name: string, more?: Json): Promise<string>;
  /** Posts a group and waits. */
  group(name: string, memberIds?: readonly string[]): Promise<string>;
  /** Patches and waits. */
  patch(path: string, ...operations: readonly unknown[]): Promise<Reply>;
  setActive(id: string, active: boolean): Promise<void>;
  /** Deletes through SCIM and waits. */
  remove(path: string): Promise<void>;

  /** The writes of the store since `forget`, one word for each request: `create`, `grant`, `create group`, … */
  writes(type: StoreType): Promise<string[]>;
  forget(): Promise<void>;
  account(type: StoreType, name: string): Promise<Account | null>;
  /** Made at the vendor, behind the bridge's back. */
  seed(type: (typeof VENDORS)[number], seed: Seed): string;
  /** The names, sorted, of a group's members; null where there is no such group. */
  members(type: StoreType, group: string): Promise<string[] | null>;

  /** How the person stands on the store. */
  status(type: StoreType, userId: string): Promise<Json>;
  syncStatus(type: StoreType): Promise<Json & { details: { code: string; message: string }[] }>;
  /** The person's link on the store; null where there is none. */
  link(type: StoreType, userId: string): Promise<Json | null>;
  stop(): Promise<void>;
}

export const mail = (name: string) => `${name}@acme.example`;

export async function startWorld(
  dialect: Dialect = PLAYED[0] as Dialect,
  clock?: Clock,
  options?: BridgeOptions,
): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-test-'));
  const bridge = await startBridge(await freshDatabaseUrl(dialect, directory), clock, options);
  const slack = await startSlackEmulator();
  const gitlab = await startGitLabEmulator();
  const ids = new Map<StoreType, string>();
  let lastEventId = 0;

  const id = (type: StoreType) => {
    const found = ids.get(type);
    if (found === undefined) throw new Error(`no ${type} store was added`);
    return found;
  };
  const connection = (type: StoreType): Json => {
    switch (type) {
      case 'Slack':
        return {
          OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
          API_BASE_URL: slack.apiUrl,
          SCIM_BASE_URL: slack.scimUrl,
        };
      case 'GitLabSelfManaged':
        return { BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken };
      case 'Demo':
        return {};
    }
  };
  const store: World['store'] = (type, method, path = '', body = undefined) =>
    bridge.admin(method, `/propagation/stores/${id(type)}${path}`, body);
  const expectStatus = (reply: Reply, ...expected: readonly number[]) => {
    if (expected.includes(reply.status)) return reply;
    throw new Error(`answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  };
  const personId = async (userId: string): Promise<string> => {
    const row = await bridge.db('users').where({ id: userId }).first('person_id');
    if (!row) throw new Error(`there never was a user ${userId}`);
    return row.person_id;
  };

  const world: World = {
    bridge,
    slack,
    gitlab,
    id,
    connection,
    store,
    settled: bridge.settled,
    async add(type, configuration = {}, more = {}) {
      const reply = await addTitledStore(bridge.admin, {
        type,
        name: type,
        status: 'ACTIVE',
        configuration: { ...connection(type), ...configuration },
        ...more,
      });
      expectStatus(reply, 201);
      ids.set(type, reply.body.id);
      await bridge.settled();
      await world.forget();
      return reply.body.id;
    },
    async preview(type) {
      const { id: previewId } = expectStatus(await store(type, 'POST', '/preview', {}), 201).body;
      return eventually(async () => {
        const { body } = expectStatus(await store(type, 'GET', `/preview/${previewId}`), 200);
        if (body.state === 'FAILED') throw new Error(`the preview failed: ${body.error}`);
        return body.state === 'DONE' ? body : undefined;
      }, PREVIEW_WITHIN_MS);
    },
    async configure(type, configuration, more = {}) {
      const reply = await store(type, 'PUT', '', {
        type,
        name: type,
        configuration: { ...connection(type), ...configuration },
        ...more,
      });
      if (reply.status === 200) await bridge.settled();
      return reply;
    },

    async join(name, more = {}) {
      const reply = expectStatus(await bridge.scim('POST', '/Users', person(name, more)), 201);
      await bridge.settled();
      return reply.body.id;
    },
    async group(name, memberIds = []) {
      const reply = await bridge.scim('POST', '/Groups', groupBody(name, memberIds));
      await bridge.settled();
      return expectStatus(reply, 201).body.id;
    },
    async patch(path, ...operations) {
      const reply = expectStatus(await bridge.scim('PATCH', path, patch(...operations)), 200, 204);
      await bridge.settled();
      return reply;
    },
    async setActive(userId, active) {
      await world.patch(`/Users/${userId}`, { op: 'replace', value: { active } });
    },
    async remove(path) {
      expectStatus(await bridge.scim('DELETE', path), 204);
      await bridge.settled();
    },

    async writes(type) {
      if (type === 'Slack') return slack.requests.map(slackWord).filter((word) => word !== null);
      if (type === 'GitLabSelfManaged')
        return gitlab.requests.map(gitlabWord).filter((word) => word !== null);
      const rows = await bridge
        .db('events')
        .where({ store_id: id('Demo'), outcome: 'success' })
        .whereLike('kind', 'change.%')
        .where('id', '>', lastEventId)
        .orderBy('id')
        .select('kind', 'subject_kind');
      return rows
        .map(({ kind, subject_kind: subject }) => demoWord(kind.slice('change.'.length), subject))
        .filter((word) => word !== null);
    },
    async forget() {
      slack.forgetRequests();
      gitlab.forgetRequests();
      const row = await bridge.db('events').max({ id: 'id' }).first();
      lastEventId = Number(row?.id ?? 0);
    },

    async account(type, name) {
      const email = mail(name);
      if (type === 'Slack') {
        const user = [...slack.users.values()].find((u) => u.emails.some((e) => e.value === email));
        if (!user) return null;
        const { id, active, userName, displayName, profile } = user;
        return { id, enabled: active, userName, displayName, title: profile.title ?? '' };
      }
      if (type === 'GitLabSelfManaged') {
        const user = [...gitlab.state.users.values()].find((u) => u.email === email);
        if (!user) return null;
        return {
          id: String(user.id),
          enabled: user.state === 'active',
          userName: user.username,
          displayName: user.name,
          title: user.profile.bio ?? '',
        };
      }
      const account = (await demoAccounts()).find((a) => a.identifierLower === email);
      if (!account) return null;
      const { userName = '', displayName = '', title = '' } = account.attributes;
      return { id: account.id, enabled: account.enabled, userName, displayName, title };
    },
    seed(type, { name, enabled = true, userName = name, state }) {
      if (type === 'Slack') {
        const given = { userName, email: mail(name), displayName: `${name} Doe`, active: enabled };
        return slack.addUser({ ...given, givenName: name, familyName: 'Doe' }).id;
      }
      const user = gitlab.state.addUser({
        username: userName,
        email: mail(name),
        name: `${name} Doe`,
        state: state ?? (enabled ? 'active' : 'blocked'),
      });
      return String(user.id);
    },
    async members(type, name) {
      if (type === 'Slack') {
        const group = [...slack.groups.values()].find((g) => g.displayName === name);
        const emails = [...(group?.members ?? [])].map((m) => slack.users.get(m)?.emails[0]?.value ?? m);
        return group ? namesOf(emails) : null;
      }
      if (type === 'GitLabSelfManaged') {
        const group = [...gitlab.state.groups.values()].find((g) => g.path === name);
        const members = group && gitlab.state.members.get(group.id);
        if (!members) return null;
        const people = [...members.keys()].map((m) => gitlab.state.users.get(m));
        // Whoever makes a top-level group owns it.
        return namesOf(people.filter((u) => u?.username !== 'root').map((u) => u?.email ?? ''));
      }
      const group = (await listDemoGroups(bridge.db, id('Demo'), null, 100)).find((g) => g.name === name);
      if (!group) return null;
      return namesOf((await listDemoMembers(bridge.db, group.id, null, 1000)).map((m) => m.identifierLower));
    },

    async status(type, userId) {
      const reply = expectStatus(await bridge.admin('GET', `/users/${userId}/syncStatus`), 200);
      const stores = reply.body._embedded.stores as { store: { id: string } }[];
      const found = stores.find((entry) => entry.store.id === id(type));
      if (!found) throw new Error(`no status on ${type}: ${JSON.stringify(reply.body)}`);
      return found as unknown as Json;
    },
    async syncStatus(type) {
      return expectStatus(await store(type, 'GET', '/syncStatus'), 200).body;
    },
    async link(type, userId) {
      const reply = await store(type, 'GET', `/links?kind=user&subjectId=${await personId(userId)}`);
      return expectStatus(reply, 200).body._embedded.links[0] ?? null;
    },
    async stop() {
      await bridge.stop();
      await slack.close();
      await gitlab.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const demoAccounts = () => listDemoAccounts(bridge.db, id('Demo'), null, 1000);
  return world;
}

function namesOf(emails: readonly string[]): string[] {
  return emails.map((email) => email.split('@')[0] ?? email).sort();
}

export function groupBody(displayName: string, memberIds: readonly string[] = []): Json {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName,
    members: memberIds.map((value) => ({ value })),
  };
}

/** Null for a request that changes nothing; a write that is not understood shows as it was sent. */
function slackWord({ method, path, body }: LoggedRequest): string | null {
  if (method === 'GET' || path.startsWith('/api/')) return null;
  const isGroup = path.includes('/Groups');
  if (method === 'POST') return isGroup ? 'create group' : 'create';
  if (method === 'DELETE') return isGroup ? 'delete group' : 'disable';
  const operations = (body as { Operations: { op: string; path: string; value: unknown }[] }).Operations;
  if (method !== 'PATCH') return `${method} ${path}`;
  if (isGroup) {
    if (operations.some((o) => o.path === 'displayName')) return 'rename group';
    return operations.every((o) => o.op === 'add') ? 'grant' : 'revoke';
  }
  return operations.some((o) => o.path === 'active') ? 'enable' : 'update';
}

const GITLAB_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^POST \/users$/, 'create'],
  [/^PUT \/users\/\d+$/, 'update'],
  [/^POST \/users\/\d+\/block$/, 'disable'],
  [/^POST \/users\/\d+\/unblock$/, 'enable'],
  [/^DELETE \/users\/\d+$/, 'delete'],
  [/^POST \/groups$/, 'create group'],
  [/^PUT \/groups\/\d+$/, 'rename group'],
  [/^DELETE \/groups\/\d+$/, 'delete group'],
  [/^POST \/groups\/\d+\/members$/, 'grant'],
  [/^DELETE \/groups\/\d+\/members\/\d+$/, 'revoke'],
];

function gitlabWord({ method, path }: LoggedRequest): string | null {
  if (method === 'GET') return null;
  const request = `${method} ${path.replace('/api/v4', '')}`;
  return GITLAB_WORDS.find(([shape]) => shape.test(request))?.[1] ?? request;
}

function demoWord(op: string, kind: string): string | null {
  if (op === 'adopt') return null;
  if (kind === 'user' || op === 'grant' || op === 'revoke') return op;
  return op === 'update' ? 'rename group' : `${op} group`;
}

/** Waits until the store's syncStatus is as asked, where something keeps a task waiting. */
export function untilSyncState(world: World, type: StoreType, syncState: string) {
  return eventually(
    async () => {
      const status = await world.syncStatus(type);
      return status.syncState === syncState ? status : undefined;
    },
    10_000,
    async () => JSON.stringify(await world.syncStatus(type)),
  );
}
