/** Who leads whom: the id of a user's manager, where what the identity provider says has the form of one. */

import type { Knex } from 'knex';

const URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('users', (t) => {
    t.string('manager_id', 36);
  });
  const value =
    knex.client.config.client === 'pg'
      ? `resource #>> '{"${URN}",manager,value}'`
      : `json_extract(resource, '$."${URN}".manager.value')`;
  // A connection that maps the manager otherwise says it again with the next write.
  const remapped = knex('connections')
    .whereRaw("cast(mapping as text) like '%enterprise.manager%'")
    .select('id');
  await knex('users')
    .whereRaw(`length(${value}) = 36`)
    .whereNull('deleted_at')
    .whereNotIn('connection_id', remapped)
    .update({ manager_id: knex.raw(value) });
  await knex.raw('create index users_manager on users (manager_id) where manager_id is not null');
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
