/** What is said once: that an identity provider is silent, and that a token ends soon. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (t) => {
    t.integer('silent_after_hours');
    t.text('silence_said_at');
  });
  for (const table of ['admin_tokens', 'scim_tokens'])
    await knex.schema.alterTable(table, (t) => {
      // The end of which it was said: another one is said again.
      t.text('end_said');
    });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
