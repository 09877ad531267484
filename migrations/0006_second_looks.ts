/** Rechecks: whoever gave up, or lost the lease, may have left a call that takes effect later. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('second_looks', (t) => {
    t.string('environment_id', 64).notNullable();
    t.string('store_id', 64).notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    t.string('subject_id', 64).notNullable();
    /** When that call must have ended. */
    t.string('at', 24).notNullable();
    /** What the call was to do; as in `tasks`. */
    t.jsonb('intent').notNullable();
    t.string('correlation_id', 64);
    t.primary(['store_id', 'kind', 'subject_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
