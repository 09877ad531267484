/**
 * The SCIM endpoint (RFC 7644): Express handlers of our own over the directory. docs/decisions/0002-scim-routes.md
 * says why they replace those of scimmy-routers except for discovery.
 */

import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Knex } from 'knex';
import type { IdentifierHash } from '../db/access/identifierKey.ts';
import { createListMemory } from '../db/lists/memory.ts';
import { keyedReadsOf, readsOf } from '../db/reads.ts';
import { isStorableText } from '../directory/query/operand.ts';
import { createScans, type Scans } from '../directory/query/scans.ts';
import type { Directory } from '../directory/write.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createOverload, OUTAGE_SECONDS, type Overload } from '../support/retryAfter.ts';
import { SCIM_TYPE } from '../support/scimError.ts';
import { asWorkOf } from '../support/turns.ts';
import { notAllowed, ScimError, sendError, sendJson, toScimError } from './answer/errors.ts';
import { hasAlready, precondition } from './answer/etag.ts';
import { sendStreamed } from './answer/stream.ts';
import { bulk } from './bulk.ts';
import { discovery } from './discovery.ts';
import { groups } from './groups.ts';
import { createNotes } from './request/attributesSeen.ts';
import { bodyParser, objectBody } from './request/body.ts';
import { createBytesInHand } from './request/bytesInHand.ts';
import type { Answer, Call, Endpoint, Scim } from './request/call.ts';
import { limitConcurrency } from './request/concurrencyLimit.ts';
import { type BYTES_IN_HAND_MAX, CONCURRENT_REQUESTS_MAX } from './request/limits.ts';
import { ANSWER_WITHIN_MS, createPatience } from './request/patience.ts';
import { bodyParameters, parseListQuery, projectionOf, queryParameters } from './request/query.ts';
import { search } from './search.ts';
import { users } from './users.ts';

export const SCIM_PATH = '/scim/v2';

export interface ScimDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log?: Log;
  readonly wake: Directory['wake'];
  /** Without a slash at the end; every location in an answer begins with it. */
  readonly publicUrl: string;
  readonly identifierHash: IdentifierHash;
  /** Sets `res.locals.scim` to a ScimPrincipal or answers itself. Runs before any body is read. */
  readonly authenticate: RequestHandler;
  /** Shared with the admin API; where absent, the endpoint has its own. */
  readonly scans?: Scans;
  /** How many requests of one connection run at once. */
  readonly concurrentRequestsMax?: number;
  readonly bytesInHandMax?: typeof BYTES_IN_HAND_MAX;
  readonly answerWithinMs?: number;
}

const ENDPOINTS: readonly Endpoint[] = [users, groups];

/** Mounted at SCIM_PATH. */
export function createScimRouter(deps: ScimDeps): Router {
  const { db, clock, wake, identifierHash } = deps;
  const directory: Directory = { db, clock, wake, identifierHash };
  const patience = createPatience(deps.db, deps.clock, deps.answerWithinMs ?? ANSWER_WITHIN_MS);
  const notes = createNotes(directory, deps.log);
  const scim: Scim = {
    directory,
    reads: readsOf(deps.db),
    keyedReads: keyedReadsOf(deps.db),
    scans: deps.scans ?? createScans(deps.db, deps.clock),
    lists: createListMemory(deps.clock),
    patience,
    baseUrl: deps.publicUrl + SCIM_PATH,
    recordAttributesSeen: async (call, kind, names) => {
      await patience.afterCommit(call, notes(call, kind, names));
    },
    afterCommit: async (call, work) => {
      try {
        return await patience.afterCommit(call, work());
      } catch (error) {
        deps.log?.warn({ err: error }, 'a SCIM answer lacks what could not be read after the write');
        return undefined;
      }
    },
  };
  const logFailure = (res: Response, error: unknown) =>
    deps.log?.error({ err: error, correlationId: res.locals.correlationId }, 'a SCIM request failed');
  const router = Router();
  router.use(deps.authenticate);
  router.use(limitConcurrency(deps.concurrentRequestsMax ?? CONCURRENT_REQUESTS_MAX));
  router.use(discovery(scim.baseUrl));
  router.use((_req, res, next) => asWorkOf(res.locals.scim.connection.id, next));
  router.use(bodyParser(createBytesInHand(deps.bytesInHandMax)));
  for (const endpoint of ENDPOINTS) mountEndpoint(router, scim, endpoint);
  mountShared(router, scim, logFailure);
  router.use((req, _res, next) => next(new ScimError(404, null, `There is nothing at ${req.path}.`)));
  router.use(failure(logFailure, createOverload(deps.clock)));
  return router;
}

function mountEndpoint(router: Router, scim: Scim, endpoint: Endpoint): void {
  const { path } = endpoint;
  router
    .route(path)
    .get(list(scim, [endpoint]))
    .post(run(scim, (call) => endpoint.create(scim, call)))
    .all(notAllowed('GET, HEAD, POST'));
  router
    .route(`${path}/.search`)
    .post(searchByPost(scim, [endpoint]))
    .all(notAllowed('POST'));
  router
    .route(`${path}/:id`)
    .get(run(scim, (call, id) => endpoint.read(scim, call, id)))
    .put(run(scim, (call, id) => endpoint.replace(scim, call, id)))
    .patch(run(scim, (call, id) => endpoint.patch(scim, call, id)))
    .delete(run(scim, (call, id) => endpoint.remove(scim, call, id)))
    .all(notAllowed('GET, HEAD, PUT, PATCH, DELETE'));
}

function mountShared(router: Router, scim: Scim, logFailure: (res: Response, error: unknown) => void): void {
  router.route('/.search').post(searchByPost(scim, ENDPOINTS)).all(notAllowed('POST'));
  router
    .route('/Bulk')
    .post(async (req, res) => {
      const call = callOf(scim, req, res);
      const answer = await scim.scans.giveWayTo(() =>
        bulk(scim, call, ENDPOINTS, (error) => logFailure(res, error)),
      );
      scim.lists.written(call.principal.connection.id);
      await send(req, res, answer);
    })
    .all(notAllowed('POST'));
  // RFC 7644 §3.11: the token belongs to an identity provider, not to a user.
  router.all('/Me', (_req, _res, next) =>
    next(new ScimError(501, null, 'The token stands for no user: there is no /Me.')),
  );
}

function run(scim: Scim, operation: (call: Call, id: string) => Promise<Answer>): RequestHandler {
  return async (req, res) => {
    const call = callOf(scim, req, res);
    const id = idOf(req);
    const answer = await scim.scans.giveWayTo(() =>
      scim.patience.inTime(call, (timed) => operation(timed, id)),
    );
    if (isWrite(req)) scim.lists.written(call.principal.connection.id);
    await send(req, res, answer);
  };
}

function list(scim: Scim, endpoints: readonly Endpoint[]): RequestHandler {
  return async (req, res) => {
    const query = parseListQuery(queryParameters(req.url));
    const call = callOf(scim, req, res);
    await send(req, res, await scim.patience.inTime(call, (timed) => search(scim, timed, endpoints, query)));
  };
}

function searchByPost(scim: Scim, endpoints: readonly Endpoint[]): RequestHandler {
  return async (req, res) => {
    const query = parseListQuery(bodyParameters(objectBody(req.body)));
    const call = callOf(scim, req, res);
    await send(req, res, await scim.patience.inTime(call, (timed) => search(scim, timed, endpoints, query)));
  };
}

function callOf(scim: Scim, req: Request, res: Response): Call {
  return {
    answerBy: scim.patience.answerBy(req.body, res.locals.bodyBytes ?? 0),
    principal: res.locals.scim,
    method: req.method,
    path: req.path,
    body: req.body,
    projection: projectionOf(queryParameters(req.url)),
    precondition: precondition(req.headers['if-match']),
  };
}

/** Text that no database can store is nobody's id. */
function idOf(req: Request): string {
  const { id } = req.params;
  if (id === undefined) return '';
  if (typeof id === 'string' && isStorableText(id)) return id;
  throw new ScimError(404, null, 'There is no such resource.');
}

function isWrite({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

async function send(req: Request, res: Response, answer: Answer): Promise<void> {
  if (answer.leaves) res.locals.leaves = true;
  const reads = !isWrite(req);
  if (answer.tag !== undefined) {
    res.setHeader('ETag', answer.tag);
    if (reads && hasAlready(req.headers['if-none-match'], answer.tag)) return void res.status(304).end();
  }
  if (answer.status === 201 && answer.location) res.setHeader('Location', answer.location);
  const { status, body, more } = answer;
  if (body && more) await sendStreamed(res, status, { body, more });
  else if (body) sendJson(res, status, body);
  else res.status(status).type(SCIM_TYPE).end();
}

function failure(
  logFailure: (res: Response, error: unknown) => void,
  overload: Overload,
): ErrorRequestHandler {
  const retryAfter = (res: Response, status: number) => {
    if (status === 429) return overload(res.locals.scim.connection.id);
    return status === 503 ? OUTAGE_SECONDS : null;
  };
  return (error, req, res, _next) => {
    const refusal = toScimError(error);
    if (refusal.status >= 500 && !(error instanceof ScimError)) logFailure(res, error);
    // Otherwise Node would read the rest of the body as the connection's next request.
    req.resume();
    if (res.headersSent) res.destroy();
    else sendError(res, refusal, retryAfter(res, refusal.status));
  };
}
