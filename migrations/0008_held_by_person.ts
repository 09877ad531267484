/** An index that finds held losses of a person's memberships when the account is gone. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('held', (t) => {
    t.index(['store_id', 'person_key']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
