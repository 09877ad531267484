/** Memberships that a vendor refused to give or to take, so that everybody concerned can be told. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('refused_memberships', (t) => {
    t.string('store_id', 36).notNullable();
    t.string('remote_group_id', 255).notNullable();
    t.string('remote_user_id', 255).notNullable();
    t.string('op', 8).notNullable();
    t.integer('level');
    t.text('words').notNullable();
    t.string('refused_at', 24).notNullable();
    t.primary(['store_id', 'remote_group_id', 'remote_user_id']);
    t.index(['store_id', 'remote_user_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
