/**
 * Lets a holder renew its lease while it records under it: what records keeps the key of the row alone (FOR KEY SHARE),
 * of which the fence is a part from now on, so that a change of hands still waits and a renewal does not.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('leases', (t) => {
    t.unique(['peer_id', 'fence']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
