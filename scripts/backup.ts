/** `npm run backup -- FILE`: writes all of the database to a new file, also while the bridge runs. */

import { backUp } from '../src/boot/backup.ts';
import { systemClock } from '../src/support/clock.ts';
import { runCommand, UsageError } from './command.ts';

await runCommand('Usage: npm run backup -- FILE', async (words, config) => {
  const [file, ...more] = words;
  if (file === undefined || file.startsWith('-') || more.length > 0) throw new UsageError();
  return backUp(config, file, systemClock);
});
