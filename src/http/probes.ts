/**
 * Tells whether the bridge is alive and ready, and its metrics, to callers without a token. However often they ask,
 * only one computation at a time asks the database, and its result is reused for a while.
 */

import { Router } from 'express';
import { DatabaseReplaced } from '../db/embedded/watch.ts';
import type { Schema } from '../db/migrations.ts';
import type { Backlog } from '../db/queue/backlog.ts';
import { TASK_STATES } from '../db/queue/tasks.ts';
import type { Log } from '../support/log.ts';
import type { Metrics } from '../support/metrics.ts';

export interface ProbeDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Rejects where the database does not answer, or its file was replaced or removed. */
  schema(): Promise<Pick<Schema, 'pending' | 'unknown'>>;
  /** Codes for things that work but need an admin's attention. */
  warnings(): Promise<readonly string[]>;
  backlog(): Promise<Backlog>;
  /** Seconds since `at` by the wall clock; 0 for null. */
  secondsSince(at: string | null): number;
  /** Monotonic milliseconds. */
  monotonicMs(): number;
}

export interface Probes {
  /** `/healthz` and `/readyz`. */
  readonly health: Router;
  /** `/metrics`. */
  readonly figures: Router;
}

/** A probe waits this long for the database before it reports that there is none. */
export const READY_TIMEOUT_MS = 3_000;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export function createProbes(deps: ProbeDeps): Probes {
  const { metrics, monotonicMs } = deps;
  const alive = Buffer.from(JSON.stringify({ status: 'ok' }));
  const readiness = cached(() => findReadiness(deps), monotonicMs);
  const figures = cached(() => writeFigures(deps), monotonicMs);
  const health = Router();
  health.get('/healthz', (_request, response) => {
    response.set(JSON_HEADERS).end(alive);
  });
  health.get('/readyz', async (_request, response) => {
    const { status, body } = await readiness();
    response.status(status).set(JSON_HEADERS).end(body);
  });
  const scrapes = Router().get('/metrics', async (_request, response) => {
    response.set('Content-Type', metrics.registry.contentType).end(await figures());
  });
  return { health, figures: scrapes };
}

const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' };

async function findReadiness(deps: ProbeDeps): Promise<Answer> {
  const answer = (status: number, body: object) => ({ status, body: Buffer.from(JSON.stringify(body)) });
  try {
    const { pending, unknown } = await within(READY_TIMEOUT_MS, deps.schema());
    const migrations = unknown.length > 0 ? 'newer' : pending.length > 0 ? 'pending' : 'ok';
    const ready = migrations === 'ok';
    const warnings = ready ? await within(READY_TIMEOUT_MS, deps.warnings()) : [];
    return answer(ready ? 200 : 503, {
      status: ready ? 'ready' : 'unavailable',
      database: 'ok',
      migrations,
      ...(migrations === 'pending' ? { pendingMigrations: pending } : {}),
      ...(ready ? { warnings: warnings.map((code) => ({ code })) } : {}),
    });
  } catch (error) {
    deps.log.warn({ error }, 'the database does not answer');
    const database = error instanceof DatabaseReplaced ? 'replaced' : 'unreachable';
    return answer(503, { status: 'unavailable', database, migrations: 'unknown' });
  }
}

/** While the database is away, the metrics of the queue are missing, not zero; those of the process are there. */
async function writeFigures(deps: ProbeDeps): Promise<Buffer> {
  const { metrics } = deps;
  const { tasks, held, brakeTripped, storesPaused, incidentsOpen, drift, leaversPending } = metrics;
  const gauges = [tasks, held, brakeTripped, storesPaused, incidentsOpen, drift, leaversPending];
  for (const gauge of [...gauges, metrics.oldestLeaverSeconds, metrics.pullAgeSeconds]) gauge.reset();
  try {
    const backlog = await within(READY_TIMEOUT_MS, deps.backlog());
    // An empty queue is 0; a missing figure means that nobody could count.
    for (const state of TASK_STATES) metrics.tasks.set({ state }, 0);
    for (const { state, count } of backlog.tasks) metrics.tasks.set({ state }, count);
    for (const { storeId, count } of backlog.held) metrics.held.set({ store_id: storeId }, count);
    for (const { storeId } of backlog.brakeTripped) metrics.brakeTripped.set({ store_id: storeId }, 1);
    for (const { storeId } of backlog.paused) metrics.storesPaused.set({ store_id: storeId }, 1);
    metrics.incidentsOpen.set(backlog.incidentsOpen);
    for (const { storeId, count } of backlog.drift) metrics.drift.set({ store_id: storeId }, count);
    for (const { connectionId, since } of backlog.pulls)
      metrics.pullAgeSeconds.set({ connection_id: connectionId }, deps.secondsSince(since));
    for (const { storeId, count, since } of backlog.leavers) {
      metrics.leaversPending.set({ store_id: storeId }, count);
      metrics.oldestLeaverSeconds.set({ store_id: storeId }, deps.secondsSince(since));
    }
  } catch (error) {
    deps.log.warn({ error }, 'the queue cannot be counted');
  }
  return Buffer.from(await metrics.registry.metrics());
}

/**
 * A result is reused for FRESH_MS, or for ten times as long as it took if that is longer, but at most for FRESH_MAX_MS:
 * a bridge whose database is back must not look dead.
 */
const FRESH_MS = 500;
const FRESH_PER_COST = 10;
const FRESH_MAX_MS = 2_000;

/** Callers share the work under way, or its result while it is fresh. */
export function cached<T>(work: () => Promise<T>, monotonicMs: () => number): () => Promise<T> {
  let result: Promise<T> | null = null;
  let freshUntil = 0;
  return () => {
    if (result !== null && monotonicMs() < freshUntil) return result;
    const started = monotonicMs();
    const mine = work();
    result = mine;
    freshUntil = Number.POSITIVE_INFINITY;
    const ended = () => {
      const now = monotonicMs();
      freshUntil = now + Math.min(FRESH_MAX_MS, Math.max(FRESH_MS, FRESH_PER_COST * (now - started)));
    };
    mine.then(ended, () => {
      freshUntil = 0;
    });
    return mine;
  };
}

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
