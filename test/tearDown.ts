/** jest's globalTeardown: ends what `setup.ts` started, and removes what it made. */

import { rmSync } from 'node:fs';
import { stopPostgres } from './postgres.ts';

export default async function tearDown(): Promise<void> {
  await stopPostgres();
  const directory = process.env.TEST_TEMPLATE_DIRECTORY;
  if (directory) rmSync(directory, { recursive: true, force: true });
}
