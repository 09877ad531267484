/** What each filter of the audit log finds its events by, newest first, however many there are. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('events', (t) => {
    t.dropIndex(['correlation_id']);
    t.index(['correlation_id', 'id']);
    t.index(['environment_id', 'kind', 'id']);
    t.index(['environment_id', 'actor_id', 'id']);
  });
  // Most events are successes: a walk through all of them finds those soon.
  await knex.raw(
    "create index events_outcome on events (environment_id, outcome, id) where outcome <> 'success'",
  );
  await knex.schema.alterTable('event_correlations', (t) => {
    t.dropIndex(['correlation_id']);
    t.index(['correlation_id', 'event_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
