/**
 * A worker thread with many connections, each of which repeats one request as soon as it is answered. It uses plain
 * sockets, so that the flood costs its own side little.
 */

import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

export interface Flood {
  readonly port: number;
  readonly connections: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How many answers came, by their status. */
export type Flooded = Readonly<Record<string, number>>;

const { port, connections, path, headers } = workerData as Flood;
const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(
  ([name, value]) => `${name}: ${value}\r\n`,
);
const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
const answered: Record<string, number> = {};
let over = false;

function open() {
  const socket = connect(port, '127.0.0.1', () => socket.write(request));
  let left = 0;
  socket.on('data', (data) => {
    let at = 0;
    while (at < data.length) {
      if (left > 0) {
        const taken = Math.min(left, data.length - at);
        left -= taken;
        at += taken;
      } else {
        const end = data.indexOf('\r\n\r\n', at);
        if (end < 0) return;
        const head = data.toString('latin1', at, end);
        const status = head.slice(9, 12);
        answered[status] = (answered[status] ?? 0) + 1;
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        at = end + 4;
      }
      if (left === 0 && !over) socket.write(request);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (!over) open();
  });
  return socket;
}

const sockets = Array.from({ length: connections }, open);
parentPort?.on('message', () => {
  over = true;
  for (const socket of sockets) socket.destroy();
  parentPort?.postMessage(answered satisfies Flooded);
  parentPort?.close();
});
