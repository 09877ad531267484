/** Which process makes a preview, so that nobody waits for one whose maker is gone. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('previews', (t) => {
    /** As in `leases`. */
    t.string('made_by').notNullable().defaultTo('');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
