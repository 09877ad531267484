/** Which lines of a run over a directory take something from somebody: what they change of an identity does, too. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('pull_changes', (t) => {
    t.boolean('is_loss').notNullable().defaultTo(false);
  });
  await knex('pull_changes').whereIn('op', ['deactivate', 'remove', 'leave']).update({ is_loss: true });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
