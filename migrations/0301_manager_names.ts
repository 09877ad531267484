/** Answers name the manager as the manager is called now: the copy in the users of pulled connections goes. */

import type { Knex } from 'knex';

const URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export async function up(knex: Knex): Promise<void> {
  const [name, rest] =
    knex.client.config.client === 'pg'
      ? [`resource #>> '{"${URN}",manager,displayName}'`, `resource #- '{"${URN}",manager,displayName}'`]
      : [
          `json_extract(resource, '$."${URN}".manager.displayName')`,
          `json_remove(resource, '$."${URN}".manager.displayName')`,
        ];
  await knex('users')
    .whereIn('connection_id', knex('pulled_connections').select('connection_id'))
    .whereRaw(`${name} is not null`)
    .update({ resource: knex.raw(rest) });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
