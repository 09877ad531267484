/** The emulated SCIM API, version 2: who may ask, which resource, and at what rate. */

import { createRateLimit, type RateLimit } from '../rateLimit.ts';
import type { Answer, EmulatedRequest } from '../server.ts';
import { groupResource, listAnswer, refusalAnswer, ScimRefusal, userResource } from './answers.ts';
import { patchGroup, patchUser, readOperations, refuseNonMembers, renameGroup } from './patch.ts';
import {
  emptyUser,
  type SlackGroup,
  type SlackState,
  type SlackToken,
  type SlackUser,
  type SlackWorkspace,
} from './state.ts';
import { fillUser, multiValues, refuseAboveRole, setActive, text } from './users.ts';

export interface ScimOptions {
  /** The published token buckets. */
  readonly limits: boolean;
  /** For so long a write occupies its resource: another one meanwhile is answered 429. */
  readonly writeMs: number;
  /** For so long after a deactivation, reads still show the account as active. */
  readonly eventualReadMs: number;
  /** A server that gives fewer than it is asked for. */
  readonly pageSizeMax: number;
  /** Lists answer with everything, as if no filter had come. */
  readonly ignoreFilters: boolean;
  now(): number;
}

interface Call {
  readonly request: EmulatedRequest;
  readonly token: SlackToken;
  readonly workspace: SlackWorkspace;
  readonly collection: string;
  readonly id: string | null;
}

export type Scim = (request: EmulatedRequest, path: string) => Answer;

/** `scimUrl` ends in a slash; `path` is what follows it. */
export function createScim(state: SlackState, options: ScimOptions, scimUrl: string): Scim {
  const limited = createLimits(options);
  return (request, path) => {
    try {
      const token = authorize(state, request);
      const [collection = '', rawId] = path.split('/');
      const id = rawId ? decodeURIComponent(rawId) : null;
      const waitSeconds = limited(request.method, collection, id);
      if (waitSeconds > 0) return tooMany(waitSeconds);
      const call = { request, token, workspace: token.workspace, collection, id };
      if (collection === 'Users') return users(state, options, scimUrl, call);
      if (collection === 'Groups') return groups(state, options, scimUrl, call);
      return discovery(call);
    } catch (error) {
      if (error instanceof ScimRefusal) return refusalAnswer(error);
      throw error;
    }
  };
}

function authorize(state: SlackState, request: EmulatedRequest): SlackToken {
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) throw new ScimRefusal(401, 'missing_authentication');
  const token = state.tokens.get(given);
  if (!token || token.refusedWith !== null) throw new ScimRefusal(401, 'invalid_authentication');
  if (!token.scopes.includes('admin')) throw new ScimRefusal(401, 'invalid_authentication');
  const { workspace } = token;
  if (workspace.plan === 'free') throw new ScimRefusal(403, 'plus_teams_only');
  if (workspace.enterpriseId !== null && !token.orgInstall) throw new ScimRefusal(403, 'non_org_teams_only');
  return token;
}

function users(state: SlackState, options: ScimOptions, scimUrl: string, call: Call): Answer {
  const { request, workspace, id, token } = call;
  const show = (user: SlackUser) => userResource(user, workspace, scimUrl, options.now());
  if (id === null) {
    if (request.method === 'GET') {
      const all = [...workspace.users.values()].filter(userFilter(filterOf(request, options)));
      return listAnswer(all.map(show), request.query, options.pageSizeMax);
    }
    if (request.method !== 'POST') return { status: 405 };
    const user = emptyUser(state.nextId('U'), options.now());
    const body = jsonBody(request);
    createUser(workspace, user, body);
    user.active = body.active !== false;
    workspace.users.set(user.id, user);
    return { status: 201, body: show(user) };
  }
  const user = workspace.users.get(id);
  if (!user) throw noSuchUser(workspace);
  if (request.method === 'GET') return { status: 200, body: show(user) };
  const activate = (active: boolean) =>
    setActive(workspace, token, user, active, options.now() + options.eventualReadMs);
  switch (request.method) {
    case 'DELETE':
      activate(false);
      return { status: 204 };
    case 'PATCH':
      changeUser(call, user, activate);
      return { status: 200, body: show(user) };
    case 'PUT': {
      const body = jsonBody(request);
      refuseAboveRole(workspace, token, user);
      const replaced = { ...emptyUser(user.id, user.createdMs), role: user.role, active: user.active };
      fillUser(workspace, replaced, body);
      Object.assign(user, replaced);
      activate(body.active !== false);
      return { status: 200, body: show(user) };
    }
    default:
      return { status: 405 };
  }
}

function createUser(workspace: SlackWorkspace, user: SlackUser, body: Record<string, unknown>): void {
  try {
    fillUser(workspace, user, body);
  } catch (error) {
    const isTaken = error instanceof ScimRefusal && error.status === 409;
    throw isTaken && workspace.manners.vagueConflicts ? new ScimRefusal(409, 'user_creation_failed') : error;
  }
  if (workspace.manners.dropsProfileOnCreate) user.enterprise = {};
}

function noSuchUser({ manners }: SlackWorkspace): ScimRefusal {
  return manners.unknownIs400 ? new ScimRefusal(400, 'unknown_user') : new ScimRefusal(404, 'no_such_user');
}

/** All operations or none. */
function changeUser({ request, workspace, token }: Call, user: SlackUser, activate: (on: boolean) => void) {
  const operations = readOperations(request.body);
  const draft = structuredClone(user);
  for (const operation of operations) {
    if (operation.path === 'active') continue;
    refuseAboveRole(workspace, token, user);
    patchUser(workspace, draft, operation);
  }
  for (const { path, value } of operations) if (path === 'active') activate(value === true);
  const { active, shownActiveUntilMs } = user;
  Object.assign(user, draft, { active, shownActiveUntilMs });
}

function groups(state: SlackState, options: ScimOptions, scimUrl: string, call: Call): Answer {
  const { request, workspace, id } = call;
  const show = (group: SlackGroup) => groupResource(group, workspace, scimUrl);
  if (id === null) {
    if (request.method === 'GET') {
      const filter = filterOf(request, options);
      const all = [...workspace.groups.values()].filter(groupFilter(filter));
      return listAnswer(all.map(show), request.query, options.pageSizeMax);
    }
    if (request.method !== 'POST') return { status: 405 };
    const group = {
      id: state.nextId('S'),
      displayName: '',
      members: new Set<string>(),
      createdMs: options.now(),
    };
    fillGroup(workspace, group, jsonBody(request));
    workspace.groups.set(group.id, group);
    return { status: 201, body: show(group) };
  }
  const group = workspace.groups.get(id);
  if (!group) throw new ScimRefusal(404, 'no_such_group');
  switch (request.method) {
    case 'GET':
      return { status: 200, body: show(group) };
    case 'DELETE':
      workspace.groups.delete(id);
      return { status: 204 };
    case 'PATCH': {
      const draft = { ...group, members: new Set(group.members) };
      for (const operation of readOperations(request.body)) patchGroup(workspace, draft, operation);
      workspace.groups.set(id, draft);
      return { status: 200, body: show(draft) };
    }
    case 'PUT':
      fillGroup(workspace, group, jsonBody(request));
      return { status: 200, body: show(group) };
    default:
      return { status: 405 };
  }
}

function fillGroup(workspace: SlackWorkspace, group: SlackGroup, body: Record<string, unknown>): void {
  if (!Array.isArray(body.schemas)) throw new ScimRefusal(400, 'missing_schema_element');
  const ids = multiValues(body.members).map((member) => member.value);
  refuseNonMembers(workspace, ids);
  renameGroup(workspace, group, text(body.displayName));
  group.members.clear();
  for (const memberId of ids) group.members.add(memberId);
}

function jsonBody(request: EmulatedRequest): Record<string, unknown> {
  const { body } = request;
  if (typeof body !== 'object' || body === null) throw new ScimRefusal(400, 'invalid_json');
  return body as Record<string, unknown>;
}

interface Filter {
  readonly attribute: string;
  readonly value: string;
}

function filterOf(request: EmulatedRequest, options: ScimOptions): Filter | null {
  const filter = request.query.get('filter');
  if (filter === null || options.ignoreFilters) return null;
  const [, attribute = '', literal = ''] = /^([\w.]+) eq (".*")$/i.exec(filter.trim()) ?? [];
  try {
    return { attribute: attribute.toLowerCase(), value: String(JSON.parse(literal)).toLowerCase() };
  } catch {
    throw new ScimRefusal(400, 'invalid_query');
  }
}

function userFilter(filter: Filter | null): (user: SlackUser) => boolean {
  if (filter === null) return () => true;
  const { attribute, value } = filter;
  if (attribute === 'username') return (user) => user.userName === value;
  if (['email', 'emails', 'emails.value'].includes(attribute)) {
    return (user) => user.emails.some((email) => email.value.toLowerCase() === value);
  }
  throw new ScimRefusal(400, 'no_filters');
}

function groupFilter(filter: Filter | null): (group: SlackGroup) => boolean {
  if (filter === null) return () => true;
  if (filter.attribute !== 'displayname') throw new ScimRefusal(400, 'no_filters');
  return (group) => group.displayName.toLowerCase() === filter.value;
}

function discovery({ request, collection }: Call): Answer {
  if (request.method !== 'GET' || !/^ServiceProviderConfigs?$/.test(collection)) return { status: 404 };
  return {
    status: 200,
    body: {
      authenticationSchemes: [{ type: 'oauthbearertoken', name: 'OAuth Bearer Token', primary: true }],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      // Filters work all the same.
      filter: { supported: false, maxResults: 1000 },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: false },
      xmlDataFormat: { supported: false },
    },
  };
}

function tooMany(seconds: number): Answer {
  const { body } = refusalAnswer(new ScimRefusal(429, 'too_many_requests'));
  return { status: 429, headers: { 'retry-after': String(seconds) }, body };
}

/** Seconds to wait, 0 for none; by Slack's published sets, and for a resource that is being written. */
function createLimits(options: ScimOptions) {
  const buckets: [RateLimit, (method: string, collection: string, id: string | null) => boolean][] = [
    [createRateLimit(600, 180, options.now), (method) => method !== 'GET'],
    [createRateLimit(1000, 1000, options.now), (method) => method === 'GET'],
    [createRateLimit(300, 300, options.now), (method, _, id) => method === 'GET' && id !== null],
  ];
  for (const [collection, burst] of [
    ['Users', 20],
    ['Groups', 80],
  ] as const) {
    const of = (perMinute: number, size: number, ...methods: string[]) =>
      buckets.push([
        createRateLimit(perMinute, size, options.now),
        (method, asked) => asked === collection && methods.includes(method),
      ]);
    of(180, 20, 'POST');
    of(180, 20, 'DELETE');
    of(180, burst, 'PATCH', 'PUT');
  }
  const busyUntil = new Map<string, number>();
  return (method: string, collection: string, id: string | null): number => {
    const key = `${collection}/${id}`;
    const writes = method !== 'GET' && id !== null;
    if (writes && (busyUntil.get(key) ?? 0) > options.now()) return 1;
    if (writes && options.writeMs > 0) busyUntil.set(key, options.now() + options.writeMs);
    if (!options.limits) return 0;
    const waits = buckets
      .filter(([, applies]) => applies(method, collection, id))
      .map(([limit]) => limit.take('organisation'));
    return Math.max(0, ...waits);
  };
}
