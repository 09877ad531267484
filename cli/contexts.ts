/**
 * Contexts: which bridges a person works with, in a file that only its owner reads. `SCIM_BRIDGE_URL` and
 * `SCIM_BRIDGE_TOKEN` go before it.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { misused } from './exit.ts';

export interface Context {
  readonly url: string;
  readonly token: string;
  readonly environment?: string;
}

interface Contexts {
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function contextsFile(env: Environment): string {
  const folder = env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return join(folder, 'scim-bridge', 'contexts.json');
}

export function readContexts(env: Environment): Contexts {
  const file = contextsFile(env);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Contexts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, contexts: {} };
    throw misused(`${file} cannot be read: ${(error as Error).message}`);
  }
}

export function saveContexts(env: Environment, contexts: Contexts): void {
  const file = contextsFile(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Renamed into its place, so that a second command never reads half of it.
  const written = `${file}.${process.pid}`;
  writeFileSync(written, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  renameSync(written, file);
}

/** The context that a command works in. `name`: of `--context`. */
export function chosenContext(env: Environment, name: string | undefined): Context {
  const chosen = contextOf(env, name);
  if (!isAddress(chosen.url))
    throw misused(`${chosen.url} is no address of a bridge; one looks like https://scim.acme.example`);
  return chosen;
}

export function isAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function contextOf(env: Environment, name: string | undefined): Context {
  const { SCIM_BRIDGE_URL: url, SCIM_BRIDGE_TOKEN: token } = env;
  if (name === undefined && url && token) return { url, token };
  const { current, contexts } = readContexts(env);
  const wanted = name ?? current;
  if (wanted === null)
    throw misused(
      'Which bridge? Set SCIM_BRIDGE_URL and SCIM_BRIDGE_TOKEN, or save them once: scim-bridge context add NAME URL',
    );
  const context = contexts[wanted];
  if (!context)
    throw misused(`There is no context ${wanted}; scim-bridge context list shows those there are.`);
  return name === undefined && url ? { ...context, url } : context;
}
