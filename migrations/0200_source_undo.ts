/**
 * Lets somebody call off what a pull took, person by person: by whom, and when. Stores ask for it by the correlation id
 * of the run.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('pull_changes', (t) => {
    t.string('undo_by');
    t.string('undo_at', 24);
  });
  await knex.schema.alterTable('pull_runs', (t) => {
    t.index(['correlation_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
