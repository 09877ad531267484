/**
 * A stateful Slack on loopback: SCIM version 2 and the few Web API methods that the bridge asks. For the
 * tests and for the demo, never for the product.
 */

import { type EmulatorServer, type Handle, serve } from './server.ts';
import { createScim, type ScimOptions } from './slack/scim.ts';
import {
  copyState,
  createState,
  type SeedUser,
  type SeedWorkspace,
  type SlackGroup,
  type SlackState,
  type SlackToken,
  type SlackUser,
  type SlackWorkspace,
  seedGroup,
  seedUser,
  seedWorkspace,
} from './slack/state.ts';
import { createWeb } from './slack/web.ts';

export type { SeedUser, SeedWorkspace, SlackGroup, SlackToken, SlackUser, SlackWorkspace };

export interface SlackEmulatorOptions extends Partial<ScimOptions> {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** The first workspace's token; `SLACK_TOKEN` where absent. */
  readonly token?: string;
}

/** The token of the first workspace's primary owner. */
export const SLACK_TOKEN = 'xoxp-emulated-owner-token';

const ALL_SCOPES = ['admin', 'team:read', 'users:read', 'users:read.email'];

export interface SeedToken {
  readonly token: string;
  readonly userId: string;
  readonly scopes?: readonly string[];
  readonly orgInstall?: boolean;
}

/** A Slack without a server: its state, and what answers requests. */
export interface EmulatedSlack {
  /** End in a slash, as the connector's settings do. */
  readonly apiUrl: string;
  readonly scimUrl: string;
  /** `T0001`, "Acme", with one account: its primary owner. */
  readonly workspace: SlackWorkspace;
  /** Of the first workspace, by id. */
  readonly users: ReadonlyMap<string, SlackUser>;
  readonly groups: ReadonlyMap<string, SlackGroup>;
  readonly owner: SlackUser;
  readonly handle: Handle;
  /** Answers reads as of now, whatever changes later. */
  snapshot(): Handle;
  addWorkspace(seed: SeedWorkspace): SlackWorkspace;
  addToken(workspace: SlackWorkspace, seed: SeedToken): SlackToken;
  addUser(seed: SeedUser, workspace?: SlackWorkspace): SlackUser;
  addGroup(displayName: string, members?: readonly string[], workspace?: SlackWorkspace): SlackGroup;
}

export type SlackEmulator = EmulatedSlack & EmulatorServer;

const SCIM_PATH = '/scim/v2/';
const API_PATH = '/api/';

/** `url` is where it is served, without a slash at the end. */
export function createSlack(url: string, options: SlackEmulatorOptions = {}): EmulatedSlack {
  const state = createState();
  const workspace = seedWorkspace(state, { id: 'T0001', name: 'Acme' });
  const addToken = (to: SlackWorkspace, seed: SeedToken): SlackToken => {
    const token = {
      token: seed.token,
      workspace: to,
      userId: seed.userId,
      scopes: seed.scopes ?? ALL_SCOPES,
      orgInstall: seed.orgInstall ?? false,
      refusedWith: null,
    };
    state.tokens.set(seed.token, token);
    return token;
  };
  const owner = seedUser(state, workspace, {
    userName: 'owner',
    email: 'owner@acme.example',
    displayName: 'The Owner',
    role: 'primaryOwner',
  });
  addToken(workspace, { token: options.token ?? SLACK_TOKEN, userId: owner.id });

  const scimOptions: ScimOptions = {
    limits: options.limits ?? false,
    writeMs: options.writeMs ?? 0,
    eventualReadMs: options.eventualReadMs ?? 0,
    pageSizeMax: options.pageSizeMax ?? Number.POSITIVE_INFINITY,
    ignoreFilters: options.ignoreFilters ?? false,
    now: options.now ?? Date.now,
  };
  const scimUrl = url + SCIM_PATH;
  const handleOf = (state: SlackState): Handle => {
    const scim = createScim(state, scimOptions, scimUrl);
    const web = createWeb(state, scimOptions);
    return (request) => {
      if (request.path.startsWith(SCIM_PATH)) return scim(request, request.path.slice(SCIM_PATH.length));
      if (request.path.startsWith(API_PATH)) return web(request, request.path.slice(API_PATH.length));
      return { status: 404, body: 'not found' };
    };
  };
  return {
    apiUrl: url + API_PATH,
    scimUrl,
    workspace,
    users: workspace.users,
    groups: workspace.groups,
    owner,
    handle: handleOf(state),
    snapshot: () => handleOf(copyState(state)),
    addWorkspace: (seed) => seedWorkspace(state, seed),
    addToken,
    addUser: (seed, to = workspace) => seedUser(state, to, seed),
    addGroup: (displayName, members = [], to = workspace) => seedGroup(state, to, displayName, members),
  };
}

export function startSlackEmulator(options: SlackEmulatorOptions = {}): Promise<SlackEmulator> {
  return serve((url) => createSlack(url, options), options.port);
}
