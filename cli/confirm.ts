/** Asks before something is taken from people. Never waits where nobody can answer. */

import { createInterface } from 'node:readline/promises';
import { EXIT, Exit, misused } from './exit.ts';

/** Returns where the person said yes, by `--yes` or at the terminal; else it ends the command. */
export async function confirm(question: string, saidYes: boolean | undefined): Promise<void> {
  if (saidYes) return;
  if (!process.stdin.isTTY) throw misused(`${question} Say --yes where nobody can be asked.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Exit(EXIT.refused, 'Nothing was done.');
  } finally {
    terminal.close();
  }
}
