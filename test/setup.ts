/**
 * jest's globalSetup: one real PostgreSQL server for a whole run, and for each dialect one migrated database
 * that tests get copies of, because copying costs a tenth of migrating.
 */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { emptyDatabaseUrl } from './database.ts';
import startPostgres from './postgres.ts';

export default async function setUp(): Promise<void> {
  await startPostgres();
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-template-'));
  process.env.TEST_TEMPLATE_DIRECTORY = directory;
  const sqlite = await migratedOn(await emptyDatabaseUrl('sqlite', directory));
  const postgres = await migratedOn(await emptyDatabaseUrl('postgres', directory));
  process.env.TEST_TEMPLATES = JSON.stringify({ sqlite, postgres });
}

async function migratedOn(url: string): Promise<string> {
  const location = parseDatabaseUrl(url);
  const db = openDatabase(location);
  await migrate(db);
  await db.destroy();
  return location.target;
}
