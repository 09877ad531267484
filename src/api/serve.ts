/**
 * Handles one request to a route: is the token allowed to do this, is everything in the request understood, does the
 * path name things that exist? Only then it calls the handler and sends the answer. Refusals leave as errors.
 */

import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import type { AdminPrincipal } from '../auth/admin.ts';
import { challengeScope } from '../auth/bearer.ts';
import { isOfNoOtherSite } from '../auth/sessions.ts';
import { readsOf } from '../db/reads.ts';
import { SYSTEM } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import { sendProblem } from '../support/problem.ts';
import { committingApart } from '../support/turns.ts';
import { ClientGone, sinkOf } from './answer/sink.ts';
import type { ApiDeps } from './deps.ts';
import { type Endpoint, isWritten, type ReplyHeaders, type Writer, type Written } from './endpoint.ts';
import { check, refusal } from './mistakes.ts';
import { readParams, readRecords } from './path.ts';
import { expectedVersions } from './precondition.ts';
import { readQuery } from './query.ts';

/** Refuses tokens that may not do this. Mounted before the body parser. */
export function authorize(endpoint: Endpoint): RequestHandler {
  const { scope, unboundTo } = endpoint;
  return (_req, res, next) => {
    if (scope === null) return next();
    const { scopes, environmentId } = principalOf(res);
    if (scope !== 'any' && !scopes.has(scope)) {
      challengeScope(res, 'admin', [scope]);
      return sendProblem(res, { status: 403, detail: `The token lacks the scope ${scope}.` });
    }
    if (unboundTo !== undefined && environmentId !== null) {
      throw new RequestError(403, `A token that is bound to one environment cannot ${unboundTo}.`);
    }
    next();
  };
}

/** Mounted after the body parser. */
export function serve(endpoint: Endpoint, deps: ApiDeps): RequestHandler {
  return async (req, res) => {
    const admin = principalOf(res);
    const params = readParams(req.params);
    const url = publicUrl(deps, req);
    const query = readQuery(endpoint.query ?? {}, url.searchParams);
    const records = await readRecords(endpoint, deps, admin, params);
    const expected = expectedVersions(req.headers['if-match']);
    const lastEventId = req.headers['last-event-id'];
    const call = {
      ...{ url, admin, cause: admin.cause, expected, params, query, ...records },
      isForeignPage: !isOfNoOtherSite(req, deps.publicUrl),
      lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null,
    };
    const given: unknown = req.body ?? {};
    const body = WITH_BODY.has(endpoint.method) ? readBody(endpoint, given, call, deps) : {};
    const handle = () => endpoint.handle({ ...call, body }, endpoint.scans ? withReads(deps) : deps);
    const changesStore = 'store' in records && endpoint.scope === 'write';
    const reply = await (changesStore ? committingApart(handle) : handle());
    if (changesStore) await deps.clock.sleep(CALLS_LEAVE_MS, NEVER);
    const answer = endpoint.answers[reply.status] ?? null;
    if (isWritten(answer)) await write(req, res, answer, reply.body as Writer, deps);
    else send(res, reply.status, reply.body, reply);
  };
}

/**
 * A vendor call that the bridge allowed just before a store was changed may still be about to leave. The answer to
 * the admin waits this long, because it promises that no more such calls leave.
 */
const CALLS_LEAVE_MS = 20;
const NEVER = new AbortController().signal;

/** For a handler that only reads. */
function withReads(deps: ApiDeps): ApiDeps {
  return { ...deps, db: readsOf(deps.db) };
}

function publicUrl(deps: Pick<ApiDeps, 'publicUrl'>, req: Request): URL {
  const asked = new URL(req.originalUrl, 'http://bridge.invalid');
  return new URL(deps.publicUrl + asked.pathname + asked.search);
}

type CallBeforeBody = Parameters<NonNullable<Endpoint['furtherMistakes']>>[0];

const WITH_BODY: ReadonlySet<string> = new Set(['post', 'put', 'patch']);

/** The body as the schema types it; throws a 400 with one entry for each mistake. A missing body counts as `{}`. */
function readBody(endpoint: Endpoint, given: unknown, call: CallBeforeBody, deps: ApiDeps): unknown {
  const { data, mistakes } = check(endpoint.body ?? NOTHING, given);
  if (data) return data;
  const further = isObject(given) ? (endpoint.furtherMistakes?.(call, given, deps) ?? []) : [];
  throw refusal([...mistakes, ...further]);
}

/** The body of a POST whose path says everything. */
const NOTHING = z.strictObject({});

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A caller without a token, where a route needs none. */
const ANYBODY: Omit<AdminPrincipal, 'cause'> = {
  ...{ scopes: new Set(), environmentId: null, session: null },
  stillHolds: async () => true,
};

function principalOf(res: Response): AdminPrincipal {
  const admin: AdminPrincipal | undefined = res.locals.admin;
  return admin ?? { ...ANYBODY, cause: { correlationId: String(res.locals.correlationId), actor: SYSTEM } };
}

/**
 * Replaces Express's `json`, which would answer 304 where the client knows the `ETag`: here an `ETag` is only a
 * version.
 */
function send(
  res: Response,
  status: number,
  body: unknown,
  { location, version, cookie }: ReplyHeaders,
): void {
  res.status(status);
  if (location !== undefined) res.location(location);
  if (version !== undefined) res.set('ETag', `"${version}"`);
  if (cookie !== undefined) res.set('Set-Cookie', cookie);
  if (body === null) return void res.end();
  const bytes = bytesOf(body);
  res.set('Content-Type', 'application/json; charset=utf-8');
  res.set('Content-Length', String(bytes.length));
  res.end(bytes);
}

/**
 * A failure in the middle cuts the connection. The status was sent already, and a body that simply ended would look
 * complete.
 */
async function write(
  req: Request,
  res: Response,
  { mediaType }: Written,
  writer: Writer,
  { log }: Pick<ApiDeps, 'log'>,
): Promise<void> {
  res.status(200).set('Content-Type', mediaType);
  // Without this, nginx would hold the pieces back.
  res.set('X-Accel-Buffering', 'no');
  if (req.method === 'HEAD') return void res.end();
  res.flushHeaders();
  try {
    await writer(sinkOf(res));
    res.end();
  } catch (error) {
    const { correlationId } = res.locals;
    if (!(error instanceof ClientGone)) log.error({ err: error, correlationId }, 'an answer broke off');
    res.destroy();
  }
}

/** Bodies that never change are serialised once: for the description, that costs more than the rest of a request. */
const written = new WeakMap<object, Buffer>();

function bytesOf(body: unknown): Buffer {
  if (typeof body !== 'object' || body === null || !Object.isFrozen(body)) return encode(body);
  const known = written.get(body) ?? encode(body);
  written.set(body, known);
  return known;
}

function encode(body: unknown): Buffer {
  return Buffer.from(JSON.stringify(body));
}
