/** Previews say how many people lose something, and list their items by kind and name. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // They live for a day, and their summaries have another shape from now on.
  await knex('preview_items').delete();
  await knex('previews').delete();
  await knex.schema.alterTable('previews', (t) => {
    t.integer('losing').notNullable().defaultTo(0);
  });
  await knex.schema.alterTable('preview_items', (t) => {
    t.text('sort_key').notNullable().defaultTo('');
    t.index(['preview_id', 'list', 'sort_key', 'position'], 'preview_items_order');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
