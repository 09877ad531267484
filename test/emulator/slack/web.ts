/** The emulated Web API: the methods that tell who and where, always answered with status 200. */

import { createRateLimit, type RateLimit } from '../rateLimit.ts';
import type { Answer, EmulatedRequest } from '../server.ts';
import type { SlackState, SlackToken, SlackUser } from './state.ts';

interface MethodCall {
  readonly token: SlackToken;
  readonly args: Readonly<Record<string, string>>;
  readonly state: SlackState;
}

interface Method {
  readonly scope: string | null;
  /** Slack's tier: calls a minute for a workspace. */
  readonly perMinute: number;
  run(call: MethodCall): Record<string, unknown>;
}

const TIER = { two: 20, three: 50, four: 100, high: 600 };
const LIST_LIMIT_MAX = 1000;

class MethodRefusal extends Error {}

const METHODS: Readonly<Record<string, Method>> = {
  'auth.test': { scope: null, perMinute: TIER.high, run: authTest },
  'team.info': { scope: 'team:read', perMinute: TIER.three, run: teamInfo },
  'users.info': {
    scope: 'users:read',
    perMinute: TIER.four,
    run: ({ token, args }) => {
      const user = token.workspace.users.get(args.user ?? '');
      if (!user) throw new MethodRefusal('user_not_found');
      return { user: webUser(user, token) };
    },
  },
  'users.list': { scope: 'users:read', perMinute: TIER.two, run: usersList },
  'users.lookupByEmail': {
    scope: 'users:read.email',
    perMinute: TIER.three,
    run: ({ token, args }) => {
      const email = (args.email ?? '').toLowerCase();
      const user = [...token.workspace.users.values()].find(
        (one) => one.active && one.emails.some(({ value }) => value.toLowerCase() === email),
      );
      if (!user) throw new MethodRefusal('users_not_found');
      return { user: webUser(user, token) };
    },
  },
};

export type Web = (request: EmulatedRequest, method: string) => Answer;

export function createWeb(state: SlackState, options: { readonly limits: boolean; now(): number }): Web {
  const limits = new Map<string, RateLimit>();
  for (const [name, { perMinute }] of Object.entries(METHODS)) {
    limits.set(name, createRateLimit(perMinute, perMinute, options.now));
  }
  return (request, name) => {
    const method = METHODS[name];
    if (!method) return { status: 200, body: { ok: false, error: 'unknown_method' } };
    const args = argumentsOf(request);
    const token = authenticate(state, request, args);
    if (typeof token === 'string') return { status: 200, body: { ok: false, error: token } };
    const headers = { 'x-oauth-scopes': token.scopes.join(',') };
    const waitSeconds = options.limits ? (limits.get(name)?.take(token.workspace.id) ?? 0) : 0;
    if (waitSeconds > 0) {
      return {
        status: 429,
        headers: { ...headers, 'retry-after': String(waitSeconds) },
        body: { ok: false, error: 'ratelimited' },
      };
    }
    if (method.scope !== null && !token.scopes.includes(method.scope)) {
      const said = { needed: method.scope, provided: token.scopes.join(',') };
      return { status: 200, headers, body: { ok: false, error: 'missing_scope', ...said } };
    }
    try {
      return { status: 200, headers, body: { ok: true, ...method.run({ token, args, state }) } };
    } catch (error) {
      if (error instanceof MethodRefusal) {
        return { status: 200, headers, body: { ok: false, error: error.message } };
      }
      throw error;
    }
  };
}

/** Form fields or JSON; a GET carries them in its query. */
function argumentsOf(request: EmulatedRequest): Record<string, string> {
  const args: Record<string, string> = Object.fromEntries(request.query);
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, unknown>)) {
    args[name] = String(value);
  }
  return args;
}

/** The token, or Slack's word for why not. */
function authenticate(
  state: SlackState,
  request: EmulatedRequest,
  args: Readonly<Record<string, string>>,
): SlackToken | string {
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? args.token;
  if (given === undefined) return 'not_authed';
  const token = state.tokens.get(given);
  return token?.refusedWith ?? token ?? 'invalid_auth';
}

function authTest({ token }: MethodCall) {
  const { workspace, userId } = token;
  return {
    url: `https://${workspace.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.slack.com/`,
    team: workspace.name,
    user: workspace.users.get(userId)?.userName ?? '',
    team_id: workspace.id,
    user_id: userId,
    is_enterprise_install: token.orgInstall,
    ...(workspace.enterpriseId === null ? {} : { enterprise_id: workspace.enterpriseId }),
  };
}

function teamInfo({ token: { workspace } }: MethodCall) {
  return {
    team: {
      id: workspace.id,
      name: workspace.name,
      domain: workspace.name.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
      email_domain: '',
      icon: { image_default: true },
      ...(workspace.enterpriseId === null ? {} : { enterprise_id: workspace.enterpriseId }),
    },
  };
}

/** The cursor is the number of the first member of the page. */
function usersList({ token, args }: MethodCall) {
  const all = [...token.workspace.users.values()];
  const start = args.cursor ? Number(Buffer.from(args.cursor, 'base64').toString()) : 0;
  const limit = Math.min(Number(args.limit ?? all.length) || all.length, LIST_LIMIT_MAX);
  const end = start + limit;
  return {
    members: all.slice(start, end).map((user) => webUser(user, token)),
    response_metadata: {
      next_cursor: end < all.length ? Buffer.from(String(end)).toString('base64') : '',
    },
  };
}

function webUser(user: SlackUser, token: SlackToken) {
  const email = user.emails.find(({ primary }) => primary)?.value;
  return {
    id: user.id,
    team_id: token.workspace.id,
    name: user.userName,
    deleted: !user.active,
    real_name: `${user.name.givenName} ${user.name.familyName}`.trim(),
    profile: {
      title: user.profile.title ?? '',
      display_name: user.displayName,
      first_name: user.name.givenName,
      last_name: user.name.familyName,
      ...(token.scopes.includes('users:read.email') ? { email } : {}),
    },
    is_admin: user.role !== 'member',
    is_owner: user.role === 'owner' || user.role === 'primaryOwner',
    is_primary_owner: user.role === 'primaryOwner',
    is_restricted: user.isGuest,
    is_bot: user.isBot,
  };
}
