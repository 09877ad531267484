/**
 * A number that moves whenever what the tokens are, or stand for, changes: processes keep the tokens in memory, and
 * ask for this number alone. Triggers move it, so that no way of changing a token can forget it.
 */

import type { Knex } from 'knex';

const WATCHED = [
  ['admin_tokens', 'token_hash, name, scopes, environment_id, valid_until'],
  ['scim_tokens', 'token_hash, name, scopes, connection_id, valid_until'],
  ['connections', null],
] as const;

const isSqlite = (knex: Knex): boolean => knex.client.config.client !== 'pg';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('access_version', (t) => {
    t.bigInteger('version').notNullable();
  });
  await knex('access_version').insert({ version: 1 });
  if (isSqlite(knex)) await watchOnSqlite(knex);
  else await watchOnPostgres(knex);
}

async function watchOnSqlite(knex: Knex): Promise<void> {
  for (const [table, columns] of WATCHED) {
    for (const event of ['insert', 'delete', columns === null ? 'update' : `update of ${columns}`]) {
      const name = `${table}_${event.slice(0, 6)}_moves_access`;
      await knex.raw(
        `create trigger ${name} after ${event} on ${table} begin update access_version set version = version + 1; end`,
      );
    }
  }
}

/** At the end of the transaction, so that nobody who holds this row waits for another. */
async function watchOnPostgres(knex: Knex): Promise<void> {
  await knex.raw(
    `create function move_access_version() returns trigger language plpgsql as $move$
     begin update access_version set version = version + 1; return null; end $move$`,
  );
  for (const [table, columns] of WATCHED) {
    const update = columns === null ? 'update' : `update of ${columns}`;
    await knex.raw(
      `create constraint trigger ${table}_moves_access after insert or delete or ${update} on ${table}
       deferrable initially deferred for each row execute function move_access_version()`,
    );
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
