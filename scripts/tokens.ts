/** `npm run tokens -- taken`: empties the file in which the first start left its tokens, once somebody keeps them. */

import { emptyFirstStart } from '../src/boot/ownFiles.ts';
import { runCommand, UsageError } from './command.ts';

await runCommand('Usage: npm run tokens -- taken', async (words, { dataDirectory }) => {
  if (words.length !== 1 || words[0] !== 'taken') throw new UsageError();
  return `${emptyFirstStart(dataDirectory)} is empty. The tokens stay valid.`;
});
