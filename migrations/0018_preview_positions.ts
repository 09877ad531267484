/** A worker makes a preview page by page: where it stands takes the place of who makes it. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('previews', (t) => {
    /** Null until a worker begins. */
    t.jsonb('position');
    t.dropColumn('made_by');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
