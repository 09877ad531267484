/**
 * @gitbeaker's resources over the bridge's own HTTP. Its own requester retries 429 and 502 ten times within a third
 * of a second, writes included, and follows pages by itself. Here every call is one paced exchange, and every failure
 * a `RemoteError`. The token goes only to the store's own host.
 */

import { randomUUID } from 'node:crypto';
import { createRequesterFn, type RequestOptions } from '@gitbeaker/requester-utils';
import { GroupMembers, Groups, PersonalAccessTokens, Users } from '@gitbeaker/rest';
import { judge, undoneError } from '../../answers.ts';
import type { CallContext, ConnectorDeps } from '../../connector.ts';
import { createSender } from '../../http.ts';
import { allowed, createPacer } from '../../pacer.ts';
import type { GitLabSettings } from '../settings.ts';
import type { Answers } from './calls.ts';
import { type Refusal, STORE } from './errors.ts';
import { BUCKETS } from './limits.ts';

export interface Exchange {
  readonly context: CallContext;
  /** In words, for errors: "block user 42". */
  readonly action: string;
  /** A page's address as GitLab gave it; it replaces the address that the call would use. */
  readonly path?: string;
}

export interface GitLabApi {
  readonly users: Users<false>;
  readonly groups: Groups<false>;
  readonly members: GroupMembers<false>;
  readonly tokens: PersonalAccessTokens<false>;
}

/** GitLab did it, or refused it in its own words. */
export type Answered<T> =
  | { readonly ok: true; readonly value: T; readonly headers: Headers }
  | { readonly ok: false; readonly refusal: Refusal };

export interface GitLabClient {
  /**
   * Sends the one request that `run` makes. Answers GitLab's refusals, which the operation judges; throws everything
   * else that goes wrong.
   */
  ask<T>(
    answers: Answers<T>,
    exchange: Exchange,
    run: (api: GitLabApi) => Promise<unknown>,
  ): Promise<Answered<T>>;
}

/** What every operation gets. */
export interface Instance {
  readonly client: GitLabClient;
  readonly settings: GitLabSettings;
}

export function createClient(settings: GitLabSettings, deps: ConnectorDeps): GitLabClient {
  const send = createSender({
    store: STORE,
    pacer: createPacer([...allowed(settings.ratePerMinute), ...BUCKETS], deps),
    fetch: deps.fetch,
    now: deps.now,
  });

  const ask = async <T>(
    answers: Answers<T>,
    { context, action, path }: Exchange,
    run: (api: GitLabApi) => Promise<unknown>,
  ): Promise<Answered<T>> => {
    let answered: Answered<T> | null = null;

    const handle = async (endpoint: string, options: RequestOptions) => {
      const method = options.method ?? 'GET';
      const asked = { store: STORE, vendor: 'GitLab', action, writes: method !== 'GET' };
      const { body, headers } = bodyOf(method, options.body);
      const response = await send(
        {
          method,
          url: path ? originOf(settings) + path : urlOf(endpoint, options),
          headers: {
            ...options.headers,
            ...headers,
            accept: 'application/json',
            'user-agent': 'scim-bridge',
          },
          ...(body === undefined ? {} : { body }),
          action,
          writes: asked.writes,
        },
        context,
      );
      const judgement = judge(answers, response);
      if (judgement.is === 'refused') answered = { ok: false, refusal: judgement.refusal };
      else if (judgement.is === 'done')
        answered = { ok: true, value: judgement.value, headers: response.headers };
      else throw undoneError(judgement, asked, response);
      // A list without headers has no next page, so that @gitbeaker never asks for one by itself.
      return { body: [], headers: {}, status: 200 };
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
    // Each is made when it is asked for, because one call needs one of them.
    await run({
      get users() {
        return new Users(options);
      },
      get groups() {
        return new Groups(options);
      },
      get members() {
        return new GroupMembers(options);
      },
      get tokens() {
        return new PersonalAccessTokens(options);
      },
    });
    if (answered === null) throw new Error(`nothing was asked of GitLab in order to ${action}`);
    return answered;
  };
  return { ask };
}

export function originOf(settings: GitLabSettings): string {
  return new URL(settings.baseUrl).origin;
}

function urlOf(endpoint: string, { prefixUrl = '', searchParams }: RequestOptions): string {
  const url = `${prefixUrl.replace(/\/+$/, '')}/${endpoint}`;
  return searchParams ? `${url}?${searchParams}` : url;
}

interface SentBody {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * @gitbeaker gives a DELETE without options the body `{}`, which some proxies refuse. It gives a change of a user as
 * a form.
 */
function bodyOf(method: string, body: RequestOptions['body']): SentBody {
  if (body === undefined || (method === 'DELETE' && body === '{}')) return {};
  return typeof body === 'string' ? { body } : formBody(body);
}

/** RFC 7578. A browser would write line breaks of a value as CRLF; here they stay, so that GitLab shows what was sent. */
function formBody(form: FormData): SentBody {
  const boundary = randomUUID();
  const parts = [...form].map(([name, value]) => {
    if (typeof value !== 'string') throw new Error(`the form has a file: ${name}`);
    return `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`;
  });
  return {
    body: `${parts.join('')}--${boundary}--\r\n`,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function quoted(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
