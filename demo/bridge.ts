/**
 * The real bridge as a child process on files of its own, and the two ways to speak to it: as an
 * administrator and as an identity provider. Nothing of the bridge runs inside the demo.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';

export interface Answer {
  readonly method: string;
  /** With the query, decoded: for people. */
  readonly path: string;
  readonly status: number;
  readonly body: Json;
  readonly correlationId: string;
  /** Wall clock, milliseconds: when the answer's headers were here. */
  readonly answeredAt: number;
}

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire
export type Json = any;

export interface Bridge {
  readonly url: string;
  readonly adminToken: string;
  readonly scimToken: string;
  /** `path` below `/v1/environments/default`. Throws where the answer is not 2xx. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  /** `path` below `/scim/v2`. Throws where the answer is not 2xx. */
  scim(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface BridgeProcess {
  readonly exited: Promise<void>;
  /** Rejects with a sentence where it does not come up. */
  ready(): Promise<Bridge>;
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
  /** At once, for the last moment of the demo's own process. */
  kill(): void;
}

export interface BridgeOptions {
  /** For the database and the key. */
  readonly directory: string;
  /** The environment of the demo: the child is given its PATH alone. */
  readonly path: string;
  readonly signal: AbortSignal;
}

const PROJECT = resolve(import.meta.dirname, '..');
const READY_WAIT_MAX_MS = 30_000;
const READY_POLL_MS = 50;
const ASK_TIMEOUT_MS = 15_000;
/** Beyond the bridge's own limit for a graceful stop. */
const STOP_WAIT_MAX_MS = 12_000;
const WORDS_MAX = 10_000;

export async function startBridge(options: BridgeOptions): Promise<BridgeProcess> {
  const port = await freePort();
  const adminToken = randomBytes(24).toString('base64url');
  const child = spawn(process.execPath, [join(PROJECT, 'src/main.ts')], {
    cwd: options.directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: options.path,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: `sqlite:${join(options.directory, 'scim-bridge.db')}`,
      ADMIN_TOKEN: adminToken,
      LOG_LEVEL: 'fatal',
    },
  });
  const life = watch(child);
  return {
    exited: life.exited,
    ready: () => connect(`http://127.0.0.1:${port}`, adminToken, life, options.signal),
    stop: () => stop(child, life.exited),
    kill: () => child.kill('SIGKILL'),
  };
}

interface Life {
  readonly exited: Promise<void>;
  /** Null while it runs; afterwards how it ended, in words. */
  end(): string | null;
}

function watch(child: ChildProcess): Life {
  let words = '';
  let end: string | null = null;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, WORDS_MAX);
  });
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      end = `could not be started (${error.message}).`;
      done();
    });
    child.once('close', (code, signal) => {
      const why = reasonIn(words);
      end ??= `stopped (${signal ?? `exit code ${code}`})${why === '' ? '.' : `: ${why}`}`;
      done();
    });
  });
  return { exited, end: () => end };
}

/** The bridge says what it foresaw in one line; of a stack trace, the line that names the error. */
function reasonIn(words: string): string {
  const lines = words.split('\n').map((line) => line.trim());
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.find((line) => line !== '') ?? '';
}

/** The port is free now; should somebody take it first, the bridge says so. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function connect(url: string, adminToken: string, life: Life, signal: AbortSignal): Promise<Bridge> {
  await untilReady(url, life, signal);
  const ask = (token: string, type: string, base: string) => (method: string, path: string, body?: unknown) =>
    request({ url, path: base + path, method, body, token, type, life, signal });
  const admin = ask(adminToken, 'application/json', '/v1/environments/default');
  const { body } = await admin('GET', '/connections');
  const [connection] = body._embedded.connections;
  const made = await admin('POST', `/connections/${connection.id}/scim-configuration/tokens`, {});
  const scimToken: string = made.body.token;
  return { url, adminToken, scimToken, admin, scim: ask(scimToken, 'application/scim+json', '/scim/v2') };
}

async function untilReady(url: string, life: Life, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_WAIT_MAX_MS; waitedMs += READY_POLL_MS) {
    signal.throwIfAborted();
    const end = life.end();
    if (end !== null) throw new Error(`The bridge ${end}`);
    const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) }).then(
      (response) => response.ok,
      // Not listening yet; the loop asks again and gives up after a named time.
      () => false,
    );
    if (ready) return;
    await new Promise((done) => setTimeout(done, READY_POLL_MS));
  }
  throw new Error(`The bridge was not ready after ${READY_WAIT_MAX_MS / 1000} seconds.`);
}

interface Request {
  readonly url: string;
  readonly path: string;
  readonly method: string;
  readonly body: unknown;
  readonly token: string;
  readonly type: string;
  readonly life: Life;
  readonly signal: AbortSignal;
}

async function request({ url, path, method, body, token, type, life, signal }: Request): Promise<Answer> {
  const what = `${method} ${decodeURIComponent(path)}`;
  try {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]),
    });
    const answeredAt = Date.now();
    const text = await response.text();
    if (!response.ok) throw new Error(`The bridge answered ${what} with ${response.status}: ${text}`);
    return {
      method,
      path: decodeURIComponent(path),
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      correlationId: response.headers.get('x-correlation-id') ?? '',
      answeredAt,
    };
  } catch (error) {
    const end = life.end();
    if (end !== null) throw new Error(`The bridge ${end}`, { cause: error });
    if ((error as Error).name === 'TypeError') {
      throw new Error(`The bridge gave no answer to ${what}.`, { cause: error });
    }
    throw error;
  }
}

async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_WAIT_MAX_MS);
  await exited;
  clearTimeout(late);
}
