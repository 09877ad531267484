/**
 * One store of each type: what the bridge is told about it, what its vendor really received, and how its
 * accounts and groups look there. The vendors are the tests' emulators; the bridge knows no difference.
 */

import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import type { EmulatorServer, LoggedRequest } from '../test/emulator/server.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../test/emulator/slack.ts';
import type { Bridge, Json } from './bridge.ts';
import { GRACE } from './cast.ts';

export interface Account {
  readonly enabled: boolean;
  readonly title: string;
}

export interface Look {
  /** By email address. */
  readonly accounts: ReadonlyMap<string, Account>;
  /** Their members' email addresses, by the group's name. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/** A store before the bridge knows it. */
export interface Target {
  readonly type: 'Demo' | 'Slack' | 'GitLabSelfManaged';
  readonly name: string;
  readonly about: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What the store maps otherwise than its type does. */
  readonly mappings?: readonly { readonly targetAttribute: string; readonly sourceAttribute: string }[];
  /** Null: no vendor, the store is in the bridge's own database. */
  readonly vendor: Pick<EmulatorServer, 'requests' | 'forgetRequests'> | null;
  look(bridge: Bridge, storeId: string): Promise<Look>;
  close(): Promise<void>;
}

export interface Store extends Target {
  readonly id: string;
}

export async function startTargets(onStarted: (target: Target) => void): Promise<readonly Target[]> {
  const targets = [demo, slack, gitlab];
  const started: Target[] = [];
  for (const start of targets) {
    const target = await start();
    onStarted(target);
    started.push(target);
  }
  return started;
}

/** Makes and activates the store through the admin API, as an administrator does. */
export async function addStore(bridge: Bridge, target: Target): Promise<Store> {
  const { type, name, configuration } = target;
  const body = { type, name, status: 'ACTIVE', configuration };
  const made = await bridge.admin('POST', '/propagation/stores', body);
  if (target.mappings) {
    const { mappings } = target;
    await bridge.admin('PUT', `/propagation/stores/${made.body.id}/mappings`, { mappings });
  }
  return { ...target, id: made.body.id };
}

/** Requests that change something: what merely asks is left out. */
export function writes(store: Store): readonly LoggedRequest[] {
  const requests = store.vendor?.requests ?? [];
  // Slack's Web API reads by POST too.
  return requests.filter(({ method, path }) => method !== 'GET' && !path.startsWith('/api/auth.'));
}

async function demo(): Promise<Target> {
  return {
    type: 'Demo',
    name: 'Demo',
    about: "in the bridge's own database, without a vendor",
    configuration: {},
    vendor: null,
    look: lookAtDemo,
    close: async () => {},
  };
}

async function lookAtDemo(bridge: Bridge, storeId: string): Promise<Look> {
  const { body } = await bridge.admin('GET', `/propagation/stores/${storeId}/accounts?limit=1000`);
  const rows: readonly Json[] = body._embedded.accounts;
  const groups = new Map<string, string[]>();
  for (const { identifier, groups: names } of rows) {
    for (const { name } of names) groups.set(name, [...(groups.get(name) ?? []), identifier]);
  }
  const accounts = rows.map(({ identifier, state, attributes }): [string, Account] => [
    identifier,
    { enabled: state === 'enabled', title: attributes.title ?? '' },
  ]);
  return { accounts: new Map(accounts), groups };
}

async function slack(): Promise<Target> {
  const vendor = await startSlackEmulator();
  vendor.addUser({
    userName: GRACE.given.toLowerCase(),
    email: GRACE.email,
    displayName: GRACE.given,
    givenName: GRACE.given,
    familyName: GRACE.family,
  });
  return {
    type: 'Slack',
    name: 'Slack',
    about: `workspace ${vendor.workspace.name}, emulated at ${vendor.url}; ${GRACE.given} has an account there`,
    configuration: {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: vendor.apiUrl,
      SCIM_BASE_URL: vendor.scimUrl,
    },
    vendor,
    look: async () => lookAtSlack(vendor),
    close: () => vendor.close(),
  };
}

function lookAtSlack(vendor: SlackEmulator): Look {
  const emailOf = (id: string) => vendor.users.get(id)?.emails[0]?.value ?? id;
  const accounts = [...vendor.users.values()].map((user): [string, Account] => [
    emailOf(user.id),
    { enabled: user.active, title: user.profile.title ?? '' },
  ]);
  const groups = [...vendor.groups.values()].map((group): [string, string[]] => [
    group.displayName,
    [...group.members].map(emailOf),
  ]);
  return { accounts: new Map(accounts), groups: new Map(groups) };
}

async function gitlab(): Promise<Target> {
  const vendor = await startGitLabEmulator();
  vendor.state.addGroup({ path: 'engineering', name: 'engineering' });
  vendor.state.addGroup({ path: 'design', name: 'design' });
  return {
    type: 'GitLabSelfManaged',
    name: 'GitLab',
    about: `self-managed, emulated at ${vendor.url}; has the groups engineering and design`,
    configuration: { BASE_URL: vendor.url, ACCESS_TOKEN: vendor.adminToken },
    // GitLab takes no job title.
    mappings: [{ targetAttribute: 'bio', sourceAttribute: 'title' }],
    vendor,
    look: async () => lookAtGitLab(vendor),
    close: () => vendor.close(),
  };
}

function lookAtGitLab({ state }: GitLabEmulator): Look {
  const emailOf = (id: number) => state.users.get(id)?.email ?? String(id);
  const accounts = [...state.users.values()].map((user): [string, Account] => [
    user.email,
    { enabled: user.state === 'active', title: user.profile.bio ?? '' },
  ]);
  const groups = [...state.groups.values()].map((group): [string, string[]] => [
    group.name,
    [...(state.members.get(group.id)?.keys() ?? [])].map(emailOf),
  ]);
  return { accounts: new Map(accounts), groups: new Map(groups) };
}
