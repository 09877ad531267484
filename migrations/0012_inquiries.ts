/**
 * Only a worker calls a vendor: a request that needs an answer leaves an inquiry, and knows whether there is a
 * worker to take it up.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('inquiries', (t) => {
    t.string('id', 64).primary();
    /** As in `leases`. No reference: a store is asked about before it is saved, too. */
    t.string('peer_id', 64).notNullable().index();
    t.jsonb('question').notNullable();
    /** Sealed; null where the question has none, and once it is answered. */
    t.jsonb('secrets');
    t.string('asked_at', 24).notNullable();
    /** From then on nobody waits for the answer. */
    t.string('expires_at', 24).notNullable();
    t.string('taken_at', 24);
    t.jsonb('answer');
  });
  await knex.schema.createTable('workers', (t) => {
    t.string('id', 64).primary();
    t.string('seen_at', 24).notNullable();
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
