/** A worker thread that reads, or changes, one user again and again, and says how long each request took. */

import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

export interface Watched {
  readonly url: string;
  readonly token: string;
  /** Bodies of a PATCH, sent by turns; without one it reads. */
  readonly patches?: readonly string[];
  /** Between two requests; 2 where absent. */
  readonly pauseMs?: number;
}

/** Of the requests that began since the last message. */
export interface Waits {
  readonly times: readonly number[];
}

const { url, token, patches = [], pauseMs = 2 } = workerData as Watched;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask(n: number): Promise<void> {
  const body = patches[n % patches.length];
  const type = { 'content-type': 'application/scim+json' };
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent,
      method: body === undefined ? 'GET' : 'PATCH',
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : type) },
    });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      );
    });
    asked.end(body);
  });
}

let times: number[] = [];
let over = false;
parentPort?.on('message', (word) => {
  if (word === 'end') over = true;
  else {
    parentPort?.postMessage({ times } satisfies Waits);
    times = [];
  }
});
for (let n = 0; !over; n++) {
  const started = performance.now();
  await ask(n);
  times.push(performance.now() - started);
  await new Promise((done) => setTimeout(done, pauseMs));
}
agent.destroy();
parentPort?.close();
