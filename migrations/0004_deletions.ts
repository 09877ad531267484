/**
 * Connections and environments are deleted in steps and stay visible meanwhile. Their rows stay afterwards,
 * because the audit log and deleted users name them; only the name of a live one is taken.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (t) => {
    deletion(t);
    t.dropUnique(['environment_id', 'name']);
    /** When every store was told to plan anew what the deletion changed; null until then. */
    t.string('replanned_at', 24);
  });
  await knex.raw(
    'create unique index connections_name on connections (environment_id, name) where deleted_at is null',
  );
  await knex.schema.alterTable('environments', (t) => {
    deletion(t);
    t.dropUnique(['name']);
  });
  await knex.raw('create unique index environments_name on environments (name) where deleted_at is null');
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}

function deletion(t: Knex.AlterTableBuilder) {
  /** {cause, since, users, groups}: who asked, when, and what is done; null while nobody asked. */
  t.jsonb('deletion');
  /** Accounts stay as they are on the stores; the bridge only forgets them. */
  t.boolean('keep_accounts').notNullable().defaultTo(false);
  t.string('deleted_at', 24);
}
