/** A PostgreSQL server in a process of its own, for `test/e2e/frozen.ts`: prints its URL, ends with its input. */

import { startServer } from './postgres.ts';

const server = await startServer();
process.stdout.write(`${server.url}\n`);
process.stdin.resume().once('end', () => void server.stop());
