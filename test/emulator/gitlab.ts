/**
 * A self-managed GitLab on loopback, for tests and for the demo: users, groups, members and tokens, with
 * GitLab's pages, conflicts, refusals and rate limits. It has what the bridge asks for, and no more.
 */

import { forbidden, PER_PAGE_MAX, Refused, unauthorized } from './gitlab/answers.ts';
import { answerGroups, type GroupsRules, type LimitedCall } from './gitlab/groups.ts';
import { copyState, createState, type GitLabState, type GitLabToken } from './gitlab/state.ts';
import { answerUsers, userJson } from './gitlab/users.ts';
import { createRateLimit, type RateLimit } from './rateLimit.ts';
import { type Answer, type EmulatedRequest, type EmulatorServer, type Handle, serve } from './server.ts';

export type { GitLabState, UserState } from './gitlab/state.ts';

export interface GitLabOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Of the administrator `root`, with scope api. */
  readonly adminToken?: string;
  /** The path below which the instance is served, as `/gitlab`. */
  readonly relativeUrl?: string;
  /** Where the instance believes it is, for links; its own address where absent. */
  readonly externalUrl?: string;
  /** False before 16.5: people are paged by number only. */
  readonly keyset?: boolean;
  /** Offset pages of people end here. */
  readonly offsetMax?: number;
  /** Pages are no longer than this, whatever was asked for; GitLab's 100 where absent. */
  readonly pageSizeMax?: number;
  /** For each user; none where absent. */
  readonly rateLimit?: { readonly perMinute: number; readonly burst: number };
  /** Requests a minute for groups and their members, where they are not as in a new installation. */
  readonly groupLimits?: Partial<Record<LimitedCall, number>>;
  readonly promotionApproval?: boolean;
  readonly seats?: number;
  /** Deleted users stay visible until `state.removeUser`. */
  readonly deletesSlowly?: boolean;
  /** Administrators' rights need the scope admin_mode. */
  readonly adminMode?: boolean;
  /** Milliseconds, for rate limits. */
  now?(): number;
}

/** A GitLab without a server: its state, and what answers requests. */
export interface EmulatedGitLab {
  /** A `BASE_URL`: with the path below which it is served, without a slash at the end. */
  readonly url: string;
  readonly adminToken: string;
  readonly state: GitLabState;
  readonly handle: Handle;
  /** Answers reads as of now, whatever changes later. */
  snapshot(): Handle;
}

export type GitLabEmulator = EmulatedGitLab & Omit<EmulatorServer, 'url'>;

export const EMULATED_ADMIN_TOKEN = 'glpat-emulated-admin-0001';
const OFFSET_MAX = 50_000;
/** A minute, as new installations begin (docs.gitlab.com/administration/settings/rate_limit_on_groups_api). */
const GROUP_LIMITS: Readonly<Record<LimitedCall, number>> = {
  listGroups: 200,
  readGroup: 400,
  listMembers: 200,
  removeMember: 60,
};
const VERSION = { version: '18.5.1-ee', revision: 'emulated' };

/**
 * With the administrator `root` and GitLab's own accounts `ghost` and `alert-bot`. `origin` is where it is
 * served, without a slash at the end.
 */
export function createGitLab(origin: string, options: GitLabOptions = {}): EmulatedGitLab {
  const { adminToken = EMULATED_ADMIN_TOKEN, relativeUrl = '' } = options;
  const state = createState();
  const root = state.addUser({ username: 'root', name: 'Administrator', isAdmin: true });
  state.addUser({ username: 'ghost', name: 'Ghost User', internal: true });
  state.addUser({ username: 'alert-bot', name: 'GitLab Alert Bot', internal: true });
  state.addToken(adminToken, root.id);
  const url = origin + relativeUrl;
  const ready = { ...options, relativeUrl, externalUrl: options.externalUrl ?? url };
  return {
    url,
    adminToken,
    state,
    handle: createHandle(state, ready),
    snapshot: () => createHandle(copyState(state), ready),
  };
}

export function startGitLabEmulator(options: GitLabOptions = {}): Promise<GitLabEmulator> {
  return serve((url) => createGitLab(url, options), options.port);
}

type Ready = GitLabOptions & { readonly relativeUrl: string; readonly externalUrl: string };

function createHandle(state: GitLabState, options: Ready): Handle {
  const now = options.now ?? (() => performance.now());
  const requests = options.rateLimit
    ? createRateLimit(options.rateLimit.perMinute, options.rateLimit.burst, now)
    : null;
  const perMinute = { ...GROUP_LIMITS, ...options.groupLimits };
  const limits = new Map(
    Object.entries(perMinute).map(([call, max]) => [call, createRateLimit(max, max, now)]),
  );
  const limit: GroupsRules['limit'] = (call, caller, groupId) =>
    limits.get(call)?.take(`${groupId ?? ''} ${caller.id}`) ?? 0;
  return (request) => {
    try {
      return answer(state, options, requests, limit, request);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  };
}

function answer(
  state: GitLabState,
  options: Ready,
  requests: RateLimit | null,
  limit: GroupsRules['limit'],
  request: EmulatedRequest,
): Answer {
  const prefix = `${options.relativeUrl}/api/v4/`;
  if (!request.path.startsWith(prefix)) {
    return {
      status: 404,
      headers: { 'content-type': 'text/html' },
      body: '<html>The page could not be found</html>',
    };
  }
  const segments = request.path.slice(prefix.length).split('/').map(decodeURIComponent);
  const [resource = '', ...rest] = segments;
  const token = authenticate(state, request);
  const caller = state.users.get(token.userId);
  if (!caller) throw unauthorized();
  if (caller.state !== 'active') throw forbidden('Your account has been blocked.');
  const limited = requests ? tooMany(requests, String(caller.id), options) : null;
  if (limited) return limited;
  if (resource === 'personal_access_tokens' && rest[0] === 'self' && request.method === 'GET') {
    return {
      status: 200,
      body: { id: 1, name: 'bridge', revoked: false, active: true, user_id: caller.id, scopes: token.scopes },
    };
  }
  authorize(token, request, resource);
  const admin = caller.isAdmin && (!options.adminMode || token.scopes.includes('admin_mode'));
  const apiUrl = `${options.externalUrl}/api/v4`;
  const perPageMax = options.pageSizeMax ?? PER_PAGE_MAX;
  switch (resource) {
    case 'user':
      // GitLab asks whose the account is here, not whether Admin Mode is on.
      return { status: 200, body: { ...userJson(caller, caller.isAdmin), email: caller.email } };
    case 'users': {
      const { keyset = true, offsetMax = OFFSET_MAX } = options;
      const paging = { apiUrl, keyset, offsetMax, perPageMax };
      const { seats = null, deletesSlowly = false } = options;
      return answerUsers(state, { paging, seats, deletesSlowly }, request, rest, caller, admin);
    }
    case 'groups': {
      const rules = {
        paging: { apiUrl, keyset: false, offsetMax: null, perPageMax },
        promotionApproval: options.promotionApproval ?? false,
        limit,
      };
      return answerGroups(state, rules, request, rest, caller, admin);
    }
    case 'version':
      return { status: 200, body: VERSION };
    case 'metadata':
      return { status: 200, body: { ...VERSION, enterprise: true } };
    default:
      return { status: 404, body: { error: '404 Not Found' } };
  }
}

function authenticate(state: GitLabState, { headers }: EmulatedRequest): GitLabToken {
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  const token = state.tokens.get(headers['private-token'] ?? bearer ?? '');
  if (!token) throw unauthorized();
  if (token.revoked) {
    throw new Refused(401, {
      error: 'invalid_token',
      error_description: 'Token was revoked. You have to re-authorize from the user.',
    });
  }
  return token;
}

function authorize(token: GitLabToken, { method }: EmulatedRequest, resource: string): void {
  const readers = ['read_api', ...(resource === 'users' || resource === 'user' ? ['read_user'] : [])];
  const enough = method === 'GET' ? ['api', ...readers] : ['api'];
  if (token.scopes.some((scope) => enough.includes(scope))) return;
  throw new Refused(403, {
    error: 'insufficient_scope',
    error_description: 'The request requires higher privileges than provided by the access token.',
    scope: enough.join(' '),
  });
}

function tooMany(limit: RateLimit, key: string, { rateLimit }: Ready): Answer | null {
  const waitSeconds = limit.take(key);
  if (waitSeconds === 0) return null;
  return {
    status: 429,
    headers: {
      'content-type': 'text/plain',
      'retry-after': String(waitSeconds),
      'ratelimit-limit': String(rateLimit?.perMinute),
      'ratelimit-remaining': '0',
      'ratelimit-reset': String(Math.ceil(Date.now() / 1000) + waitSeconds),
    },
    body: 'Retry later\n',
  };
}
