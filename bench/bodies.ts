/**
 * What one client's bodies cost another client: how much longer a read of another environment takes while each body
 * is sent, and how much memory the process needs.
 */

import { once } from 'node:events';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { ms, type Row, timed } from './figures.ts';
import { fill } from './fill.ts';
import { type RealProcess, startProcess } from './process.ts';
import type { Waits, Watched } from './watch.ts';

const MORE_MAX_MS = 250;
const RSS_MAX_MIB = 512;
const QUIET_MS = 2_000;
/** A read that began next to a short request has ended after this time. */
const READ_MS = 200;
const MEMBERS = 100_000;

interface Client {
  readonly url: string;
  readonly token: string;
}

interface Case {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  readonly status: number;
}

/** Bodies that must pass, and bodies that once made everybody wait. */
function cases(memberIds: readonly string[], groupId: string): readonly Case[] {
  const json = (body: unknown) => Buffer.from(JSON.stringify(body));
  const repeated = (count: number, one: string) => Array(count).fill(one).join(',');
  const members = memberIds.map((value) => ({
    value,
    $ref: `http://bridge.example/scim/v2/Users/${value}`,
    display: 'Someone Somewhere',
    type: 'User',
  }));
  const group = { displayName: 'everybody', members };
  const removals = memberIds
    .slice(0, 10_000)
    .map((id) => ({ op: 'remove', path: `members[value eq "${id}"]` }));
  const users = Array.from({ length: 1000 }, (_, n) => ({
    method: 'POST',
    path: '/Users',
    bulkId: `b${n}`,
    data: person(`bulk${n}`),
  }));
  const strange = Array.from({ length: 2_200_000 }, (_, n) => `"k${n}":1`).join(',');
  const everybody = `/Groups/${groupId}`;
  return [
    {
      what: '8 million numbers',
      method: 'POST',
      path: '/Users',
      body: Buffer.from(`{"userName":"x","emails":[${repeated(8_000_000, '1')}]}`),
      status: 413,
    },
    {
      what: '2.2 million unknown keys',
      method: 'POST',
      path: '/Users',
      body: Buffer.from(`{"userName":"x",${strange}}`),
      status: 413,
    },
    {
      what: 'PATCH of 8 million {} as members',
      method: 'PATCH',
      path: everybody,
      body: Buffer.from(
        `{"Operations":[{"op":"add","path":"members","value":[${repeated(8_000_000, '{}')}]}]}`,
      ),
      status: 413,
    },
    {
      what: '500,000 brackets',
      method: 'POST',
      path: '/Users',
      body: Buffer.from('['.repeat(500_000)),
      status: 400,
    },
    {
      what: '600,000 small objects',
      method: 'POST',
      path: '/Users',
      body: Buffer.from(`{"userName":"x","emails":[${repeated(600_000, '{}')}]}`),
      status: 413,
    },
    {
      what: 'a text of 30 MiB',
      method: 'POST',
      path: '/Users',
      body: json({ userName: 'x', title: 'x'.repeat(30 * 1024 * 1024) }),
      status: 400,
    },
    { what: `PUT of ${MEMBERS} members`, method: 'PUT', path: everybody, body: json(group), status: 200 },
    { what: `PUT of the same again`, method: 'PUT', path: everybody, body: json(group), status: 200 },
    {
      what: 'PATCH of 10,000 operations',
      method: 'PATCH',
      path: everybody,
      body: json({ Operations: removals }),
      status: 204,
    },
    {
      what: 'bulk of 1,000 users',
      method: 'POST',
      path: '/Bulk',
      body: json({ Operations: users }),
      status: 200,
    },
    {
      what: `bulk with a PUT of ${MEMBERS} members`,
      method: 'POST',
      path: '/Bulk',
      body: json({ Operations: [{ method: 'PUT', path: everybody, data: group }] }),
      status: 200,
    },
    {
      what: `PATCH that replaces ${MEMBERS} members`,
      method: 'PATCH',
      path: everybody,
      body: json({ Operations: [{ op: 'replace', path: 'members', value: members }] }),
      status: 204,
    },
  ];
}

export async function bodies(): Promise<readonly Row[]> {
  const bridge = await startProcess('sqlite');
  try {
    const db = openDatabase(parseDatabaseUrl(bridge.databaseUrl));
    const connection = await db('connections').first('id');
    const memberIds = await fill({ db, count: MEMBERS, prefix: 'p' }).finally(() => db.destroy());
    const tokens = `/environments/default/connections/${connection.id}/scim-configuration/tokens`;
    const { token = '' } = await bridge.admin('POST', tokens, {});
    return await measured(bridge, token, memberIds);
  } finally {
    await bridge.stop();
  }
}

async function measured(
  bridge: RealProcess,
  token: string,
  memberIds: readonly string[],
): Promise<readonly Row[]> {
  const client = { url: bridge.url, token };
  const peakMib = () => bridge.peakMib();
  const other = await bridge.tenant('other');
  const workerData: Watched = { url: `${bridge.url}/scim/v2/Users/${other.userId}`, token: other.token };
  const made = await sent(client, {
    method: 'POST',
    path: '/Groups',
    body: Buffer.from('{"displayName":"everybody"}'),
  });
  const worker = new Worker(join(import.meta.dirname, 'watch.ts'), { workerData });
  try {
    return await watched(client, memberIds, { worker, groupId: JSON.parse(made.text).id, peakMib });
  } finally {
    worker.postMessage('end');
    await once(worker, 'exit');
  }
}

interface Watching {
  readonly worker: Worker;
  readonly groupId: string;
  peakMib(): number;
}

async function watched(
  client: Client,
  memberIds: readonly string[],
  { worker, groupId, peakMib }: Watching,
): Promise<readonly Row[]> {
  const waits = async () => {
    worker.postMessage('times');
    const [waited] = (await once(worker, 'message')) as [Waits];
    return waited;
  };
  const rows: Row[] = [
    { what: 'before any of it: peak of the process', figure: `${peakMib().toFixed(0)} MiB` },
  ];
  for (const { what, status, ...one } of cases(memberIds, groupId)) {
    await waits();
    await pause(QUIET_MS);
    const quiet = await waits();
    let answered = 0;
    const tookMs = await timed(async () => {
      answered = (await sent(client, one)).status;
    });
    await pause(READ_MS);
    const busy = await waits();
    if (answered !== status) throw new Error(`${what} was answered ${answered}`);
    rows.push({
      what: `${what} (${status}, ${ms(tookMs)}): longest read of another, without → with`,
      figure: `${longest(quiet)} → ${longest(busy)}`,
      goal: `at most ${MORE_MAX_MS} ms more`,
    });
    rows.push({
      what: '   peak of the process',
      figure: `${peakMib().toFixed(0)} MiB`,
      goal: `< ${RSS_MAX_MIB} MiB`,
    });
  }
  rows.push(...(await halfSent(client, waits)));
  rows.push({
    what: 'peak of the process',
    figure: `${peakMib().toFixed(0)} MiB`,
    goal: `< ${RSS_MAX_MIB} MiB`,
  });
  return rows;
}

function longest({ times, refused }: Waits): string {
  const told = times.length === 0 ? 'none answered' : ms(Math.max(...times));
  return refused === 0 ? told : `${told}, ${refused} of ${times.length + refused} refused`;
}

const HELD_REQUESTS = 60;
const ANNOUNCED_BYTES = 31 * 1024 * 1024;
const SENT_BYTES = 30 * 1024 * 1024;

/** Sixty bodies of one connection that are never sent completely. */
async function halfSent(client: Client, waits: () => Promise<Waits>): Promise<readonly Row[]> {
  await pause(QUIET_MS);
  const quiet = await waits();
  const part = Buffer.alloc(SENT_BYTES, 0x20);
  const statuses: number[] = [];
  const open = Array.from({ length: HELD_REQUESTS }, () => {
    const held = started(client, { method: 'POST', path: '/Users', bytes: ANNOUNCED_BYTES });
    held.on('response', (answer) => {
      statuses.push(answer.statusCode ?? 0);
      answer.resume();
    });
    held.on('error', () => {});
    held.write(part);
    return held;
  });
  await pause(15_000);
  const busy = await waits();
  for (const held of open) held.destroy();
  return [
    {
      what: `${HELD_REQUESTS} bodies of which 30 of 31 MiB arrive: refused with 429`,
      figure: String(statuses.filter((status) => status === 429).length),
    },
    {
      what: '   longest read of another, without → with',
      figure: `${longest(quiet)} → ${longest(busy)}`,
      goal: `at most ${MORE_MAX_MS} ms more`,
    },
  ];
}

function started(
  { url, token }: Client,
  { method, path, bytes }: { readonly method: string; readonly path: string; readonly bytes: number },
): ClientRequest {
  return request(`${url}/scim/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/scim+json',
      'content-length': bytes,
    },
  });
}

function sent(client: Client, { method, path, body }: Pick<Case, 'method' | 'path' | 'body'>) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const asked = started(client, { method, path, bytes: body.length });
    let isAnswered = false;
    // The connection of an early refusal may be cut after its answer.
    asked.on('error', (error) => {
      if (!isAnswered) reject(error);
    });
    asked.on('response', (answer) => {
      isAnswered = true;
      answer.on('error', reject);
      const parts: Buffer[] = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
      );
    });
    asked.end(body);
  });
}
