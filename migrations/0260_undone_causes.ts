/**
 * Requests whose losses somebody undid with an incident: what a store has not taken of them by then, it does not take.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('undone_causes', (t) => {
    t.string('correlation_id', 64).notNullable();
    /** '' where everybody is meant */
    t.text('person_key').notNullable();
    t.string('incident_id', 64).notNullable();
    t.string('by').notNullable();
    t.string('at', 24).notNullable().index();
    t.primary(['correlation_id', 'person_key']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
