/**
 * The Express app. It gives every request a correlation id, a log line and safe headers, hands SCIM and the admin API
 * to their rooms, and answers health and metrics itself. It knows no route of a room and reads no body.
 */

import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import { DatabaseReplaced } from '../db/embedded/watch.ts';
import type { Schema } from '../db/migrations.ts';
import type { Backlog } from '../db/queue/backlog.ts';
import { TASK_STATES } from '../db/queue/tasks.ts';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import type { Metrics } from '../support/metrics.ts';
import { sendProblem } from '../support/problem.ts';
import { createReferencePage } from './reference.ts';

export interface AppDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null where the process answers for health and metrics alone. */
  readonly rooms: {
    /** Mounted at `/scim/v2`. */
    readonly scim: RequestHandler;
    /** Mounted at `/v1`. */
    readonly admin: RequestHandler;
  } | null;
  /** Rejects where the database does not answer, or its file is not in place any more. */
  schema(): Promise<Pick<Schema, 'pending' | 'unknown'>>;
  /** Codes for what works and wants attention. */
  warnings(): Promise<readonly string[]>;
  backlog(): Promise<Backlog>;
  /** How long ago that was, by the wall clock; 0 for null. */
  secondsSince(at: string | null): number;
  /** Monotonic milliseconds. */
  monotonicMs(): number;
}

/** How long `/readyz` waits for the database before it says that there is none. */
export const READY_TIMEOUT_MS = 3_000;

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  // A SCIM ETag is a resource's version; one made from the bytes of an answer would contradict it.
  app.set('etag', false);
  app.use(helmet({ contentSecurityPolicy: { directives: { defaultSrc: ["'none'"] }, useDefaults: false } }));
  app.use(oneSlash);
  app.use(observe(deps));
  app.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => readiness(deps, response));
  app.get('/metrics', (_request, response) => scrape(deps, response));
  app.use(['/scim/v2', '/v1'], (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  if (deps.rooms) {
    app.use('/scim/v2', deps.rooms.scim);
    app.use('/v1', deps.rooms.admin);
    app.use('/docs', createReferencePage());
    app.get('/', (_request, response) => {
      response.json({ name: 'scim-bridge', scim: '/scim/v2', admin: '/v1', reference: '/docs' });
    });
  }
  app.use((_request, response) =>
    sendProblem(response, { status: 404, detail: 'There is nothing at this path.' }),
  );
  app.use(answerError(deps.log));
  return app;
}

/** A base URL that was entered with a slash at its end makes paths like `/scim/v2//Users`. */
const oneSlash: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  request.url = [path.replace(/\/{2,}/g, '/'), ...query].join('?');
  next();
};

/**
 * A fresh correlation id for each request, whatever the client sent: it names one request in the audit
 * log, so nobody else may choose it. Handlers find it in `response.locals.correlationId`.
 */
function observe(deps: AppDeps): RequestHandler {
  return (request, response, next) => {
    const correlationId = newId();
    const started = deps.monotonicMs();
    response.locals.correlationId = correlationId;
    response.set('X-Correlation-Id', correlationId);
    // The query is left out: a SCIM filter holds people's names.
    const { method } = request;
    const [path = ''] = request.url.split('?', 1);
    response.once('close', () => {
      const durationMs = Math.round(deps.monotonicMs() - started);
      const status = response.writableFinished ? response.statusCode : 0;
      const line = { correlationId, method, path, status, durationMs };
      if (PROBES.has(path)) deps.log.debug(line, 'request');
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

/** The route of a SCIM path as a metric label, one of a fixed few; null outside of `/scim/v2`. */
function scimRoute(path: string): string | null {
  const [root, version, endpoint = '', id, ...rest] = path.split('/').slice(1);
  if (root !== 'scim' || version !== 'v2') return null;
  if (!SCIM_ENDPOINTS.has(endpoint) || rest.length > 0) return 'other';
  if (id === undefined || id === '') return `/${endpoint}`;
  return id === '.search' ? `/${endpoint}/.search` : `/${endpoint}/:id`;
}

async function readiness(deps: AppDeps, response: Response): Promise<void> {
  response.set('Cache-Control', 'no-store');
  try {
    const { pending, unknown } = await within(READY_TIMEOUT_MS, deps.schema());
    const migrations = unknown.length > 0 ? 'newer' : pending.length > 0 ? 'pending' : 'ok';
    const ready = migrations === 'ok';
    const warnings = ready ? await within(READY_TIMEOUT_MS, deps.warnings()) : [];
    response.status(ready ? 200 : 503).json({
      status: ready ? 'ready' : 'unavailable',
      database: 'ok',
      migrations,
      ...(migrations === 'pending' ? { pendingMigrations: pending } : {}),
      ...(ready ? { warnings: warnings.map((code) => ({ code })) } : {}),
    });
  } catch (error) {
    deps.log.warn({ error, correlationId: response.locals.correlationId }, 'the database does not answer');
    const database = error instanceof DatabaseReplaced ? 'replaced' : 'unreachable';
    response.status(503).json({ status: 'unavailable', database, migrations: 'unknown' });
  }
}

/** While the database is away, the figures of the queue are absent, not zero; those of the process are there. */
async function scrape(deps: AppDeps, response: Response): Promise<void> {
  const { metrics } = deps;
  const { tasks, held, brakeTripped, drift, leaversPending, oldestLeaverSeconds } = metrics;
  for (const gauge of [tasks, held, brakeTripped, drift, leaversPending, oldestLeaverSeconds]) gauge.reset();
  try {
    const backlog = await within(READY_TIMEOUT_MS, deps.backlog());
    // An empty queue is 0; absent means that nobody could count.
    for (const state of TASK_STATES) metrics.tasks.set({ state }, 0);
    for (const { state, count } of backlog.tasks) metrics.tasks.set({ state }, count);
    for (const { storeId, count } of backlog.held) metrics.held.set({ store_id: storeId }, count);
    for (const { storeId } of backlog.brakeTripped) metrics.brakeTripped.set({ store_id: storeId }, 1);
    for (const { storeId, count } of backlog.drift) metrics.drift.set({ store_id: storeId }, count);
    for (const { storeId, count, since } of backlog.leavers) {
      metrics.leaversPending.set({ store_id: storeId }, count);
      metrics.oldestLeaverSeconds.set({ store_id: storeId }, deps.secondsSince(since));
    }
  } catch (error) {
    deps.log.warn({ error, correlationId: response.locals.correlationId }, 'the queue cannot be counted');
  }
  response.set('Content-Type', metrics.registry.contentType).send(await metrics.registry.metrics());
}

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const FAILED = 'The request failed. The log has the reason, under the correlation id of this answer.';

/**
 * The last resort: the rooms answer their own errors, so only malformed URLs and programming errors arrive
 * here.
 */
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const given = (error as { status?: unknown } | null)?.status;
    const status = typeof given === 'number' && given >= 400 && given < 500 ? given : 500;
    if (status === 500) {
      log.error({ error, correlationId: response.locals.correlationId }, 'a request failed');
    }
    if (response.headersSent) return next(error);
    const detail = status === 500 ? FAILED : 'The request is malformed.';
    sendProblem(response, { status, detail });
  };
}
