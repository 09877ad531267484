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
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { onStage } from './bench.ts';
import { type Row, ratio } from './figures.ts';
import type { Load } from './load.ts';

const REQUESTS = 2_000;
const WARM_UP = 200;
const CONCURRENCY = 8;

export async function throughput(): Promise<readonly Row[]> {
  const endpoint = await onStage(false, ({ bridge }) =>
    perSecond(`${bridge.url}/scim/v2/Users`, bridge.scimToken),
  );
  const bare = await onBareHandler((url) => perSecond(url, 'none'));
  return [
    {
      what: `the whole endpoint, ${REQUESTS} requests, ${CONCURRENCY} at once`,
      figure: `${endpoint.toFixed(0)}/s`,
    },
    { what: 'a bare Express handler, the same inserts', figure: `${bare.toFixed(0)}/s` },
    { what: 'endpoint to bare', figure: ratio(endpoint, bare) },
  ];
}

/** The load comes from a thread of its own. */
async function perSecond(url: string, token: string): Promise<number> {
  await send({ url, token, count: WARM_UP, concurrency: CONCURRENCY, prefix: 'warm' });
  const tookMs = await send({ url, token, count: REQUESTS, concurrency: CONCURRENCY, prefix: 'load' });
  return (REQUESTS * 1_000) / tookMs;
}

async function send(load: Load): Promise<number> {
  const worker = new Worker(join(import.meta.dirname, 'load.ts'), { workerData: load });
  const [tookMs] = await once(worker, 'message');
  return tookMs;
}

async function onBareHandler<T>(measure: (url: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const db = openDatabase(parseDatabaseUrl(`sqlite:${join(directory, 'bare.db')}`));
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
