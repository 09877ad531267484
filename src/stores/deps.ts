/** What the use cases of propagation are built from; `compose.ts` makes it once. */

import type { Knex } from 'knex';
import type { Registry } from '../connectors/registry.ts';
import type { Wake } from '../db/queue/wake.ts';
import type { Sources } from '../sources/registry.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Keyring } from '../support/secret.ts';
import type { Connectors } from './connectorCache.ts';
import type { DeletionClock } from './deletionClock.ts';
import type { Inquiries } from './inquiries.ts';

export interface PropagationDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** The types of directories that can be pulled. */
  readonly sources: Sources;
  readonly keyring: Keyring;
  readonly connectors: Connectors;
  /** Tells the workers that work was committed. */
  readonly wake: Wake;
  /** Until which time deletions that wait for days count as due. */
  readonly deletions: DeletionClock;
  /** Asks a worker what only a vendor knows. */
  readonly inquiries: Inquiries;
}
