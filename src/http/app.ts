/**
 * The Express app. It gives every request a correlation id, a log line and safe headers, passes SCIM and the admin
 * API to their rooms, and answers health and metrics itself. It knows none of their routes and reads no body.
 */

import { isIP } from 'node:net';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import type { Metrics } from '../support/metrics.ts';
import { sendProblem } from '../support/problem.ts';
import { SCIM_PATH, SCIM_TYPE, scimErrorBody } from '../support/scimError.ts';
import type { ConnectionActivity } from './activity.ts';
import { lingering } from './linger.ts';
import type { Probes } from './probes.ts';
import { createReferencePage, toReference } from './reference.ts';
import type { Refusal, Refusals } from './refusals.ts';

export interface AppDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly probes: Probes;
  /** False where `/metrics` has a listener of its own. */
  readonly showsMetrics: boolean;
  /** Addresses and ranges of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly refusals: Refusals;
  readonly activity: Pick<ConnectionActivity, 'note'>;
  /** Mounted before everything that answers without a token; `tooMany` answers 429. */
  limitUnknownCallers(
    tooMany: (request: Request, response: Response, detail: string) => void,
  ): RequestHandler;
  /** Null where the process only answers health and metrics. */
  readonly rooms: {
    /** Mounted at `/scim/v2`. */
    readonly scim: RequestHandler;
    /** Mounted at `/v1`. */
    readonly admin: RequestHandler;
  } | null;
  /** Monotonic milliseconds. */
  monotonicMs(): number;
}

export function createApp(deps: AppDeps): Express {
  const app = bareApp();
  app.set('trust proxy', deps.trustedProxies);
  app.use(oneSlash);
  app.use((request, response, next) => {
    response.locals.address = clientAddress(request);
    next();
  });
  app.use(observe(deps));
  app.use(lingering());
  app.use(deps.probes.health);
  if (deps.showsMetrics) app.use(deps.probes.figures);
  app.use(['/scim/v2', '/v1'], (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  if (deps.rooms) {
    app.use('/scim/v2', deps.rooms.scim);
    app.use('/v1', deps.rooms.admin);
  }
  app.use(deps.limitUnknownCallers((request, response, detail) => refuse(request, response, 429, detail)));
  if (deps.rooms) {
    app.use('/docs', createReferencePage());
    app.get('/console', toReference);
    app.get('/', (_request, response) => {
      response.json({ name: 'scim-bridge', scim: '/scim/v2', admin: '/v1', reference: '/docs' });
    });
  }
  const nothing = deps.rooms ? NOTHING : NOTHING_OF_WORKER;
  app.use((request, response) => refuse(request, response, 404, nothing));
  app.use(answerError(deps.log));
  return app;
}

/** The app that listens on METRICS_PORT. */
export function createMetricsApp({ log, probes }: Pick<AppDeps, 'log' | 'probes'>): Express {
  const app = bareApp();
  app.use(probes.figures);
  app.use((_request, response) => void response.status(404).end());
  app.use(answerError(log));
  return app;
}

function bareApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  // A SCIM ETag is the resource's version; Express's own, made from the bytes of the answer, would contradict it.
  app.set('etag', false);
  app.use(helmet({ contentSecurityPolicy: { directives: { defaultSrc: ["'none'"] }, useDefaults: false } }));
  return app;
}

/** With a slash at the end of the base URL, clients ask for paths like `/scim/v2//Users`. */
const oneSlash: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  request.url = [path.replace(/\/{2,}/g, '/'), ...query].join('?');
  next();
};

/**
 * Every request gets a new correlation id, whatever the client sent: the id names one request in the audit log, so
 * nobody else may choose it. Handlers find it in `response.locals.correlationId`.
 */
function observe(deps: AppDeps): RequestHandler {
  return (request, response, next) => {
    const correlationId = newId();
    const started = deps.monotonicMs();
    response.locals.correlationId = correlationId;
    response.set('X-Correlation-Id', correlationId);
    // Leaves out the query: a SCIM filter holds people's names.
    const { method } = request;
    const [path = ''] = request.url.split('?', 1);
    response.once('close', () => {
      const durationMs = Math.round(deps.monotonicMs() - started);
      const status = response.writableFinished ? response.statusCode : 0;
      const line = { correlationId, method, path, status, durationMs };
      const refusal = refusalOf(response, path);
      if (refusal) deps.refusals.note(refusal);
      noteActivity(deps, response, { method, path, status });
      if (PROBES.has(path) || response.locals.isFlood) deps.log.debug(line, 'request');
      else if (refusal) deps.log.warn({ ...line, address: refusal.address }, 'refused a request');
      else if (status === 0) deps.log.warn(line, 'the client left before its answer');
      else deps.log.info(line, 'request');
      const route = scimRoute(path);
      if (route === null) return;
      const labels = { method: KNOWN_METHODS.has(method) ? method : 'other', route, status: String(status) };
      deps.metrics.scimRequests.inc(labels);
      deps.metrics.scimRequestSeconds.observe(labels, durationMs / 1000);
    });
    next();
  };
}

/** For an answered request with the token of a connection. */
function noteActivity(
  { activity }: Pick<AppDeps, 'activity'>,
  { locals }: Response,
  answered: { readonly method: string; readonly path: string; readonly status: number },
): void {
  if (!locals.scim || answered.status === 0) return;
  const { refusal: detail = '', leaves = false } = locals;
  activity.note({ connectionId: locals.scim.connection.id, ...answered, detail, leaves });
}

/**
 * Where the request comes from, as far as trusted proxies say: what they pass on and is no address counts for nothing.
 */
function clientAddress({ ip = '', ips, socket }: Request): string {
  return [ip, ...ips, socket.remoteAddress ?? ''].find((address) => isIP(address) !== 0) ?? '';
}

const REFUSALS = new Set([401, 403, 429]);
const ADMIN_PATH = /^\/v1(?:\/|$)/i;

/** A refusal that the audit log counts: for lack of a token, of a right, or of capacity. */
function refusalOf({ statusCode: status, locals }: Response, path: string): Refusal | null {
  if (!REFUSALS.has(status)) return null;
  const { scim, admin } = locals;
  return {
    address: locals.address,
    status,
    endpoint: SCIM_PATH.test(path) ? 'scim' : ADMIN_PATH.test(path) ? 'admin' : 'other',
    environmentId: scim?.connection.environmentId ?? admin?.environmentId ?? null,
    actor: (scim ?? admin)?.cause.actor ?? null,
  };
}

const PROBES = new Set(['/healthz', '/readyz', '/metrics']);
const KNOWN_METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const SCIM_ENDPOINTS = new Set([
  'Users',
  'Groups',
  'Me',
  'Bulk',
  'Schemas',
  'ResourceTypes',
  'ServiceProviderConfig',
  '.search',
]);

/** The route of a SCIM path as a metric label, one of a few fixed ones; null outside of `/scim/v2`. */
function scimRoute(path: string): string | null {
  const [root, version, endpoint = '', id, ...rest] = path.split('/').slice(1);
  if (root !== 'scim' || version !== 'v2') return null;
  if (!SCIM_ENDPOINTS.has(endpoint) || rest.length > 0) return 'other';
  if (id === undefined || id === '') return `/${endpoint}`;
  return id === '.search' ? `/${endpoint}/.search` : `/${endpoint}/:id`;
}

const NOTHING = 'There is nothing at this path.';
const NOTHING_OF_WORKER = `${NOTHING} This process has the role worker and answers for health and metrics alone: ask one with the role api.`;
const FAILED = 'The request failed. The log has the reason, under the correlation id of this answer.';

/** The rooms answer their own errors, so only malformed URLs and programming errors arrive here. */
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const given = (error as { status?: unknown } | null)?.status;
    const status = typeof given === 'number' && given >= 400 && given < 500 ? given : 500;
    if (status === 500) {
      log.error({ error, correlationId: response.locals.correlationId }, 'a request failed');
    }
    if (response.headersSent) return next(error);
    const detail = status === 500 ? FAILED : 'The request is malformed.';
    refuse(request, response, status, detail);
  };
}

function refuse(request: Request, response: Response, status: number, detail: string): void {
  if (SCIM_PATH.test(request.path)) {
    const body = scimErrorBody(status, null, detail);
    response.status(status).type(SCIM_TYPE).send(JSON.stringify(body));
  } else sendProblem(response, { status, detail });
}
