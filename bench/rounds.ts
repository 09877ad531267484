/** Sides that answer the same requests take turns, so that a busy machine affects all of them equally. */

import { Agent, request } from 'node:http';
import { median, timed } from './figures.ts';

const REQUESTS = 100;
/** A process that has just started compiles what it runs often. */
const WARM_REQUESTS = 1_000;

/** A process that answers SCIM requests. */
export interface Side {
  /** The URL of the endpoint, with which paths begin. */
  readonly url: string;
  readonly token: string;
  /** Processor time of all its threads since it started. */
  cpuMs(): number;
}

export interface Measured {
  readonly perSecond: number;
  /** Processor time of the process for each request. */
  readonly cpuMs: number;
}

/** One request; `n` differs each time. */
export type Ask<S extends Side = Side> = (send: Send, side: S, n: string) => Promise<void>;
export type Send = (side: Side, method: string, path: string, body?: object) => Promise<void>;

/** For each side, the medians over this many rounds, after a longer one to warm up, and the figures of each round. */
export async function inTurns<S extends Side>(
  sides: readonly S[],
  { what, ask, rounds, atOnce }: { what: string; ask: Ask<S>; rounds: number; atOnce: number },
): Promise<readonly (Measured & { readonly each: readonly Measured[] })[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const measured = sides.map((): Measured[] => []);
  for (const side of sides) await round(side, `${what} warm`, WARM_REQUESTS);
  for (let n = 0; n < rounds; n += 1)
    for (const [at, side] of sides.entries()) measured[at]?.push(await round(side, `${what} ${n}`));
  agent.destroy();
  return measured.map((each) => ({
    each,
    perSecond: median(each.map(({ perSecond }) => perSecond)),
    cpuMs: median(each.map(({ cpuMs }) => cpuMs)),
  }));

  async function round(side: S, name: string, requests = REQUESTS): Promise<Measured> {
    const cpuBefore = side.cpuMs();
    let next = 0;
    const connection = async () => {
      while (next < requests) {
        next += 1;
        await ask(sendBy(agent), side, `${name} ${next}`.replaceAll(/\W/g, '-'));
      }
    };
    const tookMs = await timed(() => Promise.all(Array.from({ length: atOnce }, connection)));
    return { perSecond: (requests * 1_000) / tookMs, cpuMs: (side.cpuMs() - cpuBefore) / requests };
  }
}

function sendBy(agent: Agent): Send {
  return ({ url, token }, method, path, body) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/scim+json', 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(url + path, { agent, method, headers }, (answer) => {
        answer.resume();
        const isFine = answer.statusCode === 200 || answer.statusCode === 201;
        answer.on('end', () => (isFine ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))));
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  };
}
