/** Who is in scope of a store, and what feeds what there. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('rules', (t) => {
    id(t, 'id').primary();
    id(t, 'environment_id').notNullable().references('environments.id');
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('name').notNullable();
    t.boolean('active').notNullable();
    /** A SCIM filter on users; null: everyone. */
    t.text('population_expression');
    /** Ids of SCIM groups; empty: no matter which. */
    t.jsonb('group_ids').notNullable();
    time(t, 'created_at').notNullable();
    time(t, 'updated_at').notNullable();
    t.index(['store_id', 'created_at', 'id']);
    t.index(['environment_id', 'created_at', 'id']);
  });
  /** Attributes that a store maps otherwise than its type does. */
  await knex.schema.createTable('attribute_mappings', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('target_attribute').notNullable();
    /** null: not mapped at all */
    t.string('source_attribute');
    t.primary(['store_id', 'target_attribute']);
  });
  await knex.schema.createTable('group_mappings', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    /** In the order in which they were given. */
    t.integer('position').notNullable();
    /** Either the SCIM group's displayName or its externalId. */
    t.text('original');
    t.text('external_id');
    t.text('translation').notNullable();
    /** As the store type names it; null: the store's default. */
    t.string('access_level');
    t.primary(['store_id', 'position']);
  });
  await knex.schema.alterTable('task_causes', (t) => {
    t.index(['correlation_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}

function id(t: Knex.CreateTableBuilder, name: string) {
  return t.string(name, 64);
}

function time(t: Knex.CreateTableBuilder, name: string) {
  return t.string(name, 24);
}
