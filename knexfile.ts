/**
 * For knex's command line (`npx knex migrate:list`): the same database and the same list of migrations as
 * the bridge itself, which brings its schema up to date at every start and does not need this.
 */

import type { Knex } from 'knex';
import { migrationSource } from './src/db/migrations.ts';
import { databaseConfig, parseDatabaseUrl } from './src/db/open.ts';

const location = parseDatabaseUrl(process.env.DATABASE_URL ?? 'sqlite:data/scim-bridge.db');

const config: Knex.Config = { ...databaseConfig(location, 'long'), migrations: { migrationSource } };

export default config;
