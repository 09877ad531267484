/** One row that says how late it was when a process last looked, so that a leap over a restart is seen. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('clock_notes', (t) => {
    t.string('key', 16).primary();
    t.string('at', 24).notNullable();
    /** While deletions are postponed: those that were due by then go on. */
    t.string('due_by', 24);
    t.bigInteger('remaining_ms');
    t.float('below_days');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
