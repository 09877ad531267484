/**
 * Sessions of people in a browser, and the codes of sign-in links that become one. Both stand for an admin token, and
 * go with it. Processes keep them in memory beside the tokens, so that they move the same version.
 */

import type { Knex } from 'knex';

const isSqlite = (knex: Knex): boolean => knex.client.config.client !== 'pg';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('sessions', (t) => {
    t.string('id', 36).primary();
    /** session, code */
    t.string('kind', 16).notNullable();
    t.string('secret_hash', 64).notNullable().unique();
    /** Null: it stands for ADMIN_TOKEN. */
    t.string('token_id', 36).references('admin_tokens.id').onDelete('CASCADE').index();
    /** Which ADMIN_TOKEN that was. Nobody can try tokens against it without the secret. */
    t.string('configured_hash', 64);
    t.string('created_at', 24).notNullable();
    t.string('expires_at', 24).notNullable().index();
  });
  if (isSqlite(knex)) {
    for (const event of ['insert', 'delete']) {
      await knex.raw(
        `create trigger sessions_${event}_moves_access after ${event} on sessions begin update access_version set version = version + 1; end`,
      );
    }
  } else {
    await knex.raw(
      `create constraint trigger sessions_moves_access after insert or delete on sessions
       deferrable initially deferred for each row execute function move_access_version()`,
    );
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
