/** A worker thread that reads one user again and again, and says how long each read took. */

import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

export interface Watched {
  readonly url: string;
  readonly token: string;
}

/** Of the reads that began since the last message. */
export interface Waits {
  readonly times: readonly number[];
}

const { url, token } = workerData as Watched;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const PAUSE_MS = 2;

function read(): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers: { authorization: `Bearer ${token}` } });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      );
    });
    asked.end();
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
while (!over) {
  const started = performance.now();
  await read();
  times.push(performance.now() - started);
  await new Promise((done) => setTimeout(done, PAUSE_MS));
}
agent.destroy();
parentPort?.close();
