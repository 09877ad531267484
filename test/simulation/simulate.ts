/** Runs `npm run simulate` as its user does, in a process of its own. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = join(__dirname, '../../simulation/main.ts');

/** Generous: the machine may be busy with other tests. */
export const WITHIN_MS = 1_500_000;

/** What was printed; a history that failed rejects with its seed and what is left of it. */
export async function simulate(...options: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, ...options]).catch((error: { stdout?: string }) => {
    throw new Error(error.stdout || String(error));
  });
  return stdout;
}
