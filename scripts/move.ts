/** `npm run move -- --from URL --to URL`: puts all of one database into another, while no bridge runs. */

import { parseArgs } from 'node:util';
import { move } from '../src/boot/move.ts';
import { systemClock } from '../src/support/clock.ts';
import { runCommand, UsageError } from './command.ts';

await runCommand('Usage: npm run move -- --from sqlite:PATH --to postgres://…', (words, { dataDirectory }) =>
  move({ ...read(words), dataDirectory, clock: systemClock }),
);

function read(words: readonly string[]): { readonly from: string; readonly to: string } {
  const options = { from: { type: 'string' }, to: { type: 'string' } } as const;
  try {
    const { from, to } = parseArgs({ args: [...words], options }).values;
    if (from && to) return { from, to };
  } catch {
    // The usage says it better than parseArgs.
  }
  throw new UsageError();
}
