/** A group's task says whose memberships changed, and a group's link by which settings all of them were last planned. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('tasks', (t) => {
    /** The write that asked for the whole subject; null where `task_members` has all that changed. */
    t.bigInteger('whole_seq');
  });
  await knex('tasks').update({ whole_seq: knex.ref('seq') });
  await knex.schema.createTable('task_members', (t) => {
    t.string('task_id', 36).notNullable().references('tasks.id').onDelete('CASCADE');
    t.string('person_id', 36).notNullable();
    /** The last write to the task that was about this person. */
    t.bigInteger('seq').notNullable();
    t.primary(['task_id', 'person_id']);
  });
  await knex.schema.alterTable('links', (t) => {
    t.bigInteger('walked_version');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
