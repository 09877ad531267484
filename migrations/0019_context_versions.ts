/** Tells a worker that what it knows of a store is not so any more, by one column of the store's row. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('stores', (t) => {
    /** Raised by every change of what a store context is made of: settings, rules, mappings, connections. */
    t.integer('context_version').notNullable().defaultTo(0);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
