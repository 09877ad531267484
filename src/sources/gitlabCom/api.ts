/**
 * The calls that the bridge makes for a group on GitLab.com, and for each the answers that GitLab documents
 * (docs.gitlab.com/api/group_members, /api/group_enterprise_users). Any other answer is not GitLab's.
 */

import { type Body, type DocumentedAnswers, judge, object, undoneError } from '../../connectors/answers.ts';
import type { CallContext } from '../../connectors/connector.ts';
import { createSender } from '../../connectors/http.ts';
import { createPacer } from '../../connectors/pacer.ts';
import { type Disposition, RemoteError } from '../../model/errors.ts';
import { patiently } from '../patience.ts';
import type { SourceDeps } from '../source.ts';

/** A user, group or membership as GitLab shows it. */
export type Row = Readonly<Record<string, unknown>> & { readonly id: number };

export interface GitLabComApi {
  self(context: CallContext): Promise<Row>;
  group(context: CallContext): Promise<Row>;
  /** All pages of one list of the group. */
  list(what: List, context: CallContext): AsyncGenerator<readonly Row[]>;
  /** Tries once and reads only the first row. */
  peek(what: List, context: CallContext): Promise<readonly Row[]>;
  one(what: List, id: string, context: CallContext): Promise<Row>;
}

export type List = 'members' | 'enterprise_users';

const VENDOR = 'GitLab.com';
const PAGE_SIZE = 100;
const PAGES_MAX = 10_000;
/**
 * GitLab.com allows 200 lists of members a minute for each group and user; the bridge leaves half of them to others.
 */
const LISTS = { perMinute: 100, burst: 50 };

export function createGitLabComApi(
  { baseUrl, token, root }: { readonly baseUrl: string; readonly token: string; readonly root: string },
  deps: SourceDeps,
): GitLabComApi {
  const pacer = createPacer([{ name: VENDOR, limit: LISTS, keyOf: () => '' }], deps);
  const send = createSender({ store: VENDOR, pacer, fetch: deps.fetch, now: deps.now });
  const base = `${baseUrl.replace(/\/+$/, '')}/api/v4`;
  const group = `${base}/groups/${encodeURIComponent(root)}`;

  const ask = async <T>(
    answers: DocumentedAnswers<T, Refusal>,
    url: string,
    action: string,
    context: CallContext,
  ): Promise<{ readonly value: T; readonly headers: Headers }> => {
    const headers = { accept: 'application/json', 'private-token': token, 'user-agent': 'scim-bridge' };
    const response = await send({ method: 'GET', url, headers, action, writes: false }, context);
    const judgement = judge(answers, response);
    if (judgement.is === 'done') return { value: judgement.value, headers: response.headers };
    if (judgement.is === 'refused') throw refused(judgement.refusal, action);
    throw undoneError(judgement, { store: VENDOR, vendor: VENDOR, action, writes: false }, response);
  };
  const page = (what: List, number: number, size: number) =>
    `${group}/${what}?per_page=${size}&page=${number}`;

  return {
    self: async (context) =>
      (await ask(USER, `${base}/user`, 'read whose the ACCESS_TOKEN is', context)).value,
    group: async (context) => (await ask(GROUP, group, `read the group ${root}`, context)).value,
    async *list(what, context) {
      const action = `list the ${wordsFor(what)} of ${root}`;
      for (let at = 1; at <= PAGES_MAX; ) {
        const url = page(what, at, PAGE_SIZE);
        const { value, headers } = await patiently(deps, context, () => ask(ROWS, url, action, context));
        yield value;
        const next = Number(headers.get('x-next-page') ?? '');
        // Without the header, the bridge cannot know whether this was the last page.
        if (!headers.has('x-next-page') && value.length === PAGE_SIZE) throw endless(action);
        if (!Number.isInteger(next) || next === 0) return;
        if (next <= at) throw endless(action);
        at = next;
      }
      throw endless(action);
    },
    peek: async (what, context) =>
      (await ask(ROWS, page(what, 1, 1), `list the ${wordsFor(what)} of ${root}`, context)).value,
    one: async (what, id, context) =>
      (await ask(rowWith(id), `${group}/${what}/${id}`, `read ${wordsFor(what)} ${id} of ${root}`, context))
        .value,
  };
}

function wordsFor(what: List): string {
  return what === 'members' ? 'members' : 'enterprise users';
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

const WORDS_LENGTH_MAX = 200;
/** RFC 6750 §3.1. */
const TOKEN_ERRORS = ['invalid_request', 'invalid_token', 'insufficient_scope'];

/** `{"message": "404 Group Not Found"}`, or `{"error": "insufficient_scope"}` about a token. */
function readRefusal(status: number, body: Body): Refusal | undefined {
  return object(({ message, error }) => {
    const isToken = (status === 401 || status === 403) && TOKEN_ERRORS.includes(String(error));
    const isOwn = typeof message === 'string' && message.startsWith(`${status} `);
    if (!isToken && !isOwn) return undefined;
    return { status, words: String(isOwn ? message : error).slice(0, WORDS_LENGTH_MAX) };
  })(body);
}

function refused({ status, words }: Refusal, action: string): RemoteError {
  return new RemoteError(`GitLab refused to ${action}: ${words}`, {
    ...{ store: VENDOR, action, status },
    disposition: dispositionOf(status),
  });
}

function dispositionOf(status: number): Disposition {
  if (status === 404) return 'missing';
  if (status === 401 || status === 403) return 'unauthorized';
  return status >= 500 ? 'transient' : 'rejected';
}

function endless(action: string): RemoteError {
  const message = `GitLab was asked to ${action}, and its pages have no end that it names: nothing was changed`;
  return new RemoteError(message, {
    ...{ store: VENDOR, action },
    disposition: 'transient',
    unrecognised: true,
  });
}

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && typeof (value as Row).id === 'number';
const row = (isOne: (row: Row) => boolean) => ({
  done: { 200: object((value) => (isRow(value) && isOne(value) ? value : undefined)) },
  refusal: readRefusal,
});
const isUser = (one: Row) => typeof one.username === 'string';

const USER = row(isUser);
const GROUP = row((one) => typeof one.full_path === 'string');
const rowWith = (id: string) => row((one) => isUser(one) && String(one.id) === id);
const ROWS: DocumentedAnswers<readonly Row[], Refusal> = {
  done: {
    200: (body) => {
      if (body.is !== 'json' || !Array.isArray(body.value)) return undefined;
      return body.value.every((one) => isRow(one) && isUser(one)) ? (body.value as Row[]) : undefined;
    },
  },
  refusal: readRefusal,
};
