/**
 * Runs before the first request: it opens the database and brings it up to date, checks the encryption key against
 * it, and lets the first start make and show what a newcomer needs. Whatever goes wrong is an Error with one
 * sentence for a person.
 */

import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import { checkCanary } from '../db/access/canary.ts';
import { listConnections } from '../db/identity/connections.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../db/identity/environments.ts';
import { migrate } from '../db/migrations.ts';
import { openDatabase } from '../db/open.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Keyring } from '../support/secret.ts';
import { bootstrap } from './bootstrap.ts';
import { firstStartText, scimTokenCommand } from './firstStart.ts';
import { openKeyFile, writeFirstStart } from './ownFiles.ts';

export interface PrepareDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Writes to the terminal; null where there is none. */
  readonly terminal: ((text: string) => void) | null;
}

export interface Prepared {
  readonly db: Knex;
  readonly keyring: Keyring;
}

export async function prepare(deps: PrepareDeps): Promise<Prepared> {
  const { config, log } = deps;
  const keyring = config.keyring ?? openOwnKey(config);
  const db = await openMigrated(config, log);
  await checkCanary(db, keyring);
  // Nobody would look for the first tokens beside a worker, which answers no requests.
  if (config.role !== 'worker') await greet(db, deps);
  return { db, keyring };
}

function openOwnKey(config: Config): Keyring {
  try {
    return openKeyFile(config.dataDirectory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(
      `The directory ${config.dataDirectory} cannot be used (${whatFailed(error)}): make it writable for this user, or correct DATABASE_URL`,
      { cause: error },
    );
  }
}

async function openMigrated({ database }: Config, log: Log): Promise<Knex> {
  try {
    const dbLog = log.child({ room: 'db' });
    const patient = openDatabase(database, dbLog, 'long');
    await migrate(patient).finally(() => patient.destroy());
    return openDatabase(database, dbLog);
  } catch (error) {
    const what = whatFailed(error);
    if (database.dialect === 'sqlite') {
      throw new Error(
        `The database file ${database.target} cannot be used (${what}): check that it is a SQLite file that this user may write, or correct DATABASE_URL`,
        { cause: error },
      );
    }
    // The sentence says where the database is, but not its URL, which holds the password.
    const { host, pathname } = new URL(database.target);
    throw new Error(
      `The PostgreSQL database ${pathname.slice(1)} at ${host} cannot be used (${what}): check that it is up and that DATABASE_URL is right`,
      { cause: error },
    );
  }
}

/** One line. Where several addresses failed, the error has a code and no message. */
function whatFailed(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const words = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  return words.split('\n', 1)[0] as string;
}

/**
 * Shows the first tokens inside the transaction that makes them. After a crash in between, the tokens that were
 * shown are not valid, and the next start makes and shows others. The other order could leave valid tokens that
 * nobody ever saw, and lock everyone out.
 */
async function greet(db: Knex, deps: PrepareDeps): Promise<void> {
  const { config, clock, terminal } = deps;
  // A person must learn where the tokens are, whatever LOG_LEVEL says.
  const notice = deps.log.child({}, { level: 'info' });
  const environmentId = DEFAULT_ENVIRONMENT_ID;
  await db.transaction(async (tx) => {
    const made = await bootstrap(tx, clock, { adminTokenGiven: config.adminToken !== null });
    if (!made.created) return;
    if (made.scimToken === undefined || made.adminToken === undefined) {
      const [connection] = await listConnections(tx, environmentId, 1, null);
      if (!connection) throw new Error('The first start made no connection.');
      const command = scimTokenCommand(config.publicUrl, environmentId, connection.id);
      const words = `First start with ADMIN_TOKEN set. Make a SCIM token for your IdP with: ${command}`;
      if (terminal) terminal(`${words}\n`);
      else notice.info(words);
      return;
    }
    const tokens = { scim: made.scimToken, admin: made.adminToken };
    const start = { publicUrl: config.publicUrl, environmentId, tokens };
    if (terminal) return terminal(firstStartText(start, ''));
    const path = writeFirstStart(config.dataDirectory, firstStartText(start, '# '));
    notice.info(
      `First start: the SCIM and admin URLs, their tokens and three commands to try are in ${path}`,
    );
  });
}
