/**
 * `npm run restore -- FILE [--yes]`: puts a backup in the place of what the database holds, while no bridge runs. On a
 * terminal it asks first; what was there is kept in a file either way.
 */

import { createInterface } from 'node:readline/promises';
import { restore } from '../src/boot/restore.ts';
import { systemClock } from '../src/support/clock.ts';
import { runCommand, UsageError } from './command.ts';

await runCommand('Usage: npm run restore -- FILE [--yes]', async (words, config) => {
  const files = words.filter((word) => word !== '--yes');
  const [file, ...more] = files;
  if (file === undefined || file.startsWith('-') || more.length > 0) throw new UsageError();
  const confirm = words.includes('--yes') || !process.stdin.isTTY ? async () => true : ask;
  return restore({ config, clock: systemClock, confirm }, file);
});

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
