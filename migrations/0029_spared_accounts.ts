/** Accounts that the bridge leaves alone, so that no later name of theirs can change that. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('protected_accounts', (t) => {
    t.string('store_id', 64).notNullable().references('stores.id');
    t.string('remote_id').notNullable();
    /** The entry of PROTECTED_ACCOUNTS that it once matched; empty for the account of the store's credential. */
    t.text('pattern').notNullable();
    t.string('since', 24).notNullable();
    t.primary(['store_id', 'remote_id']);
  });
  /** The account that was found under a person's identifier and is not theirs, because it may not be adopted. */
  await knex.schema.createTable('spared_accounts', (t) => {
    t.string('store_id', 64).notNullable().references('stores.id');
    t.string('person_id', 64).notNullable();
    t.string('remote_id').notNullable();
    t.primary(['store_id', 'person_id']);
    t.index(['store_id', 'remote_id']);
  });
  await knex.schema.alterTable('links', (t) => {
    /** As the vendor last showed it: the account can do more there than people usually can. */
    t.boolean('privileged').notNullable().defaultTo(false);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
