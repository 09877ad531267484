/**
 * The real process under an identity provider that does not wait, killed at moments that a seed chooses,
 * and started again on the same database and port. What was answered must be so in the end; what was not
 * is asked for again, as identity providers do.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../bridge.ts';
import { type BridgeProcess, startBridge } from '../e2e/process.ts';
import type { Company, Scim } from './company.ts';

/** Random numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Killing {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
}

/** A process that is started again whenever it was killed; requests wait for it. */
export interface Undying {
  readonly url: string;
  ask(token: string, method: string, path: string, body?: unknown): Promise<Reply>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const ASK_TRIES_MAX = 400;
const ASK_AGAIN_MS = 50;
const WRITE_GAP_MAX_MS = 120;

export async function startUndying({ directory, environment, port }: Killing): Promise<Undying> {
  const start = () => startBridge({ directory, environment: { ...environment, PORT: String(port) } });
  let current: BridgeProcess = await start();
  const url = current.url;

  /** Null where no answer came, whatever became of the request. */
  const once = async (token: string, method: string, path: string, body: unknown): Promise<Reply | null> => {
    try {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? null : JSON.parse(text),
      };
    } catch {
      return null;
    }
  };
  return {
    url,
    async ask(token, method, path, body) {
      for (let tries = 0; tries < ASK_TRIES_MAX; tries++) {
        const reply = await once(token, method, path, body);
        if (reply && reply.status < 500) return reply;
        await pause(ASK_AGAIN_MS);
      }
      throw new Error(`no answer to ${method} ${path}`);
    },
    async kill() {
      await current.stop('SIGKILL');
    },
    async restart() {
      current = await start();
    },
    async stop() {
      await current.stop('SIGTERM');
    },
  };
}

/** As an identity provider asks again: a creation that is there already was ours, and a deletion too. */
export function persistent(process: Undying, token: string): Scim {
  const ask = (method: string, path: string, body?: unknown) =>
    process.ask(token, method, `/scim/v2${path}`, body);
  return async (method, path, body) => {
    const reply = await ask(method, path, body);
    const name = (body as { userName?: string; displayName?: string } | undefined) ?? {};
    if (method === 'POST' && reply.status === 409) {
      const filter = name.userName
        ? `userName eq "${name.userName}"`
        : `displayName eq "${name.displayName}"`;
      const found = await ask('GET', `${path}?filter=${encodeURIComponent(filter)}`);
      return { ...found, body: found.body.Resources[0] };
    }
    if (method === 'DELETE' && reply.status === 404) return { ...reply, status: 204 };
    return reply;
  };
}

/** Writes until it is told to stop: whom and what, `random` decides. */
export async function work(company: Company, random: () => number, isOver: () => boolean): Promise<number> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const away = new Set<string>();
  const members = new Set<string>();
  const groups = ['cooks', 'waiters', 'drivers'];
  for (const group of groups) await company.addGroup(group);
  let writes = 0;
  for (; !isOver(); writes++) {
    const dice = random();
    if (company.names.length < 6 || dice < 0.2) {
      await company.hire(`person${company.names.length}`);
      continue;
    }
    const name = pick(company.names);
    if (dice < 0.4) await company.retitle(name, `Title ${writes}`);
    else if (dice < 0.55) {
      await company.setActive(name, away.has(name));
      if (!away.delete(name)) away.add(name);
    } else {
      const group = pick(groups);
      const key = `${group} ${name}`;
      if (members.delete(key)) await company.part(name, group);
      else {
        await company.join(name, group);
        members.add(key);
      }
    }
    await pause(random() * WRITE_GAP_MAX_MS);
  }
  return writes;
}
