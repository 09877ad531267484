/** Since when a pulled connection has settings that a delta does not apply to those who did not change. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('pulled_connections', (t) => {
    t.string('full_due_since', 24);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
