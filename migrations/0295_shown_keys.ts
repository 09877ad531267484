/** Which refused keys a scan has shown another account or group to have, and which the bridge asked for although none did. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('key_waits', (t) => {
    /** When a scan last showed that another has it. */
    t.string('shown_at', 32);
    /** Refused again although a scan showed nobody who has it. */
    t.boolean('hidden').notNullable().defaultTo(false);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
