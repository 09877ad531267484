/** `takes_filtered` stays with a run until what it was to take is gone, or somebody declined it: of those that are over nothing is due. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex('pull_runs')
    .whereIn('state', ['DONE', 'PARTIAL', 'FAILED'])
    .whereNot({ mode: 'preview' })
    .update({ takes_filtered: false });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
