/**
 * On PostgreSQL an event remembers its transaction, so that whoever follows the audit log can ask for what was
 * committed since: ids alone are given out before the commit, and a lower one may become visible after a higher one.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('events', (t) => {
    t.bigInteger('xact');
  });
  if (knex.client.config.client !== 'pg') return;
  await knex.raw('alter table events alter column xact set default txid_current()');
  await knex.raw('create index events_xact on events (xact) where xact is not null');
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
