/** A worker thread that keeps reading, or changing, one user and reports how long each request took. */

import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

export interface Watched {
  readonly url: string;
  readonly token: string;
  /** Bodies of PATCH requests, sent in turn; without any, the thread reads. */
  readonly patches?: readonly string[];
  /** The pause between two requests; 2 where absent. */
  readonly pauseMs?: number;
}

/** Requests that ended since the last message. */
export interface Waits {
  /** The times of requests that were answered 200, in milliseconds. */
  readonly times: readonly number[];
  /** How many got another answer. */
  readonly refused: number;
}

const { url, token, patches = [], pauseMs = 2 } = workerData as Watched;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Answers the status. */
function ask(n: number): Promise<number> {
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
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.end(body);
  });
}

let times: number[] = [];
let refused = 0;
let over = false;
parentPort?.on('message', (word) => {
  if (word === 'end') over = true;
  else {
    parentPort?.postMessage({ times, refused } satisfies Waits);
    times = [];
    refused = 0;
  }
});
for (let n = 0; !over; n++) {
  const started = performance.now();
  const status = await ask(n);
  if (status === 200) times.push(performance.now() - started);
  else refused += 1;
  await new Promise((done) => setTimeout(done, pauseMs));
}
agent.destroy();
parentPort?.close();
