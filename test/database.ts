/**
 * Real databases for tests: a fresh SQLite file, or a fresh database in the run's PostgreSQL server.
 * `onEachDatabase` declares the same tests for both.
 */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { Client } from 'pg';
import { migrate } from '../src/db/migrations.ts';
import { type Dialect, openDatabase, parseDatabaseUrl } from '../src/db/open.ts';

/** An empty database's `DATABASE_URL`. SQLite files live in `directory`. */
export async function freshDatabaseUrl(dialect: Dialect, directory: string): Promise<string> {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  if (dialect === 'sqlite') return `sqlite:${join(directory, `${name}.db`)}`;
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the tests with npm test');
  const client = new Client({ connectionString: `${server}/postgres` });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return `${server}/${name}`;
}

/** Declares `body` once for each dialect; `open` gives a migrated, empty database, closed after the tests. */
export function onEachDatabase(body: (open: () => Promise<Knex>, dialect: Dialect) => void): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`on ${dialect}`, () => {
      const opened: Knex[] = [];
      const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-db-'));

      afterAll(async () => {
        for (const db of opened) await db.destroy();
        rmSync(directory, { recursive: true, force: true });
      });

      body(async () => {
        const db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl(dialect, directory)));
        opened.push(db);
        await migrate(db);
        return db;
      }, dialect);
    });
  }
}
