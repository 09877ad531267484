/**
 * A user over which an identity provider wrote somebody else: the user becomes a new person's, and its former content
 * stays with the former person.
 */

import { newId } from '../../support/ids.ts';
import { externalIdThen, type UserRecord } from '../identity/users.ts';
import { insertTogether } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { wordsOfUser } from './words.ts';

/** Answers the user as the new person's. The caller has locked the row. */
export async function splitUser(db: Db, user: UserRecord, at: string): Promise<UserRecord> {
  const row = await db('users').where({ id: user.id }).first();
  const tombstone = { ...user, id: newId() };
  await db('users').insert({
    ...row,
    ...{ id: tombstone.id, deleted_at: at, updated_at: at, written_over: true },
    external_id: externalIdThen(user),
  });
  const personId = newId();
  await db('persons').insert({
    id: personId,
    environment_id: user.environmentId,
    speaker_connection_id: user.connectionId,
    created_at: at,
  });
  await db('users').where({ id: user.id }).update({ person_id: personId });
  await db('person_words').where({ source_id: user.id }).update({ person_id: personId });
  if (user.purgedAt === null) await insertTogether(db, [wordsOfUser(tombstone, user.resource)]);
  return { ...user, personId };
}
