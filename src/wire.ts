/** The composition root: constructor calls and nothing else. The only file that sees every room. */

import type { Express } from 'express';
import type { Knex } from 'knex';
import { createAdminRouter } from './admin/router.ts';
import { createApp } from './app.ts';
import { createScimAuthenticator } from './auth/scim.ts';
import type { Config } from './config.ts';
import { readBacklog } from './db/backlog.ts';
import { pendingMigrations } from './db/migrations.ts';
import { createWake } from './propagation/wake.ts';
import { createScimRouter } from './scim/router.ts';
import type { Clock } from './support/clock.ts';
import type { Log } from './support/log.ts';
import { createMetrics } from './support/metrics.ts';
import type { Keyring } from './support/secret.ts';

export interface WireDeps {
  readonly config: Config;
  readonly db: Knex;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Bridge {
  readonly app: Express;
  readonly worker: { start(): void; stop(): Promise<void> };
}

export function wire({ config, db, clock, log }: WireDeps): Bridge {
  const metrics = createMetrics();
  const { publicUrl, adminToken } = config;
  const wake = createWake();
  const authenticate = createScimAuthenticator({ db, clock, log });
  const scim = createScimRouter({ db, clock, log, wake, publicUrl, authenticate });
  const admin = createAdminRouter({ db, clock, log, publicUrl, adminToken });
  const app = createApp({
    log,
    metrics,
    scim,
    admin,
    pendingMigrations: () => pendingMigrations(db),
    backlog: () => readBacklog(db),
    monotonicMs: () => performance.now(),
  });
  return { app, worker: { start() {}, stop: async () => {} } };
}
