/**
 * The one client of the admin API. Its types are those of the routes' own schemas, so that a call that the bridge
 * would not take does not compile. It knows no more of the bridge than what the API says.
 */

import type { z } from 'zod';
import type { Answers, Endpoint, Fields, Method, Written } from '../src/api/endpoint.ts';
import type { ROUTES } from '../src/api/routes/index.ts';
import type { Problem } from '../src/api/schemas/common.ts';

type ValueOf<T> = T[keyof T];
type Route = ValueOf<{ [Tag in keyof typeof ROUTES]: ValueOf<(typeof ROUTES)[Tag]> }>;

/** The paths, below `/v1`, that take the method. */
export type PathOf<Verb extends Method> = Extract<Route, { method: Verb }>['path'];
type RouteOf<Verb extends Method, Path> = Extract<Route, { method: Verb; path: Path }>;

type ParamOf<Path> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamOf<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type QueryOf<R> =
  R extends Endpoint<infer _P, infer _A, infer Query, infer _B, infer _V> ? Sent<Query> : never;
type Sent<Query extends Fields> = { readonly [Name in keyof Query]?: z.input<Query[Name]> };

type BodyOf<R> = R extends { body?: infer Body } ? (Body extends z.ZodType ? z.input<Body> : never) : never;

type Params<Path> = Exclude<ParamOf<Path>, 'envId'>;

/** What a call is given: what its path names, except for the client's environment; its query and its body. */
export type Given<Verb extends Method, Path> = ([Params<Path>] extends [never]
  ? { readonly params?: never }
  : { readonly params: { readonly [Name in Params<Path>]: string } }) & {
  readonly query?: QueryOf<RouteOf<Verb, Path>>;
  readonly body?: BodyOf<RouteOf<Verb, Path>>;
};

/** The answers that a call may have, told apart by their status. */
export type Answer<Verb extends Method, Path> = AnswerOf<RouteOf<Verb, Path>['answers']>;
type AnswerOf<Known> = Known extends Answers
  ? {
      [Status in keyof Known & number]: {
        readonly status: Status;
        readonly body: Known[Status] extends z.ZodType ? z.output<Known[Status]> : null;
      };
    }[keyof Known & number]
  : never;

/** What one page of a list shows. */
type ItemOf<Verb extends Method, Path> =
  Answer<Verb, Path> extends { body: { _embedded: infer Embedded } }
    ? ValueOf<Embedded> extends readonly (infer Item)[]
      ? Item
      : never
    : never;

/** The paths whose answer is no JSON: they are read as they come. */
export type StreamPath = Extract<Route, { answers: { 200: Written } }>['path'] & PathOf<'get'>;

/** The bridge refused: its problem document (RFC 9457), and the status it came with. */
export class Refused extends Error {
  readonly status: number;
  readonly problem: z.output<typeof Problem>;

  constructor(problem: z.output<typeof Problem>) {
    const further = problem.errors.filter(({ detail }) => !problem.detail.includes(detail));
    super([problem.detail, ...further.map(({ pointer, detail }) => `${pointer}: ${detail}`)].join('\n'));
    this.status = problem.status;
    this.problem = problem;
  }
}

/** Nobody answered as the bridge does: it is not there, or something else is. */
export class Unreachable extends Error {}

export interface ClientOptions {
  /** Where the bridge is; `/v1`, as in the `ADMIN_URL` of a first start, is taken too. */
  readonly url: string;
  readonly token: string;
  /** The environment of every path that names one. */
  readonly environment: string;
  readonly fetch?: typeof fetch;
}

export interface Asking {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

const NEVER = new AbortController().signal;

/** The bridge itself waits for a vendor for half a minute at most. */
const ANSWER_WITHIN_MS = 60_000;

export type Client = ReturnType<typeof createClient>;

export function createClient({ url, token, environment, fetch: send = fetch }: ClientOptions) {
  const base = url.replace(/\/+$/, '').replace(/\/v1$/, '');

  async function ask(method: Method, target: string, body?: unknown, more: Asking = {}): Promise<Response> {
    const mediaType = method === 'patch' ? 'application/merge-patch+json' : 'application/json';
    const init: RequestInit = {
      method: method.toUpperCase(),
      redirect: 'manual',
      signal: more.signal ?? AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        Authorization: `Bearer ${token}`,
        ...more.headers,
        ...(body === undefined ? {} : { 'Content-Type': mediaType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    return send(target, init).catch((error: Error & { cause?: Error }) => {
      throw new Unreachable(`${base} cannot be reached: ${error.cause?.message ?? error.message}`);
    });
  }

  function targetOf(
    path: string,
    params: Readonly<Record<string, string>> | undefined,
    query?: object,
  ): string {
    const target = new URL(`${base}/v1${filled(path, { envId: environment, ...params })}`);
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined) target.searchParams.set(name, String(value));
    return target.href;
  }

  /** Throws `Refused` for every status that the route does not name as an answer, `Unreachable` for no answer. */
  async function call<Verb extends Method, const Path extends PathOf<Verb>>(
    method: Verb,
    path: Path,
    { params, query, body }: Given<Verb, Path>,
  ): Promise<Answer<Verb, Path>> {
    const response = await ask(method, targetOf(path, params, query), body);
    return { status: response.status, body: await readAnswer(response, base) } as Answer<Verb, Path>;
  }

  return {
    get: <const Path extends PathOf<'get'>>(path: Path, given: Given<'get', Path>) =>
      call('get', path, given),
    post: <const Path extends PathOf<'post'>>(path: Path, given: Given<'post', Path>) =>
      call('post', path, given),
    put: <const Path extends PathOf<'put'>>(path: Path, given: Given<'put', Path>) =>
      call('put', path, given),
    patch: <const Path extends PathOf<'patch'>>(path: Path, given: Given<'patch', Path>) =>
      call('patch', path, given),
    delete: <const Path extends PathOf<'delete'>>(path: Path, given: Given<'delete', Path>) =>
      call('delete', path, given),

    /** What is no JSON, piece by piece. Over when the signal is aborted, or when the bridge ends it. */
    async *read<const Path extends StreamPath>(
      path: Path,
      given: Given<'get', Path>,
      asking: Asking = {},
    ): AsyncGenerator<string> {
      const target = targetOf(path, given.params, given.query);
      const response = await ask('get', target, undefined, { signal: NEVER, ...asking });
      if (!response.ok || !response.body) await readAnswer(response, base);
      else yield* piecesOf(response.body, base);
    },

    /** The API's own description (OpenAPI 3.1). */
    document: async () => readAnswer(await ask('get', `${base}/v1/openapi.json`), base),

    /** Every item of a list, page after page. */
    async *all<const Path extends PathOf<'get'>>(
      path: Path,
      given: Given<'get', Path>,
    ): AsyncGenerator<ItemOf<'get', Path>> {
      type Page = { _embedded: Record<string, ItemOf<'get', Path>[]>; _links: { next?: { href: string } } };
      let page = (await call('get', path, given)).body as unknown as Page;
      for (;;) {
        yield* Object.values(page._embedded)[0] ?? [];
        const next = page._links.next?.href;
        if (next === undefined) return;
        // The link has the bridge's public address, which need not be the way that this client takes.
        const { pathname, search } = new URL(next);
        page = (await readAnswer(
          await ask('get', `${new URL(base).origin}${pathname}${search}`),
          base,
        )) as Page;
      }
    },
  };
}

function filled(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

async function* piecesOf(body: ReadableStream<Uint8Array>, base: string): AsyncGenerator<string> {
  try {
    yield* body.pipeThrough(new TextDecoderStream());
  } catch (error) {
    throw new Unreachable(`${base} broke off: ${(error as Error).message}`);
  }
}

/** Null where the answer has no body. */
async function readAnswer(response: Response, base: string): Promise<unknown> {
  if (response.status === 204) return null;
  const type = response.headers.get('content-type') ?? '';
  const body: unknown = /\bjson\b/.test(type) ? await response.json().catch(() => undefined) : undefined;
  if (response.ok && body !== undefined) return body;
  if (isProblem(body)) throw new Refused(body);
  throw new Unreachable(
    `${base} answered ${response.status}, and not as scim-bridge does: is the address right?`,
  );
}

function isProblem(body: unknown): body is z.output<typeof Problem> {
  const { detail, errors } = (body ?? {}) as { detail?: unknown; errors?: unknown };
  return typeof detail === 'string' && Array.isArray(errors);
}
