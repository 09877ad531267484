/** A connection has a handle, a short name of its own in its environment; a SCIM token may have a name. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (t) => {
    /** Empty for connections that were deleted before there were handles. */
    t.string('handle', 63).notNullable().defaultTo('');
  });
  await fillHandles(knex);
  await knex.raw(
    'create unique index connections_handle on connections (environment_id, handle) where deleted_at is null',
  );
  await knex.schema.alterTable('scim_tokens', (t) => {
    t.string('name');
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}

const HANDLE_MAX = 50;

async function fillHandles(knex: Knex): Promise<void> {
  const rows: { id: string; environment_id: string; name: string }[] = await knex('connections')
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id'])
    .select('id', 'environment_id', 'name');
  const taken = new Set<string>();
  for (const { id, environment_id: environmentId, name } of rows) {
    const base = slug(name);
    let handle = base;
    for (let n = 2; taken.has(`${environmentId} ${handle}`); n += 1) handle = `${base}-${n}`;
    taken.add(`${environmentId} ${handle}`);
    await knex('connections').where({ id }).update({ handle });
  }
}

function slug(name: string): string {
  const plain = name.normalize('NFKD').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^[-0-9]+/, '');
  return words.slice(0, HANDLE_MAX).replace(/-+$/, '') || 'connection';
}
