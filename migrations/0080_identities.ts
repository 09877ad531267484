/** Accounts at vendors that say more about people: one row for each account that an enriching connection has seen. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('identities', (t) => {
    t.string('connection_id', 64).notNullable();
    t.string('vendor_id').notNullable();
    t.string('environment_id', 64).notNullable();
    /** Null: the account is nobody's, as far as is known. */
    t.string('person_id', 64).index();
    /** link, identity, subject, email, alias; null with nobody. */
    t.string('matched_by', 16);
    /** active, inactive */
    t.string('state', 16).notNullable();
    t.text('name').notNullable();
    t.text('email');
    t.jsonb('attributes').notNullable();
    /** Why it is nobody's, and who comes near. */
    t.jsonb('doubt');
    /** Of all accounts of the person there, the one whose attributes count. */
    t.boolean('speaks').notNullable();
    /** When it was first seen. */
    t.string('since', 24).notNullable();
    t.primary(['connection_id', 'vendor_id']);
    t.index(['connection_id', 'person_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
