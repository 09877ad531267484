/** A way to a server on loopback that can be closed, as when the server goes away, and opened again. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../postgres.ts';

export interface Way {
  readonly port: number;
  open(): Promise<void>;
  /** Whether a connection comes to the server on this way, by the port that the server sees. */
  carries(clientPort: number): boolean;
  /** Cuts what is open, and refuses what comes. */
  close(): Promise<void>;
}

export async function startWay(targetPort: number): Promise<Way> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let server: Server;
  const way: Way = {
    port,
    carries: (clientPort) => [...sockets].some(({ localPort }) => localPort === clientPort),
    open: () =>
      new Promise((resolve, reject) => {
        server = createServer((client) => {
          const target = connect(targetPort, '127.0.0.1');
          for (const [one, other] of [
            [client, target],
            [target, client],
          ] as const) {
            sockets.add(one);
            one.pipe(other);
            one.on('error', () => other.destroy());
            one.on('close', () => {
              sockets.delete(one);
              other.destroy();
            });
          }
        });
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  await way.open();
  return way;
}
