/** A bridge in a process of its own, measured from outside: over HTTP, and by its memory. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../test/bridge.ts';
import type { Alone, Peak } from './alone.ts';

/** The limits of `npm start` and the image for short-lived memory. */
export const AS_NPM_START_DOES = ['--max-semi-space-size=8', '--heap-growing-percent=50'];
const WITHIN_MS = 60 * 60_000;
const POLL_MS = 250;

export type BridgeAlone = Alone &
  ReturnType<typeof clientOf> & {
    /** The highest memory use so far, in MiB. */
    peakMb(): Promise<number>;
    stop(): Promise<void>;
  };

export async function startAlone(databaseUrl: string): Promise<BridgeAlone> {
  const child = fork(join(import.meta.dirname, 'alone.ts'), [databaseUrl], { execArgv: AS_NPM_START_DOES });
  const [alone] = (await once(child, 'message')) as [Alone];
  return {
    ...alone,
    ...clientOf(alone),
    async peakMb() {
      child.send('peak');
      const [peak] = (await once(child, 'message')) as [Peak];
      return peak.rssBytes / 1024 / 1024;
    },
    async stop() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

export function until(holds: () => Promise<boolean>, everyMs = POLL_MS): Promise<unknown> {
  return eventually(async () => {
    if (await holds()) return true;
    await pause(everyMs);
    return undefined;
  }, WITHIN_MS);
}

function clientOf({ url, adminToken, scimToken }: Alone) {
  const ask = async (token: string, method: string, path: string, body: unknown, type: string) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  return {
    admin: (method: string, path: string, body?: unknown) =>
      ask(adminToken, method, `/v1/environments/default${path}`, body, 'application/json'),
    scim: (method: string, path: string, body: unknown) =>
      ask(scimToken, method, `/scim/v2${path}`, body, 'application/scim+json'),
  };
}
