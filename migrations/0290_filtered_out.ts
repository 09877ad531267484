/** Who, and which groups, a changed filter, base, domain or choice of groups left out: at their source nobody deleted them. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  for (const table of ['users', 'groups'])
    await knex.schema.alterTable(table, (t) => {
      t.boolean('filtered').notNullable().defaultTo(false);
    });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
