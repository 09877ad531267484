/** What a run over a pulled directory needs to work. */

import type { Knex } from 'knex';
import type { IdentifierHash } from '../db/access/identifierKey.ts';
import type { Wake } from '../db/queue/wake.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { SourceCache } from './sourceCache.ts';

export interface PullDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly wake: Wake;
  readonly identifierHash: IdentifierHash;
  readonly cache: SourceCache;
}
