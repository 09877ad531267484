/**
 * The order of lists, of those alone who are there: what a page skips and a total counts is in the index. And on
 * PostgreSQL the order of bytes for what is looked up by its beginning, as SQLite has it.
 */

import type { Knex } from 'knex';

/** As the statistics of the index that goes (`0001_first.ts`). */
const LISTS = [
  ['users', '100000 50000 10 1'],
  ['groups', '10000 5000 10 1'],
] as const;

const BY_BEGINNING = [
  ['unique', 'users_user_name', 'users', 'user_name_lower', 'where deleted_at is null'],
  ['', 'users_connection_id_display_name_lower_index', 'users', 'display_name_lower', ''],
  ['', 'users_connection_id_external_id_index', 'users', 'external_id', ''],
  ['unique', 'groups_display_name', 'groups', 'display_name_lower', 'where deleted_at is null'],
  ['', 'groups_connection_id_external_id_index', 'groups', 'external_id', ''],
] as const;

export async function up(knex: Knex): Promise<void> {
  for (const [table, rows] of LISTS) {
    const index = `${table}_live`;
    await knex.raw(
      `create index ${index} on ${table} (connection_id, created_at, id) where deleted_at is null`,
    );
    await knex.schema.alterTable(table, (t) => {
      t.dropIndex(['connection_id', 'created_at', 'id']);
    });
    if (knex.client.config.client === 'pg') continue;
    await knex.raw('insert into sqlite_stat1 (tbl, idx, stat) values (?, ?, ?)', [table, index, rows]);
  }
  if (knex.client.config.client !== 'pg') return void (await knex.raw('analyze sqlite_schema'));
  for (const [unique, index, table, column, where] of BY_BEGINNING) {
    await knex.raw(`drop index ${index}`);
    await knex.raw(
      `create ${unique} index ${index} on ${table} (connection_id, ${column} text_pattern_ops) ${where}`,
    );
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
