/**
 * Real databases for tests: a fresh SQLite file, or a fresh database in the run's PostgreSQL server.
 * `onEachDatabase` declares the same tests for both.
 */

import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { Client } from 'pg';
import { migrate } from '../src/db/migrations.ts';
import { type Dialect, openDatabase, parseDatabaseUrl } from '../src/db/open.ts';

/** What drives embedded databases in this run; null: the bridge's own choice. */
export const DRIVER = process.env.TEST_DRIVER || null;

/** Of an embedded database. */
export function embeddedUrl(file: string, driver: string | null = DRIVER): string {
  return `sqlite:${file}${driver === null ? '' : `?driver=${driver}`}`;
}

/** A `DATABASE_URL` without tables, whatever the run. SQLite files live in `directory`. */
export function emptyDatabaseUrl(dialect: Dialect, directory: string): Promise<string> {
  return databaseUrl(dialect, directory, undefined);
}

/** Migrated, and otherwise empty; without tables where no run has set templates up. */
export function freshDatabaseUrl(dialect: Dialect, directory: string): Promise<string> {
  const templates: Partial<Record<Dialect, string>> = JSON.parse(process.env.TEST_TEMPLATES ?? '{}');
  return databaseUrl(dialect, directory, templates[dialect]);
}

/** What this test file made on the server, to drop when it ends: a database is some ten megabytes. */
const made: string[] = [];
if (typeof afterAll === 'function')
  afterAll(async () => {
    if (made.length === 0) return;
    const client = new Client({ connectionString: `${process.env.TEST_POSTGRES_URL}/postgres` });
    await client.connect();
    try {
      for (const name of made) await client.query(`drop database if exists ${name} with (force)`);
    } finally {
      await client.end();
    }
  });

async function databaseUrl(
  dialect: Dialect,
  directory: string,
  template: string | undefined,
): Promise<string> {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  if (dialect === 'sqlite') {
    const file = join(directory, `${name}.db`);
    if (template) copyFileSync(template, file);
    return embeddedUrl(file);
  }
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the tests with npm test');
  const client = new Client({ connectionString: `${server}/postgres` });
  await client.connect();
  const copied = template ? `template ${new URL(template).pathname.slice(1)} strategy file_copy` : '';
  await client.query(`create database ${name} ${copied}`);
  await client.end();
  made.push(name);
  return `${server}/${name}`;
}

/** Where whole worlds are played: on SQLite, and with `npm run test:postgres` on PostgreSQL. */
export const PLAYED: readonly Dialect[] = [process.env.TEST_DATABASE === 'postgres' ? 'postgres' : 'sqlite'];

/** A run that is about a driver of SQLite leaves PostgreSQL to the others. */
const TESTED: readonly Dialect[] = DRIVER === null ? ['sqlite', 'postgres'] : ['sqlite'];

/** Declares `body` once for each dialect; `open` gives a migrated, empty database, closed after the tests. */
export function onEachDatabase(body: (open: () => Promise<Knex>, dialect: Dialect) => void): void {
  for (const dialect of TESTED) {
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
