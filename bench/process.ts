/** The real process as `npm start` runs it, on a database of its own; its log goes to a file. */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Dialect, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { embeddedUrl, freshDatabaseUrl } from '../test/database.ts';
import { freePort } from '../test/postgres.ts';
import { AS_NPM_START_DOES } from './child.ts';
import type { Side } from './rounds.ts';

const START = [...AS_NPM_START_DOES, join(import.meta.dirname, '../src/main.ts')];
const READY_WITHIN_MS = 60_000;

export interface Tenant {
  readonly environmentId: string;
  readonly connectionId: string;
  readonly token: string;
  /** The id of a user. */
  readonly userId: string;
}

export interface RealProcess {
  readonly url: string;
  readonly databaseUrl: string;
  readonly adminToken: string;
  admin(method: string, path: string, body?: unknown): Promise<Record<string, string>>;
  scim(token: string, method: string, path: string, body: unknown): Promise<Record<string, string>>;
  /** An environment of its own, with a user; or a connection in the default one. */
  tenant(name: string): Promise<Tenant>;
  peakMib(): number;
  /** Processor time of all its threads since it started. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** The process, with a user in an environment of its own. */
export interface ProcessSide extends Side {
  readonly userId: string;
  stop(): Promise<void>;
}

export async function sideOf(bridge: RealProcess, name: string): Promise<ProcessSide> {
  const { token, userId } = await bridge.tenant(name);
  return { url: `${bridge.url}/scim/v2`, token, userId, cpuMs: bridge.cpuMs, stop: bridge.stop };
}

/** Processor time of all threads of a process, in ms. */
export function cpuMsOf(pid: number | undefined): number {
  // In hundredths of a second; the fields follow the name in brackets.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export async function startProcess(
  dialect: Dialect,
  environment: Readonly<Record<string, string>> = {},
  /** The driver of SQLite. */
  driver?: string,
): Promise<RealProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const fresh = await freshDatabaseUrl(dialect, directory);
  const databaseUrl = driver === undefined ? fresh : embeddedUrl(parseDatabaseUrl(fresh).target, driver);
  const port = await freePort();
  const adminToken = randomBytes(32).toString('hex');
  const log = openSync(join(directory, 'log'), 'w');
  const child = spawn(process.execPath, START, {
    cwd: directory,
    stdio: ['ignore', log, 'inherit'],
    env: {
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      ADMIN_TOKEN: adminToken,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ...environment,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await ready(url, () => child.exitCode === null);
  } catch (error) {
    await stop();
    throw error;
  }

  const ask = async (token: string, method: string, path: string, body?: unknown) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  const scim: RealProcess['scim'] = (token, method, path, body) =>
    ask(token, method, `/scim/v2${path}`, body);
  const admin: RealProcess['admin'] = (method, path, body) => ask(adminToken, method, `/v1${path}`, body);
  return {
    url,
    databaseUrl,
    adminToken,
    admin,
    scim,
    async tenant(name) {
      const { id } = await admin('POST', '/environments', { name });
      const at = `/environments/${id}/connections`;
      const connection = await admin('POST', at, { name, strategy: 'scim' });
      const tokens = `${at}/${connection.id}/scim-configuration/tokens`;
      const { token = '' } = await admin('POST', tokens, {});
      const user = await scim(token, 'POST', '/Users', person(name));
      return { environmentId: id ?? '', connectionId: connection.id ?? '', token, userId: user.id ?? '' };
    },
    peakMib() {
      const [, kib = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      return Number(kib) / 1024;
    },
    cpuMs: () => cpuMsOf(child.pid),
    stop,
  };
}

async function ready(url: string, isRunning: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_WITHIN_MS && isRunning(); waitedMs += 50) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.status === 200) return;
    await pause(50);
  }
  throw new Error('the bridge did not become ready');
}
