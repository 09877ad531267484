/** When each connection last asked, how far its setup has come, and what of it was refused lately. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('connection_activity', (t) => {
    t.string('connection_id', 64).primary();
    t.string('last_request_at', 32);
    t.string('token_used_at', 32);
    t.string('connection_test_at', 32);
    t.string('first_user_at', 32);
    t.string('first_group_at', 32);
    t.string('first_update_at', 32);
    t.string('first_leaver_at', 32);
  });
  await knex.schema.createTable('connection_refusals', (t) => {
    t.bigIncrements('id');
    t.string('connection_id', 64).notNullable();
    t.string('at', 32).notNullable();
    t.string('method', 16).notNullable();
    t.text('path').notNullable();
    t.integer('status').notNullable();
    t.text('detail').notNullable();
    t.index(['connection_id', 'id']);
  });
  // What the directory tells of connections from before. It kept no time of their first request.
  await knex.raw(`
    insert into connection_activity
      (connection_id, last_request_at, token_used_at, connection_test_at, first_user_at, first_group_at, first_leaver_at)
    select c.id, used.at, used.at, used.at,
      (select min(created_at) from users where connection_id = c.id),
      (select min(created_at) from groups where connection_id = c.id),
      (select min(coalesce(deactivated_at, deleted_at)) from users where connection_id = c.id)
    from connections c
    join (select connection_id, max(last_used_at) as at from scim_tokens group by connection_id) used
      on used.connection_id = c.id
    where used.at is not null`);
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
