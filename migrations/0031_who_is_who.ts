/**
 * Who is who, in doubt: whether a connection's users may be other connections' people, whose word counts for a person,
 * and the question whether a newcomer with the identifier of somebody who left is the same human being.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (t) => {
    t.boolean('match_people').notNullable().defaultTo(false);
    t.string('reused_identifiers', 16).notNullable().defaultTo('Hold');
  });
  await knex.schema.alterTable('users', (t) => {
    /** The externalId that an inactive user had when it was last active; null while it is active. */
    t.text('left_external_id');
    /** A deleted row: what a user was until the identity provider wrote somebody else over it. */
    t.boolean('written_over').notNullable().defaultTo(false);
    t.index(['environment_id', 'user_name_lower']);
  });
  await knex.schema.alterTable('persons', (t) => {
    /** Whose user spoke for the person, before another connection's had to. */
    t.string('speaker_connection_id', 64);
    /** The person who this one turned out to be. */
    t.string('merged_into', 64).index();
  });
  await knex.schema.createTable('identity_questions', (t) => {
    t.string('newcomer_id', 64).notNullable();
    t.string('former_id', 64).notNullable().index();
    t.string('environment_id', 64).notNullable();
    /** userName, email, externalId: what made the bridge ask */
    t.string('attribute', 16).notNullable();
    /** open, same, other */
    t.string('state', 8).notNullable();
    t.string('asked_at', 24).notNullable();
    t.string('decided_by');
    t.string('decided_at', 24);
    t.primary(['newcomer_id', 'former_id']);
  });
  /** On which store an admin let which connection speak for a person. */
  await knex.schema.createTable('speaker_approvals', (t) => {
    t.string('store_id', 64).notNullable();
    t.string('person_id', 64).notNullable();
    t.string('connection_id', 64).notNullable();
    t.primary(['store_id', 'person_id']);
    t.index(['person_id']);
  });
  /** What is left of a purged person who had accounts: keyed hashes, by which they are known again. */
  await knex.schema.createTable('former_identifiers', (t) => {
    t.string('person_id', 64).notNullable();
    t.string('connection_id', 64).notNullable();
    t.string('environment_id', 64).notNullable();
    /** externalId, userName, email */
    t.string('kind', 16).notNullable();
    t.string('hash', 64).notNullable();
    t.primary(['person_id', 'connection_id', 'kind', 'hash']);
    t.index(['environment_id', 'hash']);
  });
  await keepWhatIsShared(knex);
}

async function keepWhatIsShared(knex: Knex): Promise<void> {
  await knex('connections')
    .whereExists(
      knex('users')
        .join('users as other', 'other.person_id', 'users.person_id')
        .where('users.connection_id', knex.ref('connections.id'))
        .whereNot('other.connection_id', knex.ref('connections.id'))
        .select(knex.raw('1')),
    )
    .orWhere({ is_primary: true })
    .update({ match_people: true });
  await knex('users')
    .where({ active: false })
    .whereNull('deleted_at')
    .update({ left_external_id: knex.ref('external_id') });
  const live = 'case when users.deleted_at is null then 0 else 1 end';
  await knex('persons').update({
    speaker_connection_id: knex('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .where('users.person_id', knex.ref('persons.id'))
      .orderByRaw(`${live}, case when users.deleted_at is null and connections.is_primary then 0 else 1 end`)
      .orderBy([{ column: 'users.deleted_at', order: 'desc' }, 'users.created_at', 'users.id'])
      .limit(1)
      .select('users.connection_id') as never,
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
