/** Health, metrics, headers and last-resort answers of the Express app, on both databases. */

import { Router } from 'express';
import request from 'supertest';
import { createAddressLimit } from '../../../src/auth/addressLimit.ts';
import { createKnownTokens } from '../../../src/auth/knownTokens.ts';
import { limitUnknownCallers } from '../../../src/auth/unknownCallers.ts';
import { readSchema } from '../../../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { readBacklog } from '../../../src/db/queue/backlog.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { createActivity } from '../../../src/http/activity.ts';
import { type AppDeps, createApp } from '../../../src/http/app.ts';
import { createProbes } from '../../../src/http/probes.ts';
import { createRefusals } from '../../../src/http/refusals.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';
import { createMetrics } from '../../../src/support/metrics.ts';
import { freshDatabaseUrl, onEachDatabase } from '../../database.ts';
import { freePort } from '../../postgres.ts';

type Database = ReturnType<typeof openDatabase>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function appOn(db: Database, more: Partial<AppDeps> = {}) {
  const lines: Record<string, unknown>[] = [];
  const scim = Router().get('/Users/:id', (req, res) => {
    if (req.params.id === 'broken') throw new Error('a bug');
    res.json({ correlationId: res.locals.correlationId });
  });
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const monotonicMs = () => performance.now();
  const probes = createProbes({
    log,
    metrics,
    schema: () => readSchema(db),
    warnings: async () => [],
    backlog: () => readBacklog(db),
    secondsSince: (at) => (at === null ? 0 : 90),
    monotonicMs,
  });
  const access = {
    tokens: createKnownTokens(db, systemClock),
    addressLimit: createAddressLimit(systemClock),
  };
  const app = createApp({
    ...{ log, metrics, probes, monotonicMs },
    showsMetrics: true,
    trustedProxies: [],
    refusals: createRefusals({ db, clock: systemClock, log }),
    activity: createActivity({ db, clock: systemClock, log }),
    limitUnknownCallers: (tooMany) =>
      limitUnknownCallers({ clock: systemClock, adminToken: null, ...access }, tooMany),
    rooms: { scim, admin: Router() },
    ...more,
  });
  return { app, lines };
}

onEachDatabase((open) => {
  it('is alive and ready on a migrated database', async () => {
    const { app } = appOn(await open());
    await request(app).get('/healthz').expect(200, { status: 'ok' });
    await request(app)
      .get('/readyz')
      .expect(200, { status: 'ready', database: 'ok', migrations: 'ok', warnings: [] });
  });

  it('is alive but not ready while a migration is pending', async () => {
    const db = await open();
    await db('knex_migrations').delete();
    const { app } = appOn(db);
    const answer = await request(app).get('/readyz').expect(503);
    expect(answer.body).toEqual({
      status: 'unavailable',
      database: 'ok',
      migrations: 'pending',
      pendingMigrations: expect.arrayContaining(['0001_first']),
    });
    await request(app).get('/healthz').expect(200);
  });

  it('counts what waits, and says nothing about anybody', async () => {
    const db = await open();
    const at = '2026-01-01T00:00:00.000Z';
    await db('environments').insert({ id: 'e', name: 'e', created_at: at, updated_at: at });
    await db('stores').insert({
      id: 's',
      environment_id: 'e',
      type: 'Demo',
      name: 's',
      image: '{}',
      managed: false,
      status: 'ACTIVE',
      configuration: '{}',
      secrets: '{}',
      retry_attempts: 0,
      brake_tripped_at: at,
      created_at: at,
      updated_at: at,
    });
    for (const [id, priority] of [
      ['ada', PRIORITY.leaver],
      ['bob', PRIORITY.normal],
    ] as const) {
      const subject = { kind: 'user', id } as const;
      await enqueueTask(db, 's', { environmentId: 'e', subject, priority, correlationIds: ['c'], at });
    }
    const { app } = appOn(db);
    await request(app).get('/scim/v2/Users/ada').expect(200);
    const { text } = await request(app).get('/metrics').expect(200);
    expect(text).toContain('scim_bridge_tasks{state="pending"} 2');
    expect(text).toContain('scim_bridge_tasks{state="parked"} 0');
    expect(text).toContain('scim_bridge_brake_tripped{store_id="s"} 1');
    expect(text).toContain('scim_bridge_leavers_pending{store_id="s"} 1');
    expect(text).toContain('scim_bridge_oldest_leaver_seconds{store_id="s"} 90');
    expect(text).toContain('scim_bridge_scim_requests_total{method="GET",route="/Users/:id",status="200"} 1');
    expect(text).not.toMatch(/ada|bob/);
  });
});

describe('without its database', () => {
  it('is alive, not ready, and says which', async () => {
    const url = `postgres://bridge:bridge@127.0.0.1:${await freePort()}/bridge`;
    const log = createLog('silent');
    const db = openDatabase(parseDatabaseUrl(url), log);
    const { app } = appOn(db);
    await request(app).get('/healthz').expect(200);
    await request(app)
      .get('/readyz')
      .expect(503, { status: 'unavailable', database: 'unreachable', migrations: 'unknown' });
    const { text } = await request(app).get('/metrics').expect(200);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toMatch(/^scim_bridge_(leavers_pending|tasks)\b/m);
    await db.destroy();
  });
});

describe('every answer', () => {
  let db: Database;
  beforeAll(async () => {
    db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl('postgres', '')));
  });
  afterAll(() => db.destroy());

  it('carries a correlation id of our own, whatever the client sent', async () => {
    const { app, lines } = appOn(db);
    const first = await request(app).get('/scim/v2/Users/1?filter=secret').set('X-Correlation-Id', 'mine');
    const second = await request(app).get('/nowhere');
    const id = first.headers['x-correlation-id'];
    expect(id).toMatch(UUID);
    expect(first.body).toEqual({ correlationId: id });
    expect(second.headers['x-correlation-id']).toMatch(UUID);
    expect(second.headers['x-correlation-id']).not.toBe(id);
    expect(lines).toContainEqual(
      expect.objectContaining({ correlationId: id, method: 'GET', path: '/scim/v2/Users/1', status: 200 }),
    );
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('is the same where a base URL ends with a slash', async () => {
    const { app, lines } = appOn(db);
    for (const path of ['/scim/v2//Users/1', '//scim//v2/Users///1?filter=a//b']) {
      await request(app).get(path).expect(200);
    }
    expect(lines.map(({ path }) => path)).toEqual(['/scim/v2/Users/1', '/scim/v2/Users/1']);
  });

  it('tells nothing about the software and cannot be framed or sniffed', async () => {
    const { headers } = await request(appOn(db).app).get('/healthz');
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('etag');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(headers['content-security-policy']).toBe("default-src 'none'");
  });

  it('is a problem document where nothing is, where the URL is malformed, and after a bug', async () => {
    const { app, lines } = appOn(db);
    const nowhere = await request(app).post('/nowhere').expect(404);
    expect(nowhere.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(nowhere.body).toMatchObject({ status: 404, correlationId: nowhere.headers['x-correlation-id'] });
    await request(app).get('/scim/v2/Users/%zz').expect(400);
    const bug = await request(app).get('/scim/v2/Users/broken').expect(500);
    expect(bug.text).not.toContain('a bug');
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        correlationId: bug.headers['x-correlation-id'],
        error: expect.objectContaining({ message: 'a bug' }),
      }),
    );
  });
});
