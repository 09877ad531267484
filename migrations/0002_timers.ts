/**
 * What hangs on time: open leavers, delayed removals, remembered drift, and the retention of personal data.
 * Append-only, as 0001 is.
 */

import type { Knex } from 'knex';

const DUE = [
  ['links', 'store_id', 'removal_since'],
  ['links', 'store_id', 'drift_since'],
  ['users', 'connection_id', 'deleted_at'],
  ['users', 'connection_id', 'deactivated_at'],
] as const;

export async function up(knex: Knex): Promise<void> {
  /** People who left and whose access a store has not confirmed to be gone. */
  await knex.schema.createTable('leavers', (t) => {
    t.string('store_id', 64).notNullable().references('stores.id');
    t.string('person_id', 64).notNullable();
    t.string('environment_id', 64).notNullable();
    t.string('correlation_id', 64);
    /** When the request was answered that made them leave. */
    t.string('since', 24).notNullable();
    /** When the bridge reported that the deadline is exceeded, which it does once. */
    t.string('overdue_at', 24);
    /** With VERIFY: when the store took the change; it is read back from then on. */
    t.string('disabled_at', 24);
    /** How often it was read back. */
    t.integer('checks').notNullable();
    t.primary(['store_id', 'person_id']);
    t.index(['person_id']);
    t.index(['since']);
  });
  await knex.schema.alterTable('links', (t) => {
    /** Since when the account is disabled and its person gone: REMOVE_AFTER_DAYS counts from here. */
    t.string('removal_since', 24);
    /** The value of REMOVE_AFTER_DAYS for which the person was put into the queue when the days were over. */
    t.integer('removal_asked_days');
    /** {items, repaired}: what the last complete scan found changed by hand, and is not repaired. */
    t.jsonb('drift');
    t.string('drift_since', 24);
  });
  await knex.schema.alterTable('users', (t) => {
    t.string('deactivated_at', 24);
    /** When the personal data was purged; null while it is there. */
    t.string('purged_at', 24);
  });
  // Partial indexes, so that the database uses them for no other query.
  for (const [table, owner, column] of DUE) {
    await knex.raw(
      `create index ${table}_${column} on ${table} (${owner}, ${column}) where ${column} is not null`,
    );
  }
  await knex('users')
    .where({ active: false })
    .update({ deactivated_at: knex.ref('updated_at') });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
