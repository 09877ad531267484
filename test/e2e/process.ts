/**
 * The real process, started as the README says, with files of its own: started, asked, stopped or killed
 * by its id. Nothing of it runs inside the test.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { embeddedUrl } from '../database.ts';
import { freePort } from '../postgres.ts';

export const PROJECT = resolve(__dirname, '../..');
const READY_WAIT_MAX_MS = 90_000;
const EXIT_WAIT_MAX_MS = 20_000;
const POLL_MS = 25;

export interface Exit {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface FirstStart {
  readonly scimUrl: string;
  readonly scimToken: string;
  readonly adminUrl: string;
  readonly adminToken: string;
}

export interface StartOptions {
  /** Kept by the caller, so that the process can be started again on it. */
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** `npm`: `npm start`, in the project. `node`: `node src/main.ts`, in `directory`. */
  readonly by?: 'npm' | 'node';
}

export interface BridgeProcess {
  readonly url: string;
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<Exit>;
  /** Sends the signal and waits until the process is gone. */
  stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Exit>;
  /** Nothing of it runs until `thaw`, but what it has open stays open. */
  freeze(): void;
  thaw(): void;
}

const running = new Set<ChildProcess>();

/** An empty directory for a bridge's files; `forgetBridges` removes it. */
export function bridgeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-e2e-'));
  directories.push(directory);
  return directory;
}

const directories: string[] = [];

/** For afterAll: ends what a failed test left behind, by the ids of what was started here. */
export async function forgetBridges(): Promise<void> {
  const ends = [...running].map((child) => new Promise((done) => child.once('exit', done)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

/** Starts it and waits until `/readyz` says 200. Throws with its output where it exits before that. */
export async function startBridge(options: StartOptions): Promise<BridgeProcess> {
  const port = options.environment?.PORT ?? String(await freePort());
  const bridge = launch({ ...options, environment: { ...options.environment, PORT: port } });
  const url = `http://127.0.0.1:${port}`;
  let exit: Exit | undefined;
  void bridge.exited.then((how) => {
    exit = how;
  });
  for (let waitedMs = 0; waitedMs < READY_WAIT_MAX_MS; waitedMs += POLL_MS) {
    if (exit) throw new Error(`the bridge exited: ${JSON.stringify(exit)} ${bridge.stderr()}`);
    if (await isReady(url)) return { ...bridge, url };
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  await bridge.stop('SIGKILL');
  throw new Error(`the bridge did not become ready: ${bridge.stdout()} ${bridge.stderr()}`);
}

/** Starts it and kills it so much later, wherever it has got to. */
export async function crashInStart(options: StartOptions, afterMs: number): Promise<void> {
  const bridge = launch({
    ...options,
    environment: { ...options.environment, PORT: String(await freePort()) },
  });
  await new Promise((done) => setTimeout(done, afterMs));
  await bridge.stop('SIGKILL');
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    // Not listening yet; the loop asks again and gives up after a named time.
    return false;
  }
}

/** For a start that is expected to fail: resolves when it has exited. */
export async function runToExit(
  options: StartOptions,
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const bridge = launch(options);
  const timer = setTimeout(() => void bridge.stop('SIGKILL'), EXIT_WAIT_MAX_MS);
  const exit = await bridge.exited;
  clearTimeout(timer);
  return { ...exit, stdout: bridge.stdout(), stderr: bridge.stderr() };
}

function launch({ directory, environment, by = 'node' }: StartOptions): Omit<BridgeProcess, 'url'> {
  const [command, args, cwd] =
    by === 'npm'
      ? ['npm', ['start'], PROJECT]
      : [process.execPath, [join(PROJECT, 'src/main.ts')], directory];
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? directory,
      NODE_COMPILE_CACHE: join(tmpdir(), 'scim-bridge-compile-cache'),
      DATABASE_URL: embeddedUrl(join(directory, 'data/scim-bridge.db')),
      ...environment,
    },
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const exited = new Promise<Exit>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      running.delete(child);
      done({ code, signal });
    });
  });
  return {
    pid: child.pid as number,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    stop(signal) {
      child.kill(signal);
      return exited;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}

/** What a first start without a terminal wrote for its owner. */
export function readFirstStart(directory: string): FirstStart {
  const text = readFileSync(join(directory, 'data/first-start.txt'), 'utf8');
  const value = (name: string) => {
    const found = new RegExp(`^${name}=(.+)$`, 'm').exec(text)?.[1];
    if (!found) throw new Error(`first-start.txt lacks ${name}`);
    return found;
  };
  return {
    scimUrl: value('SCIM_URL'),
    scimToken: value('SCIM_TOKEN'),
    adminUrl: value('ADMIN_URL'),
    adminToken: value('ADMIN_TOKEN'),
  };
}
