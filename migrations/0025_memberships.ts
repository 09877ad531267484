/** What is owed of memberships: those that may have gone with a disabling, and groups that the vendor does not show. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('membership_ledger', (t) => {
    /** The account was disabled since: the vendor may have dropped it then, and does not say so. */
    t.boolean('doubted').notNullable().defaultTo(false);
    /** What was wanted comes from a group above: there is no direct membership. */
    t.boolean('inherited').notNullable().defaultTo(false);
  });
  await knex.schema.alterTable('links', (t) => {
    /** Of a group: since when the vendor does not show it. What is owed there stays owed. */
    t.string('missing_since', 24);
  });
  await knex.schema.alterTable('tasks', (t) => {
    /** When the groups were asked to take from the account what nobody wants, before it is enabled. */
    t.string('groups_asked_at', 24);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
