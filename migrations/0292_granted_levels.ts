/** The level that the bridge last gave, or found when the membership became its own: lower than that, somebody set it by hand. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('membership_ledger', (t) => {
    t.integer('granted_level').nullable();
  });
  await knex('membership_ledger')
    .whereNot({ origin: 'foreign' })
    .update({ granted_level: knex.ref('level') });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
