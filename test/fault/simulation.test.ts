/**
 * Whole histories in simulated time, as `npm run simulate` plays them; docs/simulation.md says how. Two
 * processes, since histories of one process wait for each other.
 */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const HISTORIES_EACH = 250;
/** Generous: the machine may be busy with other tests. */
const WITHIN_MS = 300_000;

const run = promisify(execFile);
const MAIN = join(__dirname, '../../simulation/main.ts');

/** What was printed; a history that failed rejects with its seed and what is left of it. */
async function simulate(...options: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, ...options]).catch((error: { stdout?: string }) => {
    throw new Error(error.stdout || String(error));
  });
  return stdout;
}

it(
  'plays 500 histories to what the tables say',
  async () => {
    const halves = [0, HISTORIES_EACH].map((from) =>
      simulate('--seed', '1', '--from', String(from), '--histories', String(HISTORIES_EACH)),
    );
    for (const printed of await Promise.all(halves)) {
      expect(printed).toMatch(new RegExp(`^${HISTORIES_EACH} histories, 0 failed, [1-9]`));
    }
  },
  WITHIN_MS,
);

it('plays a history the same way twice', async () => {
  const trace = () => simulate('--seed', '1', '--history', '17', '--trace');
  const withoutSeconds = (printed: string) => printed.replace(/, [\d.]+ s\n$/, '');
  expect(withoutSeconds(await trace())).toBe(withoutSeconds(await trace()));
});
