/**
 * SQLite plans a statement again for each use if it compares a bound value with a column, and the condition of an index
 * compares that column with another value: the index might serve. So the condition names its values first, which SQLite
 * does not compare with the statement. The index serves no look-up.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  if (knex.client.config.client === 'pg') return;
  await knex.raw('drop index links_account');
  await knex.raw(
    "create unique index links_account on links (store_id, remote_id) where 'user' = kind and 'removed' <> state",
  );
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
