/** What is leased is a peer: a store, or another thing that the bridge has a credential for. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('leases', (t) => {
    t.renameColumn('store_id', 'peer_id');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
