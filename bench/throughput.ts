/** POST /Users through the whole endpoint, beside a bare Express handler that does the same inserts. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import express from 'express';
import type { Knex } from 'knex';
import { migrate } from '../src/db/migrations.ts';
import { type Dialect, openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import type { RunningBridge } from '../test/bridge.ts';
import { freshDatabaseUrl } from '../test/database.ts';
import { onBoth, onStage } from './bench.ts';
import { median, type Row } from './figures.ts';
import type { Load } from './load.ts';

/** The two take turns, so that a busy machine is as unkind to both. */
const ROUNDS = 10;
const REQUESTS_PER_ROUND = 200;
const CONCURRENCY = 8;

export async function throughput(): Promise<readonly Row[]> {
  return onBoth(on);
}

function on(dialect: Dialect): Promise<readonly Row[]> {
  const rounds = (endpoint: RunningBridge, bareUrl: string) =>
    takeTurns(
      (prefix) => perSecond(`${endpoint.url}/scim/v2/Users`, endpoint.scimToken, prefix),
      (prefix) => perSecond(bareUrl, 'none', prefix),
    );
  return onStage(
    false,
    async ({ bridge }) => {
      const { ours, bare } = await onBareHandler(dialect, (url) => rounds(bridge, url));
      return [
        {
          what: `${dialect}: the whole endpoint, ${CONCURRENCY} at once`,
          figure: `${median(ours).toFixed(0)}/s`,
        },
        {
          what: `${dialect}: a bare Express handler, the same inserts`,
          figure: `${median(bare).toFixed(0)}/s`,
        },
        {
          what: `${dialect}: endpoint to bare, median of ${ROUNDS} rounds`,
          figure: `${median(ours.map((rate, round) => rate / (bare[round] ?? Number.NaN))).toFixed(2)}x`,
          goal: '>= 0.5x',
        },
      ];
    },
    dialect,
  );
}

type Measured = (prefix: string) => Promise<number>;

async function takeTurns(
  ours: Measured,
  bare: Measured,
): Promise<Record<'ours' | 'bare', readonly number[]>> {
  await ours('warm');
  await bare('warm');
  const rates = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.ours.push(await ours(`r${round}-`));
    rates.bare.push(await bare(`r${round}-`));
  }
  return rates;
}

/** The load comes from a thread of its own. */
async function perSecond(url: string, token: string, prefix: string): Promise<number> {
  const tookMs = await send({ url, token, count: REQUESTS_PER_ROUND, concurrency: CONCURRENCY, prefix });
  return (REQUESTS_PER_ROUND * 1_000) / tookMs;
}

async function send(load: Load): Promise<number> {
  const worker = new Worker(join(import.meta.dirname, 'load.ts'), { workerData: load });
  const [tookMs] = await once(worker, 'message');
  return tookMs;
}

async function onBareHandler<T>(dialect: Dialect, measure: (url: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl(dialect, directory)));
  await migrate(db);
  const at = new Date().toISOString();
  await db('environments').insert({ id: 'e', name: 'e', created_at: at, updated_at: at });
  await db('connections').insert({
    id: 'c',
    environment_id: 'e',
    name: 'c',
    strategy: 'scim',
    is_primary: true,
    unknown_attributes: 'Ignore',
    metadata: '{}',
    user_id_attribute: 'userName',
    created_at: at,
    updated_at: at,
  });
  const app = express();
  app.post('/Users', express.json({ type: '*/*' }), async (req, res) => {
    res.status(201).json(await insert(db, req.body));
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await measure(`http://127.0.0.1:${(server.address() as AddressInfo).port}/Users`);
  } finally {
    server.closeAllConnections();
    server.close();
    await db.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Posted {
  readonly userName: string;
  readonly emails: readonly { readonly value: string }[];
}

async function insert(db: Knex, user: Posted) {
  const id = randomUUID();
  const at = new Date().toISOString();
  const resource = JSON.stringify(user);
  const email = user.emails[0]?.value ?? '';
  await db.transaction(async (tx) => {
    await tx('persons').insert({ id, environment_id: 'e', created_at: at });
    await tx('users').insert({
      id,
      environment_id: 'e',
      connection_id: 'c',
      person_id: id,
      user_name: user.userName,
      user_name_lower: user.userName.toLowerCase(),
      primary_email_lower: email,
      active: true,
      resource,
      version: 1,
      created_at: at,
      updated_at: at,
    });
    await tx('user_emails').insert({ connection_id: 'c', user_id: id, value_lower: email });
    await tx('events').insert({
      environment_id: 'e',
      at,
      correlation_id: id,
      kind: 'user.created',
      actor_type: 'connection',
      actor_id: 'c',
      actor_name: 'c',
      subject_kind: 'user',
      subject_id: id,
      outcome: 'success',
      request: resource,
      after: resource,
    });
  });
  return { id, ...user, meta: { resourceType: 'User', created: at, lastModified: at } };
}
