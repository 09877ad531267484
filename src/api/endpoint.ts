/**
 * Defines a route of the admin API as one value: its method, path, scope, parameters, body and every answer. The
 * router, the checks of a request and the OpenAPI document follow from this value. Nothing runs here.
 */

import type { z } from 'zod';
import type { AdminPrincipal } from '../auth/admin.ts';
import type { AdminScope } from '../auth/scopes.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { EnvironmentRecord } from '../db/identity/environments.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import type { Cause } from '../model/cause.ts';
import type { Mistake } from '../model/errors.ts';
import type { Sink } from './answer/sink.ts';
import type { ApiDeps } from './deps.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Query parameters by name. */
export type Fields = Readonly<Record<string, z.ZodType>>;

/** The body of each successful answer by its status; null where it has none. */
export type Answers = Readonly<Record<number, z.ZodType | Written | null>>;

/** A body that is not JSON. It is written piece by piece, so it may be of any length. */
export interface Written {
  /** Includes the charset. */
  readonly mediaType: string;
  /** One line, for the document. */
  readonly description: string;
}

export function isWritten(answer: z.ZodType | Written | null): answer is Written {
  return answer !== null && 'mediaType' in answer;
}

/** The schemas among the answers. */
export function schemasAmong(answers: Answers): readonly z.ZodType[] {
  return Object.values(answers).flatMap((answer) => (answer === null || isWritten(answer) ? [] : [answer]));
}

export type Writer = (sink: Sink) => Promise<void>;

export interface Endpoint<
  Path extends string = string,
  Known extends Answers = Answers,
  Query extends Fields = Fields,
  Body extends z.ZodType = z.ZodType,
  Verb extends Method = Method,
> {
  readonly method: Verb;
  /**
   * Below `/v1`. The router reads the records that the path names before it calls `handle`, and answers 404 where one
   * is missing.
   */
  readonly path: Path;
  /** null: the route takes no token in the header; it may take one in the body. any: every valid token will do. */
  readonly scope: AdminScope | 'any' | null;
  /** One line, for the document. */
  readonly summary: string;
  /** What a token that is bound to one environment may not do on this route, in words: "manage admin tokens". */
  readonly unboundTo?: string;
  /** The route also answers for a deleted environment. */
  readonly afterDeletion?: boolean;
  /**
   * The route writes nothing and may read many rows, so that it reads on a connection of its own, beside those who
   * write.
   */
  readonly scans?: boolean;
  readonly query?: Query;
  readonly body?: Body;
  readonly answers: Known;
  /** Further statuses, each with the sentence that says when the route answers it. */
  readonly refusals?: Readonly<Record<number, string>>;
  /** Finds mistakes that the schema cannot see, in a body that the schema has refused already. */
  furtherMistakes?(
    call: Omit<Call<Path, Query, Body>, 'body'>,
    body: object,
    deps: ApiDeps,
  ): readonly Mistake[];
  /** Refuses by throwing a `RequestError`. */
  handle(call: Call<Path, Query, Body>, deps: ApiDeps): Promise<Reply<Known>> | Reply<Known>;
}

/** Declares a route. The tables of `routes/` name it and mount it. */
export function endpoint<
  const Path extends string,
  const Known extends Answers,
  Query extends Fields = Record<never, never>,
  Body extends z.ZodType = z.ZodType<Record<string, never>>,
  const Verb extends Method = Method,
>(declared: Endpoint<Path, Known, Query, Body, Verb>): Endpoint<Path, Known, Query, Body, Verb> {
  return declared;
}

/** What a handler is given. Every part of the request is checked, and the records that the path names are loaded. */
export type Call<Path extends string, Query extends Fields, Body extends z.ZodType> = Request &
  Named<ParamsOf<Path>> & {
    readonly params: { readonly [Name in ParamsOf<Path>]: string };
    readonly query: { readonly [Name in keyof Query]: z.output<Query[Name]> };
    readonly body: z.output<Body>;
  };

export interface Request {
  /** The request's path and query at the public URL; the Host header is ignored. */
  readonly url: URL;
  /** Who calls, and which environment the token may see. */
  readonly admin: AdminPrincipal;
  readonly cause: Cause;
  /** The browser says that a page of another site sent the request. */
  readonly isForeignPage: boolean;
  /** The versions in `If-Match`: the resource must have one of them. null: any version will do. */
  readonly expected: readonly string[] | null;
  /** `Last-Event-ID` of a client that resumes a stream; null: the stream is new. */
  readonly lastEventId: string | null;
}

/** The records that the parameters of a path stand for; the router loads them before it calls the handler. */
interface Records {
  readonly envId: { readonly environment: EnvironmentRecord };
  readonly connectionId: { readonly connection: ConnectionRecord };
  readonly storeId: { readonly store: StoreRecord };
}

type Named<Param extends string> = Together<Records[Extract<Param, keyof Records>]>;

/** Turns a union into one type that has the properties of all its members. */
type Together<Union> = (Union extends unknown ? (of: Union) => void : never) extends (of: infer All) => void
  ? All
  : never;

type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

export interface ReplyHeaders {
  /** The URL of the new resource, or of the run that was started. */
  readonly location?: string;
  /** Becomes the `ETag`. */
  readonly version?: string;
  /** Becomes `Set-Cookie`. */
  readonly cookie?: string;
}

export type Reply<Known extends Answers> = {
  [Status in keyof Known & number]: {
    readonly status: Status;
    readonly body: BodyOf<Known[Status]>;
  } & ReplyHeaders;
}[keyof Known & number];

type BodyOf<Answer> = Answer extends z.ZodType
  ? Shown<z.input<Answer>>
  : Answer extends Written
    ? Writer
    : null;

/** An answer on its way out: read-only. */
export type Shown<T> = T extends readonly (infer Item)[]
  ? readonly Shown<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Shown<T[Key]> }
    : T;

export function ok<T>(body: T, headers: ReplyHeaders = {}) {
  return { status: 200 as const, body, ...headers };
}

export function created<T>(body: T, location: string, headers: ReplyHeaders = {}) {
  return { status: 201 as const, body, location, ...headers };
}

export function accepted<T>(body: T, headers: ReplyHeaders = {}) {
  return { status: 202 as const, body, ...headers };
}

export const noContent = { status: 204 as const, body: null };
