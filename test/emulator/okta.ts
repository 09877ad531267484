/**
 * A stateful Okta organisation on loopback: its Management API as far as a directory is read from it, and its token
 * endpoint. For the tests and for trying out, never for the product.
 */

import { emulatedKeys } from './keys.ts';
import {
  badFilter,
  groupBody,
  noRole,
  notFound,
  OktaRefusal,
  pageAnswer,
  refusalAnswer,
  userBody,
} from './okta/answers.ts';
import { parseFilter } from './okta/filter.ts';
import { createState, type OktaGroup, type OktaState, type OktaUser } from './okta/state.ts';
import { type Access, createTokens, type OktaApp, type OktaTokens } from './okta/tokens.ts';
import { type Answer, type EmulatedRequest, type EmulatorServer, type Handle, serve } from './server.ts';

export interface OktaEmulatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Wall clock, milliseconds. */
  readonly now?: () => number;
  /** Requests a minute of each kind; Okta's published numbers where absent. */
  readonly limits?: Readonly<Partial<Record<LimitKind, number>>>;
}

export interface EmulatedOkta {
  readonly state: OktaState;
  readonly tokens: OktaTokens;
  /** A service app with both scopes and the read-only role, whose private key is `privateKey`. */
  readonly app: OktaApp;
  /** PEM, PKCS 8. */
  readonly privateKey: string;
  /** An API token of a read-only administrator. */
  readonly apiToken: string;
  readonly handle: Handle;
}

export type OktaEmulator = EmulatedOkta & EmulatorServer;

const LIMITS = { users: 600, user: 2000, groups: 500, group: 1000, other: 1200 };
type LimitKind = keyof typeof LIMITS;
const MINUTE_MS = 60_000;
const OKTA_PEOPLE_PAGE = { default: 200, max: 200 };
const OKTA_GROUPS_PAGE = { default: 10_000, max: 10_000 };
const OKTA_MEMBERS_PAGE = { default: 1000, max: 1000 };

export function createOkta(url: string, options: OktaEmulatorOptions = {}): EmulatedOkta {
  const now = options.now ?? Date.now;
  const state = createState(now);
  const tokens = createTokens(url, now);
  const { publicKey, privateKey } = emulatedKeys();
  const app: OktaApp = {
    ...{ clientId: '0oa1emulated', keyId: 'emulated-key', publicKey },
    ...{ scopes: ['okta.users.read', 'okta.groups.read'], role: 'readOnly', demandsDpop: false },
  };
  tokens.apps.set(app.clientId, app);
  const apiToken = '00emulated-api-token';
  tokens.apiTokens.set(apiToken, 'readOnly');
  const rate = createRate({ ...LIMITS, ...options.limits }, now);

  const answerApi = (request: EmulatedRequest): Answer => {
    const access = tokens.accessOf(request);
    const [kind = '', id, part] = request.path.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
    if (request.method !== 'GET')
      throw new OktaRefusal(405, 'E0000022', 'The endpoint does not support the provided HTTP method');
    const demand = (scope: string) => {
      if (access.scopes !== 'all' && !access.scopes.includes(scope)) {
        throw new OktaRefusal(
          403,
          'E0000006',
          'The access token provided does not contain the required scopes.',
        );
      }
      if (access.role === 'none') throw noRole();
    };
    if (kind === 'users' && part === undefined) {
      demand('okta.users.read');
      if (id === undefined) return listUsers(url, request, seenUsers(state, access));
      const user = seenUsers(state, access).find((one) => one.id === id || one.profile.login === id);
      if (!user) throw notFound(id, 'User');
      return { status: 200, body: userBody(user, url) };
    }
    if (kind === 'users' && part === 'groups' && id !== undefined) {
      demand('okta.users.read');
      if (!seenUsers(state, access).some((one) => one.id === id)) throw notFound(id, 'User');
      const own = seenGroups(state, access).filter(({ members }) => members.has(id));
      return pageAnswer(url, request, own, OKTA_PEOPLE_PAGE, (group) => groupBody(group, url));
    }
    if (kind === 'groups') {
      demand('okta.groups.read');
      const groups = seenGroups(state, access);
      if (id === undefined) return listGroups(url, request, groups);
      const group = groups.find((one) => one.id === id);
      if (!group) throw notFound(id, 'UserGroup');
      if (part === undefined) return { status: 200, body: groupBody(group, url) };
      if (part === 'users') {
        const members = byId([...state.users.values()].filter((user) => group.members.has(user.id)));
        return pageAnswer(url, request, members, OKTA_MEMBERS_PAGE, (user) => userBody(user, url));
      }
    }
    throw new OktaRefusal(404, 'E0000022', 'The endpoint does not support the provided HTTP method');
  };

  const handle: Handle = (request) => {
    const { path } = request;
    if (path === '/.well-known/okta-organization') {
      return { status: 200, body: { id: state.orgId, pipeline: 'idx', settings: {}, _links: {} } };
    }
    if (path === '/oauth2/v1/token' && request.method === 'POST') return tokens.issue(request);
    if (!path.startsWith('/api/v1/'))
      return { status: 404, body: '<html>404</html>', headers: { 'content-type': 'text/html' } };
    const counted = rate(limitKindOf(path));
    if (counted.isOver) {
      const refusal = new OktaRefusal(
        429,
        'E0000047',
        'API call exceeded rate limit due to too many requests.',
      );
      return { ...refusalAnswer(refusal), headers: counted.headers };
    }
    const answer = answered(() => answerApi(request));
    return { ...answer, headers: { ...counted.headers, ...answer.headers } };
  };
  return { state, tokens, app, privateKey, apiToken, handle };
}

export function startOktaEmulator(options: OktaEmulatorOptions = {}): Promise<OktaEmulator> {
  return serve((url) => createOkta(url, options), options.port);
}

function answered(answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    if (error instanceof OktaRefusal) return refusalAnswer(error);
    throw error;
  }
}

/** An administrator of some groups sees the people in them, and no others. */
function seenUsers({ users, groups }: OktaState, { role }: Access): readonly OktaUser[] {
  const all = byId([...users.values()]);
  if (role === 'none' || role === 'readOnly') return all;
  const own = [...role].flatMap((id) => [...(groups.get(id)?.members ?? [])]);
  return all.filter((user) => own.includes(user.id));
}

function seenGroups({ groups }: OktaState, { role }: Access): readonly OktaGroup[] {
  const all = byId([...groups.values()]);
  return role === 'none' || role === 'readOnly' ? all : all.filter((group) => role.has(group.id));
}

function byId<T extends { readonly id: string }>(things: T[]): readonly T[] {
  return things.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Whoever asks without a filter is not shown the deactivated. */
function listUsers(url: string, request: EmulatedRequest, users: readonly OktaUser[]): Answer {
  const { query } = request;
  if (query.has('search')) throw badFilter('search lags: a directory is never read with it');
  const filter = query.get('filter');
  const names = ['login', 'email', 'firstName', 'lastName'];
  const test =
    filter === null
      ? ({ status }: Readonly<Record<string, unknown>>) => status !== 'DEPROVISIONED'
      : parseFilter(filter, ['status', 'id', ...names.map((name) => `profile.${name}`)], ['lastUpdated']);
  const listed = users.filter(({ id, status, lastUpdated, profile }) =>
    test({ id, status, lastUpdated, ...Object.fromEntries(names.map((n) => [`profile.${n}`, profile[n]])) }),
  );
  return pageAnswer(url, request, listed, OKTA_PEOPLE_PAGE, (user) => userBody(user, url));
}

function listGroups(url: string, request: EmulatedRequest, groups: readonly OktaGroup[]): Answer {
  const filter = request.query.get('filter');
  const times = ['lastUpdated', 'lastMembershipUpdated'];
  const test = filter === null ? () => true : parseFilter(filter, ['id', 'type'], times);
  const listed = groups.filter((group) => test({ ...group }));
  return pageAnswer(url, request, listed, OKTA_GROUPS_PAGE, (group) => groupBody(group, url));
}

function limitKindOf(path: string): LimitKind {
  if (/^\/api\/v1\/users$/.test(path)) return 'users';
  if (/^\/api\/v1\/users\/[^/]+$/.test(path)) return 'user';
  if (/^\/api\/v1\/groups$/.test(path)) return 'groups';
  return /^\/api\/v1\/groups\/[^/]+$/.test(path) ? 'group' : 'other';
}

/** Okta counts by the minute, and says in each answer how many are left and when the minute ends. */
function createRate(limits: Readonly<Record<LimitKind, number>>, now: () => number) {
  const used = new Map<LimitKind, { minute: number; count: number }>();
  return (kind: LimitKind) => {
    const minute = Math.floor(now() / MINUTE_MS);
    const known = used.get(kind);
    const counter = known?.minute === minute ? known : { minute, count: 0 };
    used.set(kind, counter);
    counter.count += 1;
    const limit = limits[kind];
    const headers = {
      date: new Date(now()).toUTCString(),
      'x-rate-limit-limit': String(limit),
      'x-rate-limit-remaining': String(Math.max(0, limit - counter.count)),
      'x-rate-limit-reset': String(((minute + 1) * MINUTE_MS) / 1000),
    };
    return { isOver: counter.count > limit, headers };
  };
}
