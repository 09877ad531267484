/**
 * A backup: an SQLite file with the schema and all rows of the database at one moment, and the time of it. It holds
 * no key; the credentials in it stay sealed.
 */

import type { Knex } from 'knex';
import { readFact, writeFact } from '../facts.ts';
import { migrate, readSchema } from '../migrations.ts';
import { type Db, dialectOf } from '../open.ts';
import { copyTable, moveSequences, tablesOf } from './copy.ts';

/** Writes all of `db`, as of one moment, to `file`, where nothing may exist. The bridge may go on meanwhile. */
export async function writeBackup(
  db: Knex,
  file: string,
  openFile: (path: string) => Knex,
  takenAt: string,
): Promise<void> {
  if (dialectOf(db) === 'sqlite') await db.raw('vacuum into ?', [file]);
  const backup = openFile(file);
  try {
    if (dialectOf(db) === 'postgres') await copyAll(db, backup);
    await writeFact(backup, 'backup', takenAt);
    // The backup is one file, with no journal beside it.
    await backup.raw('pragma journal_mode = delete');
  } finally {
    await backup.destroy();
  }
}

async function copyAll(db: Knex, backup: Knex): Promise<void> {
  await db.transaction(
    async (tx) => {
      const { applied } = await readSchema(tx);
      await migrate(backup, applied.at(-1));
      for (const table of await tablesOf(backup)) await copyTable(tx, backup, table);
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

/** What stays of a database when a backup is restored over it. */
export interface Kept {
  /** False where the backup is of another database: then nothing stays. */
  readonly sameOrigin: boolean;
}

const LOG = ['events', 'event_correlations', 'alert_deliveries'];
const TOKENS = ['admin_tokens', 'scim_tokens'] as const;
/** Everybody who was signed in must sign in again. */
const SESSIONS = 'sessions';

/**
 * Replaces everything in `live` by what is in `backup`; both have the schema of this version. Where it is a backup of
 * this very database, two things stay: the audit log, of which the backup has an earlier part, with the messages of
 * alerts about it; and who may come in, so that no revoked token becomes valid again.
 */
export async function replaceByBackup(live: Knex, backup: Db): Promise<Kept> {
  const tables = await tablesOf(backup);
  return live.transaction(async (tx) => {
    const sameOrigin = await haveSameOrigin(tx, backup);
    const tokens = sameOrigin ? await Promise.all(TOKENS.map((table) => tx(table))) : [];
    const stays = (table: string) => sameOrigin && LOG.includes(table);
    const isToken = (table: string) => (TOKENS as readonly string[]).includes(table);
    for (const table of tables.toReversed()) if (!stays(table)) await tx(table).delete();
    for (const table of tables) {
      if (stays(table) || table === SESSIONS || (sameOrigin && isToken(table))) continue;
      await copyTable(backup, tx, table);
    }
    if (sameOrigin) {
      const [admin = [], scim = []] = tokens;
      const environments = new Set<string | null>([null, ...(await tx('environments').pluck('id'))]);
      const connections = new Set(await tx('connections').pluck('id'));
      await insertTokens(
        tx,
        'admin_tokens',
        admin.filter((token) => environments.has(token.environment_id)),
      );
      await insertTokens(
        tx,
        'scim_tokens',
        scim.filter((token) => connections.has(token.connection_id)),
      );
    }
    await moveSequences(tx);
    return { sameOrigin };
  });
}

async function insertTokens(
  tx: Db,
  table: (typeof TOKENS)[number],
  rows: readonly Record<string, unknown>[],
) {
  for (const row of rows) {
    const scopes = typeof row.scopes === 'string' ? row.scopes : JSON.stringify(row.scopes);
    await tx(table).insert({ ...row, scopes });
  }
}

/**
 * Two databases are the same where they share an environment's id and time: no two bridges make one with both in
 * common, and no database loses all of its environments.
 */
async function haveSameOrigin(live: Db, backup: Db): Promise<boolean> {
  const identities = async (db: Db) =>
    (await db('environments').select('id', 'created_at')).map((row) => `${row.id} ${row.created_at}`);
  const known = new Set(await identities(live));
  return (await identities(backup)).some((identity) => known.has(identity));
}

/** When the backup was taken; for a copy that somebody made by hand, the time of its last event. */
export async function backupTime(backup: Db): Promise<string | null> {
  const last = await backup('events').max({ at: 'at' }).first();
  return (await readFact(backup, 'backup')) ?? last?.at ?? null;
}

/** Whether other processes of the bridge are connected to this PostgreSQL database. */
export async function hasOtherSessions(tx: Db): Promise<boolean> {
  const { rows } = (await tx.raw(
    `select 1 from pg_stat_activity
     where datname = current_database() and application_name like 'scim-bridge%' and pid <> pg_backend_pid()`,
  )) as { rows: unknown[] };
  return rows.length > 0;
}
