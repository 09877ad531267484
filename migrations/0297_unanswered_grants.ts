/** Memberships of which nobody knows whether the vendor gave them, because something else answered. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('refused_memberships', (t) => {
    t.boolean('unanswered').notNullable().defaultTo(false);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
