/**
 * @gitbeaker's resources over the bridge's own HTTP. Its stock requester retries 429 and 502 ten times
 * within a third of a second, writes included, and follows pages by itself; here every call is one paced
 * exchange, and every failure a `RemoteError`. The token goes to the store's own host and nowhere else.
 */

import { createRequesterFn, type RequestOptions } from '@gitbeaker/requester-utils';
import { GroupMembers, Groups, PersonalAccessTokens, Users } from '@gitbeaker/rest';
import type { CallContext, ConnectorDeps } from '../connector.ts';
import { createSender, type VendorResponse } from '../http.ts';
import { type Bucket, createPacer } from '../pacer.ts';
import { type Attempt, refusal, STORE, unexpected } from './errors.ts';
import type { GitLabSettings } from './settings.ts';

export interface Exchange {
  readonly context: CallContext;
  /** In words, for errors: "block user 42". */
  readonly action: string;
  /** A page's address as GitLab gave it, in place of the one that the call would make. */
  readonly path?: string;
}

export interface GitLabApi {
  readonly users: Users<false>;
  readonly groups: Groups<false>;
  readonly members: GroupMembers<false>;
  readonly tokens: PersonalAccessTokens<false>;
  /** The headers of the last answer. */
  headers(): Headers;
}

export interface GitLabClient {
  /** The resources for calls that serve one purpose. */
  during(exchange: Exchange): GitLabApi;
}

/** What every operation works on. */
export interface Instance {
  readonly client: GitLabClient;
  readonly settings: GitLabSettings;
}

/**
 * Self-managed instances limit little by default; the bridge keeps to a share that a small one bears.
 * Removing members is limited to 60 a minute for each group, on every instance: half of it, refilled at
 * that rate, never exceeds it.
 */
const BUCKETS: readonly Bucket[] = [
  { name: 'everything', perMinute: 1_800, burst: 100, matches: () => true },
  {
    name: 'member removals',
    perMinute: 30,
    burst: 30,
    matches: ({ method, url }) => method === 'DELETE' && /\/groups\/[^/]+\/members\//.test(url),
  },
];

export function createClient(settings: GitLabSettings, deps: ConnectorDeps): GitLabClient {
  const send = createSender({
    store: STORE,
    pacer: createPacer(BUCKETS, deps),
    fetch: deps.fetch,
    now: deps.now,
  });

  const during = ({ context, action, path }: Exchange): GitLabApi => {
    let headers = new Headers();

    const handle = async (endpoint: string, options: RequestOptions) => {
      const method = options.method ?? 'GET';
      const attempt: Attempt = { action, writes: method !== 'GET' };
      const body = bodyOf(method, options.body);
      const response = await send(
        {
          method,
          url: path ? originOf(settings) + path : urlOf(endpoint, options),
          headers: { ...options.headers, accept: 'application/json', 'user-agent': 'scim-bridge' },
          ...(body === undefined ? {} : { body }),
          ...attempt,
        },
        context,
      );
      headers = response.headers;
      if (response.status < 200 || response.status > 299) throw refusal(response, attempt, settings.token);
      // Without headers @gitbeaker finds no next page, so it never follows one by itself.
      return { body: parse(response, attempt), headers: {}, status: response.status };
    };

    const requesterFn = createRequesterFn(
      async (_service, options) => options,
      (endpoint, options) => handle(endpoint, options as RequestOptions) as Promise<never>,
    );
    const options = {
      host: settings.baseUrl,
      token: settings.token,
      camelize: false as const,
      queryTimeout: null,
      rateLimits: {},
      requesterFn,
    };
    return {
      users: new Users(options),
      groups: new Groups(options),
      members: new GroupMembers(options),
      tokens: new PersonalAccessTokens(options),
      headers: () => headers,
    };
  };
  return { during };
}

export function originOf(settings: GitLabSettings): string {
  return new URL(settings.baseUrl).origin;
}

function urlOf(endpoint: string, { prefixUrl = '', searchParams }: RequestOptions): string {
  const url = `${prefixUrl.replace(/\/+$/, '')}/${endpoint}`;
  return searchParams ? `${url}?${searchParams}` : url;
}

/** @gitbeaker gives a DELETE without options the body `{}`, which some proxies refuse. */
function bodyOf(method: string, body: RequestOptions['body']): RequestOptions['body'] {
  return method === 'DELETE' && body === '{}' ? undefined : body;
}

/** 204 and an empty body are null; `true`, `false` and `null` are answers too. */
function parse(response: VendorResponse, attempt: Attempt): unknown {
  if (response.text.trim() === '') return null;
  try {
    return JSON.parse(response.text);
  } catch {
    throw unexpected(response.status, attempt, 'not JSON');
  }
}
