/** Who was a member of a group that a rule names when the group was deleted, until they are a member again. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('departed_members', (t) => {
    /** The deleted group, or the one that took its place. */
    t.string('group_id', 64).notNullable().references('groups.id').onDelete('CASCADE');
    t.string('person_id', 64).notNullable().references('persons.id').onDelete('CASCADE').index();
    t.primary(['group_id', 'person_id']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
