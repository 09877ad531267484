/**
 * What one client's bodies cost another: how much longer a read of another environment takes while each is
 * sent, and how much memory the process takes for them.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { freshDatabaseUrl } from '../test/database.ts';
import type { Alone, Peak } from './alone.ts';
import { ms, type Row, timed } from './figures.ts';
import { fill } from './fill.ts';
import type { Waits, Watched } from './watch.ts';

const AS_NPM_START_DOES = ['--max-semi-space-size=8'];
const MORE_MAX_MS = 250;
const RSS_MAX_MIB = 512;
const QUIET_MS = 2_000;
const MEMBERS = 100_000;

interface Case {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  readonly status: number;
}

/** What has to pass, and what would have kept everybody waiting. */
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
      status: 400,
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
      what: `PATCH that replaces ${MEMBERS} members`,
      method: 'PATCH',
      path: everybody,
      body: json({ Operations: [{ op: 'replace', path: 'members', value: members }] }),
      status: 204,
    },
  ];
}

export async function bodies(): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const url = await freshDatabaseUrl('sqlite', directory);
  const child = fork(join(import.meta.dirname, 'alone.ts'), [url], { execArgv: AS_NPM_START_DOES });
  try {
    const [alone] = (await once(child, 'message')) as [Alone];
    const db = openDatabase(parseDatabaseUrl(url));
    const memberIds = await fill({ db, count: MEMBERS, prefix: 'p' }).finally(() => db.destroy());
    const peakMib = async () => {
      child.send('peak');
      const [peak] = (await once(child, 'message')) as [Peak];
      return peak.rssBytes / 1024 / 1024;
    };
    return await measured(alone, memberIds, peakMib);
  } finally {
    child.disconnect();
    await once(child, 'exit');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measured(
  alone: Alone,
  memberIds: readonly string[],
  peakMib: () => Promise<number>,
): Promise<readonly Row[]> {
  const other = await otherTenant(alone);
  const made = await sent(alone, {
    method: 'POST',
    path: '/Groups',
    body: Buffer.from('{"displayName":"everybody"}'),
  });
  const worker = new Worker(join(import.meta.dirname, 'watch.ts'), { workerData: other });
  const waits = async () => {
    worker.postMessage('times');
    const [{ times }] = (await once(worker, 'message')) as [Waits];
    return times;
  };
  const rows: Row[] = [
    { what: 'before any of it: peak of the process', figure: `${(await peakMib()).toFixed(0)} MiB` },
  ];
  for (const { what, status, ...one } of cases(memberIds, JSON.parse(made.text).id)) {
    await waits();
    await pause(QUIET_MS);
    const quiet = await waits();
    let answered = 0;
    const tookMs = await timed(async () => {
      answered = (await sent(alone, one)).status;
    });
    const busy = await waits();
    if (answered !== status) throw new Error(`${what} was answered ${answered}`);
    rows.push({
      what: `${what} (${status}, ${ms(tookMs)}): longest read of another, without → with`,
      figure: `${ms(Math.max(...quiet))} → ${ms(Math.max(...busy))}`,
      goal: `at most ${MORE_MAX_MS} ms more`,
    });
    rows.push({
      what: '   peak of the process',
      figure: `${(await peakMib()).toFixed(0)} MiB`,
      goal: `< ${RSS_MAX_MIB} MiB`,
    });
  }
  rows.push(...(await halfSent(alone, waits)));
  rows.push({
    what: 'peak of the process',
    figure: `${(await peakMib()).toFixed(0)} MiB`,
    goal: `< ${RSS_MAX_MIB} MiB`,
  });
  worker.postMessage('end');
  await once(worker, 'exit');
  return rows;
}

const HELD_REQUESTS = 60;
const ANNOUNCED_BYTES = 31 * 1024 * 1024;
const SENT_BYTES = 30 * 1024 * 1024;

/** Sixty bodies of one connection that never arrive whole. */
async function halfSent(alone: Alone, waits: () => Promise<readonly number[]>): Promise<readonly Row[]> {
  await pause(QUIET_MS);
  const quiet = await waits();
  const part = Buffer.alloc(SENT_BYTES, 0x20);
  const statuses: number[] = [];
  const open = Array.from({ length: HELD_REQUESTS }, () => {
    const held = started(alone, { method: 'POST', path: '/Users', bytes: ANNOUNCED_BYTES });
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
      figure: `${ms(Math.max(...quiet))} → ${ms(Math.max(...busy))}`,
      goal: `at most ${MORE_MAX_MS} ms more`,
    },
  ];
}

function started(
  { url, scimToken }: Alone,
  { method, path, bytes }: { readonly method: string; readonly path: string; readonly bytes: number },
): ClientRequest {
  return request(`${url}/scim/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${scimToken}`,
      'content-type': 'application/scim+json',
      'content-length': bytes,
    },
  });
}

function sent(alone: Alone, { method, path, body }: Pick<Case, 'method' | 'path' | 'body'>) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const asked = started(alone, { method, path, bytes: body.length });
    let isAnswered = false;
    // A body that is refused early may be cut off behind its answer.
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

/** A user of another environment, to be read. */
async function otherTenant(alone: Alone): Promise<Watched> {
  const ask = async (token: string, path: string, body: unknown, type = 'application/json') => {
    const answer = await fetch(alone.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
    return answer.json() as Promise<Record<string, string>>;
  };
  const { id } = await ask(alone.adminToken, '/v1/environments', { name: 'other' });
  const at = `/v1/environments/${id}/connections`;
  const connection = await ask(alone.adminToken, at, { name: 'other', strategy: 'scim' });
  const { token = '' } = await ask(alone.adminToken, `${at}/${connection.id}/scim-configuration/tokens`, {});
  const user = await ask(token, '/scim/v2/Users', person('other'), 'application/scim+json');
  return { url: `${alone.url}/scim/v2/Users/${user.id}`, token };
}
