/** What the bridge remembers of answers that were not the vendor's: of one task, and of a whole store. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('tasks', (t) => {
    /** How often in a row it was put off; the gaps between two attempts grow with it. */
    t.integer('postponed').notNullable().defaultTo(0);
    /** Put off so often that its subject's status is `failed`; it is tried all the same. */
    t.boolean('failing').notNullable().defaultTo(false);
  });
  await knex.schema.alterTable('stores', (t) => {
    /** {since, message, retryAt}: nobody on this store gets an answer of the vendor's. */
    t.jsonb('unrecognised');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
