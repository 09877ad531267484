/**
 * Real processes under identity providers that do not wait, killed at moments that a seed chooses, and
 * started again on the same database and port. What was answered must be so from then on; what was not is
 * asked for again, as identity providers do.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../bridge.ts';
import { type BridgeProcess, crashInStart, startBridge } from '../e2e/process.ts';
import { freePort } from '../postgres.ts';
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
  readonly environment: (replica: number) => Readonly<Record<string, string>>;
  /** Processes on the one database. */
  readonly replicas?: number;
}

export interface Replica {
  process: BridgeProcess;
  /** What routes requests leaves it out. */
  drained: boolean;
  restart(): Promise<void>;
  crashInStart(afterMs: number): Promise<void>;
}

/** Replicas of which some are always started again; requests wait for one that answers. */
export interface Undying {
  readonly replicas: readonly Replica[];
  ask(token: string, method: string, path: string, body?: unknown): Promise<Reply>;
  /** Answers that were no 2xx–4xx, lost ones included. */
  readonly refused: () => number;
  stop(): Promise<void>;
}

const ASK_FOR_MS = 180_000;
const ASK_AGAIN_MS = 50;

export async function startUndying({ directory, environment, replicas = 1 }: Killing): Promise<Undying> {
  const all: Replica[] = [];
  for (let n = 0; n < replicas; n++) all.push(await startReplica(directory, environment(n)));
  let asked = 0;
  let refused = 0;

  /** Null where no answer came, whatever became of the request. */
  const once = async (
    { process }: Replica,
    token: string,
    method: string,
    path: string,
    body: unknown,
  ): Promise<Reply | null> => {
    try {
      const response = await fetch(process.url + path, {
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
    replicas: all,
    refused: () => refused,
    async ask(token, method, path, body) {
      const deadline = Date.now() + ASK_FOR_MS;
      let reply: Reply | null = null;
      while (Date.now() < deadline) {
        const usable = all.filter(({ drained }) => !drained);
        reply = await once(usable[asked++ % usable.length] as Replica, token, method, path, body);
        if (reply && reply.status < 500 && reply.status !== 429) return reply;
        refused += 1;
        await pause(ASK_AGAIN_MS);
      }
      throw new Error(`no answer to ${method} ${path}: ${JSON.stringify(reply?.body)}`);
    },
    async stop() {
      const exits = await Promise.all(all.map(({ process }) => process.stop('SIGTERM')));
      expect(exits).toEqual(all.map(() => ({ code: 0, signal: null })));
    },
  };
}

async function startReplica(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<Replica> {
  const options = { directory, environment: { ...environment, PORT: String(await freePort()) } };
  const replica: Replica = {
    process: await startBridge(options),
    drained: false,
    async restart() {
      replica.process = await startBridge(options);
    },
    crashInStart: (afterMs) => crashInStart(options, afterMs),
  };
  return replica;
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

const WRITE_GAP_MAX_MS = 300;
const PEOPLE_OF_CLIENT_MAX = 9;
export const SHARED_GROUPS = ['cooks', 'waiters', 'drivers'];

/**
 * One of several clients, with people and a group of its own and memberships in the shared ones. Writes,
 * and reads back what it wrote, until it is told to stop: whom and what, `random` decides.
 */
export async function work(
  company: Company,
  client: number,
  random: () => number,
  isOver: () => boolean,
): Promise<number> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const people: string[] = [];
  const members = new Set<string>();
  const team = `team${client}`;
  await company.addGroup(team);
  const forget = (name: string) => {
    for (const group of SHARED_GROUPS) members.delete(`${group} ${name}`);
  };
  const present = () => people.filter((name) => company.stateOf(name) !== 'deleted');

  let writes = 1;
  for (; !isOver(); writes++) {
    const dice = random();
    if (people.length < 3 || (dice < 0.15 && people.length < PEOPLE_OF_CLIENT_MAX)) {
      const name = `c${client}p${people.length}`;
      await company.hire(name);
      people.push(name);
      continue;
    }
    const name = pick(people);
    if (company.stateOf(name) === 'deleted') await company.hire(name, `Back ${writes}`);
    else if (dice < 0.4) await company.retitle(name, `Title ${writes}`);
    else if (dice < 0.55) await company.setActive(name, company.stateOf(name) === 'inactive');
    else if (dice < 0.6) {
      await company.dismiss(name);
      forget(name);
    } else if (dice < 0.7)
      await company.push(
        team,
        present().filter(() => random() < 0.5),
      );
    else {
      const group = pick(SHARED_GROUPS);
      const key = `${group} ${name}`;
      if (members.delete(key)) await company.part(name, group);
      else {
        await company.join(name, group);
        members.add(key);
      }
    }
    if (random() < 0.3) await company.checkPerson(pick(people));
    await pause(random() * WRITE_GAP_MAX_MS);
  }
  return writes;
}
