/** How a command of an operator runs: one verb, one sentence on stderr where it does not work, and an exit code. */

import { type Config, readConfig } from '../src/config.ts';
import { scrub } from '../src/support/log.ts';

const REFUSED = 1;
const USAGE = 2;

/** Thrown where the words of the command are not understood. */
export class UsageError extends Error {}

/** `work` resolves with what to tell on stdout; an Error that it throws is told on stderr. */
export async function runCommand(
  usage: string,
  work: (words: readonly string[], config: Config) => Promise<string>,
): Promise<void> {
  const { config, mistakes } = readConfig(process.env);
  if (config === null) return fail(mistakes, REFUSED);
  try {
    process.stdout.write(`${await work(process.argv.slice(2), config)}\n`);
  } catch (error) {
    if (error instanceof UsageError) return fail([usage], USAGE);
    fail([scrub(error instanceof Error ? error.message : String(error))], REFUSED);
  }
}

function fail(sentences: readonly string[], code: number): void {
  for (const sentence of sentences) process.stderr.write(`${sentence}\n`);
  process.exitCode = code;
}
