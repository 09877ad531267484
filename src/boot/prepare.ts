/**
 * Runs before the first request: opens and migrates the database, checks the encryption key, and at the first start
 * makes and shows what a newcomer needs. Every failure is an Error with one sentence for a person.
 */

import type { Knex } from 'knex';
import { logEndedTokens } from '../auth/warnings.ts';
import type { Config } from '../config.ts';
import { endedAdminTokens } from '../db/access/expiry.ts';
import { writeFact } from '../db/facts.ts';
import { listConnections } from '../db/identity/connections.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../db/identity/environments.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { pauseAfterRestore } from './afterRestore.ts';
import { type Bootstrapped, bootstrap } from './bootstrap.ts';
import { type OpenedDatabase, openOwnDatabase } from './database.ts';
import { firstStartText, scimTokenCommand } from './firstStart.ts';
import { firstStartFileOf, holdsTokens, writeFirstStart } from './ownFiles.ts';
import { firstSignInLink } from './signInLink.ts';

export interface PrepareDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Writes to the terminal; null where there is none. */
  readonly terminal: ((text: string) => void) | null;
}

export async function prepare(deps: PrepareDeps): Promise<OpenedDatabase> {
  const opened = await openOwnDatabase(deps.config, deps.log);
  await pauseAfterRestore(opened.db, deps.clock, deps.log);
  // A worker answers no requests, so nobody would look for the first tokens beside it.
  if (deps.config.role !== 'worker') {
    await writeFact(opened.db, 'publicUrl', deps.config.publicUrl);
    const isFirst = await greet(opened.db, deps);
    await warn(opened.db, deps, isFirst);
  }
  return opened;
}

/** Logs what an admin should mend soon; `/readyz` reports the same as codes. */
async function warn(db: Knex, { config, clock, log }: PrepareDeps, isFirst: boolean): Promise<void> {
  for (const name of config.guessable) {
    log.warn(`${name} can be guessed: replace it by what openssl rand -base64 32 prints`);
  }
  logEndedTokens(log, await endedAdminTokens(db, isoTime(clock.now())));
  const path = firstStartFileOf(config.dataDirectory);
  if (!isFirst && holdsTokens(path)) {
    log.warn(
      `${path} still holds the first tokens: keep them elsewhere, then empty it with npm run tokens -- taken`,
    );
  }
}

/**
 * Shows the first tokens inside the transaction that makes them. After a crash in between, the tokens that were shown
 * are not valid, and the next start makes and shows new ones. The other order could leave valid tokens that nobody
 * ever saw, and lock everyone out.
 */
async function greet(db: Knex, deps: PrepareDeps): Promise<boolean> {
  return db.transaction(async (tx) => {
    const made = await bootstrap(tx, deps.clock, { adminTokenGiven: deps.config.adminToken !== null });
    if (made.created) await show(tx, deps, made);
    return made.created;
  });
}

async function show(
  tx: Db,
  { config, clock, terminal, log }: PrepareDeps,
  { scimToken, adminToken }: Bootstrapped,
): Promise<void> {
  // The admin must learn where the tokens are, at any LOG_LEVEL.
  const notice = log.child({}, { level: 'info' });
  const environmentId = DEFAULT_ENVIRONMENT_ID;
  if (scimToken === undefined || adminToken === undefined) {
    const [connection] = await listConnections(tx, environmentId, 1, null);
    if (!connection) throw new Error('The first start made no connection.');
    const command = scimTokenCommand(config.publicUrl, environmentId, connection.id);
    const words = `First start with ADMIN_TOKEN set. Make a SCIM token for your IdP with: ${command}`;
    if (terminal) terminal(`${words}\n`);
    else notice.info(words);
    return;
  }
  const tokens = { scim: scimToken, admin: adminToken };
  const link = await firstSignInLink(tx, config, clock.now());
  const start = { publicUrl: config.publicUrl, environmentId, tokens, signInLink: link };
  if (terminal) return terminal(firstStartText(start, ''));
  const path = writeFirstStart(config.dataDirectory, firstStartText(start, '# '));
  notice.info(
    `First start: the SCIM and admin URLs, their tokens and three commands to try are in ${path}. When you keep the tokens elsewhere, empty it with: npm run tokens -- taken`,
  );
}
