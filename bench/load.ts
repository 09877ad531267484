/** A worker thread that posts users as fast as a number of connections allow, and says how long it took. */

import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { person } from '../test/bridge.ts';

export interface Load {
  readonly url: string;
  readonly token: string;
  readonly count: number;
  readonly concurrency: number;
  readonly prefix: string;
}

const { url, token, count, concurrency, prefix } = workerData as Load;
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

function post(n: number): Promise<void> {
  const body = JSON.stringify(person(`${prefix}${n}`));
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/scim+json',
        'content-length': Buffer.byteLength(body),
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 201 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      );
    });
    outgoing.end(body);
  });
}

const started = performance.now();
let next = 0;
const connection = async () => {
  while (next < count) {
    next += 1;
    await post(next);
  }
};
await Promise.all(Array.from({ length: concurrency }, connection));
agent.destroy();
parentPort?.postMessage(performance.now() - started);
