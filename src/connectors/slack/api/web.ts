/**
 * Slack's Web API through the vendor's own client: who the token is, and where. The client must not retry, queue or
 * log: the bridge does that. Its calls go through the bridge's sender, so that they are paced, timed and recorded
 * like all others.
 */

import {
  type FetchFunction,
  type Logger,
  LogLevel,
  WebAPIPlatformError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api';
import { RemoteError } from '../../../model/errors.ts';
import { type DocumentedAnswers, judge, object, undoneError } from '../../answers.ts';
import type { CallContext, Fetch } from '../../connector.ts';
import { createSender, type SendRequest } from '../../http.ts';
import { type Bucket, createPacer } from '../../pacer.ts';
import { isToken, withSlash } from './client.ts';
import { STORE } from './errors.ts';

/** The method answered with a refusal: `invalid_auth`, `missing_scope`, … */
export interface MethodRefused {
  readonly ok: false;
  readonly error: string;
}

export interface Identity {
  readonly ok: true;
  readonly teamId: string;
  readonly team: string;
  readonly enterpriseId: string | null;
  readonly isOrgInstall: boolean;
  readonly userId: string | null;
  readonly user: string | null;
  /** What the token may do; null where Slack does not say. */
  readonly scopes: readonly string[] | null;
}

export interface WebApi {
  /** `auth.test`: needs no scope. Throws a RemoteError where Slack cannot be asked. */
  identity(context: CallContext): Promise<Identity | MethodRefused>;
  /** `team.info`, with `team:read`: the workspace's name. */
  teamName(context: CallContext): Promise<{ ok: true; name: string } | MethodRefused>;
  /** `users.lookupByEmail`, with `users:read.email`: the id of an active account; null where Slack knows none. */
  userIdByEmail(
    email: string,
    context: CallContext,
  ): Promise<{ ok: true; id: string | null } | MethodRefused>;
  /** `users.info`, with `users:read`: whether the account is an owner's or an admin's. */
  isPrivileged(
    userId: string,
    context: CallContext,
  ): Promise<{ ok: true; privileged: boolean } | MethodRefused>;
  /** One page of `users.list`, with `users:read`: the ids of owners and admins in it. */
  privilegedPage(
    cursor: string | null,
    context: CallContext,
  ): Promise<{ ok: true; ids: readonly string[]; rows: number; next: string | null } | MethodRefused>;
}

export interface WebApiDeps {
  readonly baseUrl: string;
  readonly token: string;
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  readonly fetch: Fetch;
}

export function createWebApi(deps: WebApiDeps): WebApi {
  const send = createSender({
    store: STORE,
    pacer: createPacer([METHODS], deps),
    fetch: deps.fetch,
    now: deps.now,
  });
  const ask = async <T extends { readonly ok: true }>(action: string, call: () => Promise<T>) =>
    isToken(deps.token) ? asked(action, call) : NOT_A_TOKEN;
  const client = (context: CallContext, action: string) =>
    new WebClient(deps.token, {
      slackApiUrl: withSlash(deps.baseUrl),
      allowAbsoluteUrls: false,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      // The client writes its token into this object, so every client needs its own.
      headers: {},
      logger: SILENT,
      fetch: throughSender(send, context, action),
    });
  return {
    identity: (context) => {
      const action = 'tell whose token this is';
      return ask(action, async () => {
        const said = await client(context, action).auth.test();
        return {
          ok: true,
          teamId: said.team_id ?? '',
          team: said.team ?? said.team_id ?? '',
          enterpriseId: said.enterprise_id ?? null,
          isOrgInstall: said.is_enterprise_install === true,
          userId: said.user_id ?? null,
          user: said.user ?? null,
          scopes: said.response_metadata?.scopes ?? null,
        };
      });
    },
    teamName: (context) => {
      const action = 'describe the workspace';
      return ask(action, async () => {
        const { team } = await client(context, action).team.info();
        return { ok: true, name: team?.name ?? '' };
      });
    },
    userIdByEmail: (email, context) => {
      const action = `look up ${email}`;
      return ask(action, async () => {
        const { user } = await client(context, action).users.lookupByEmail({ email });
        return { ok: true, id: user?.id ?? null };
      });
    },
    isPrivileged: (userId, context) => {
      const action = `see what ${userId} may do`;
      return ask(action, async () => {
        const { user } = await client(context, action).users.info({ user: userId });
        return { ok: true, privileged: hasRole(user) };
      });
    },
    privilegedPage: (cursor, context) => {
      const action = 'list who is an owner or an admin';
      return ask(action, async () => {
        const page = { limit: ROLES_PER_PAGE, ...(cursor === null ? {} : { cursor }) };
        const { members = [], response_metadata } = await client(context, action).users.list(page);
        const ids = members.filter(hasRole).flatMap(({ id }) => id ?? []);
        return { ok: true, ids, rows: members.length, next: response_metadata?.next_cursor || null };
      });
    },
  };
}

/** Slack counts each method separately. Its answers tell the limit soon enough for the few calls made here. */
const METHODS: Bucket = { name: 'method', keyOf: ({ url }) => new URL(url).pathname };

/** Slack's recommendation; it may refuse a larger page. */
const ROLES_PER_PAGE = 200;

interface Roles {
  readonly is_admin?: boolean;
  readonly is_owner?: boolean;
  readonly is_primary_owner?: boolean;
}

function hasRole(user: Roles | undefined): boolean {
  return user?.is_admin === true || user?.is_owner === true || user?.is_primary_owner === true;
}

const NOT_A_TOKEN: MethodRefused = { ok: false, error: 'invalid_auth' };

/** Nothing may get into a log from here, because requests carry the token. */
const SILENT: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
  getLevel: () => LogLevel.ERROR,
  setName: () => {},
};

function throughSender(send: SendRequest, context: CallContext, action: string): FetchFunction {
  return async (url, init = {}) => {
    const response = await send(
      {
        method: init.method ?? 'POST',
        url: String(url),
        headers: init.headers ?? {},
        ...(typeof init.body === 'string' ? { body: init.body } : {}),
        action,
        writes: false,
      },
      context,
    );
    const judgement = judge(METHOD_ANSWERS, response);
    if (judgement.is !== 'done' && judgement.is !== 'refused')
      throw undoneError(judgement, { store: STORE, vendor: 'Slack', action, writes: false }, response);
    return {
      ok: true,
      status: response.status,
      statusText: '',
      url: String(url),
      headers: response.headers,
      arrayBuffer: async () => new TextEncoder().encode(response.text).buffer as ArrayBuffer,
      json: async () => JSON.parse(response.text),
      text: async () => response.text,
    };
  };
}

/** Every method answers 200 with `{ok, …}`, and `error` where it refuses; `ok` is never missing. */
const METHOD_ANSWERS: DocumentedAnswers<true, never> = {
  done: {
    200: object(({ ok, error }) => (ok === true || (ok === false && isCode(error)) ? true : undefined)),
  },
  refusal: () => undefined,
};

function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9_]{1,64}$/.test(value);
}

/** Slack's codes for "not now" in an answer with status 200. */
const PASSING = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'ratelimited',
  'rate_limited',
  'team_added_to_org',
]);

async function asked<T extends { readonly ok: true }>(
  action: string,
  call: () => Promise<T>,
): Promise<T | MethodRefused> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof WebAPIRequestError && error.original instanceof RemoteError) throw error.original;
    if (error instanceof WebAPIPlatformError) {
      const code = String(error.data.error);
      if (!PASSING.has(code)) return { ok: false, error: code };
    }
    throw unavailable(action, error);
  }
}

function unavailable(action: string, error: unknown): RemoteError {
  const code = error instanceof WebAPIPlatformError ? String(error.data.error) : 'unreadable_answer';
  // Without `cause`: this client's errors may carry the request, and with it the token.
  return new RemoteError(`Slack could not ${action} (${code})`, {
    store: STORE,
    action,
    disposition: 'transient',
    code,
  });
}
