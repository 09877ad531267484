/** What an account or group had before it took a temporary value: it goes back to that where nothing else can be had. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('key_waits', (t) => {
    t.text('former');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
