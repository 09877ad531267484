/**
 * `npm run tokens -- link` makes a link that signs somebody in with a browser; `npm run tokens -- taken` empties the file
 * in which the first start left its tokens, once somebody keeps them.
 */

import { emptyFirstStart } from '../src/boot/ownFiles.ts';
import { makeSignInLink } from '../src/boot/signInLink.ts';
import { systemClock } from '../src/support/clock.ts';
import { runCommand, UsageError } from './command.ts';

await runCommand(
  'Usage: npm run tokens -- link [NAME], or npm run tokens -- taken',
  async (words, config) => {
    const [verb, name, ...more] = words;
    if (more.length > 0) throw new UsageError();
    if (verb === 'link') return makeSignInLink(config, name, systemClock);
    if (verb !== 'taken' || name !== undefined) throw new UsageError();
    return `${emptyFirstStart(config.dataDirectory)} is empty. The tokens stay valid.`;
  },
);
