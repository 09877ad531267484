/** What the admin API needs to work. */

import type { Knex } from 'knex';
import type { AdminAuthDeps } from '../auth/admin.ts';
import type { AlertDeps } from '../control/alerts/alerts.ts';
import type { Scans } from '../directory/query/scans.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { EventStreams } from './answer/eventStreams.ts';

export interface ApiDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
  /** Where clients reach the bridge, without a slash at the end. Never taken from a request. */
  readonly publicUrl: string;
  /** `ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: string | null;
  /** Finds tokens, and limits how often an address may call without a known one. */
  readonly access: Pick<AdminAuthDeps, 'tokens' | 'addressLimit'>;
  /** Shared with the SCIM endpoint. */
  readonly scans: Scans;
  readonly propagation: PropagationDeps;
  readonly eventStreams: EventStreams;
  /** Writes to the database what the process noted in memory about requests of identity providers. */
  writeDownActivity(): Promise<void>;
  readonly alerts: AlertDeps;
}
