/**
 * Persons: the human being behind users, even when a user is made again or comes from another connection. Which user
 * speaks for a person, and which was deleted last.
 */

import type { Knex } from 'knex';
import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import { keptReading } from '../knex/kept.ts';
import type { Db } from '../open.ts';
import { toUser, type UserRecord } from './users.ts';

/** A speaking user, with what a store must know of the connection before it believes the user. */
export interface SpeakingUser extends UserRecord {
  /** In lower case, as the connection maps it. */
  readonly primaryEmail: string | null;
  /** Somebody else's address that this one can be mistaken for, and that was there before. */
  readonly looksLike: string | null;
  readonly connectionName: string;
  readonly isOfPrimary: boolean;
  readonly matchesPeople: boolean;
  /** An admin is asked where the user has the identifier of somebody who left. */
  readonly asks: boolean;
  /** A user of another connection spoke for the person before. */
  readonly isOther: boolean;
}

/**
 * The speaking user of the person: the live user of the primary connection, else the oldest live one. It may be
 * inactive. Null where no user is live.
 */
export async function speakingUser(db: Db, personId: string): Promise<SpeakingUser | null> {
  return (await speakingUsers(db, [personId])).get(personId) ?? null;
}

/** The same for many people, by person id, without people who have no live user. */
export async function speakingUsers(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, SpeakingUser>> {
  const found = new Map<string, SpeakingUser>();
  for (const some of chunks(personIds)) {
    const rows = await liveUsersOf(db, { personIds: some });
    for (const user of rows.map(toSpeaking)) if (!found.has(user.personId)) found.set(user.personId, user);
  }
  return found;
}

const liveUsersOf = keptReading<
  readonly Record<string, unknown>[],
  { readonly personIds: readonly string[] }
>((db, { personIds }) =>
  liveUsers(db, personIds)
    .join('persons', 'persons.id', 'users.person_id')
    .select(
      'users.*',
      ...['connections.is_primary', 'connections.match_people', 'connections.reused_identifiers'],
      'connections.name as connection_name',
      'persons.speaker_connection_id',
    ),
);

/** The live users of these people; of each person's, the one who speaks comes first. */
export function liveUsers(db: Db, personIds: readonly string[]): Knex.QueryBuilder {
  return db('users')
    .join('connections', 'connections.id', 'users.connection_id')
    .whereIn('users.person_id', personIds)
    .whereNull('users.deleted_at')
    .orderBy('connections.is_primary', 'desc')
    .orderBy('users.created_at')
    .orderBy('users.id');
}

function toSpeaking(row: Record<string, unknown>): SpeakingUser {
  const before = row.speaker_connection_id ?? null;
  return {
    ...toUser(row),
    primaryEmail: row.primary_email_lower as string | null,
    looksLike: row.looks_like as string | null,
    connectionName: row.connection_name as string,
    isOfPrimary: fromBoolean(row.is_primary),
    matchesPeople: fromBoolean(row.match_people),
    asks: row.reused_identifiers === 'Hold',
    isOther: before !== null && before !== row.connection_id,
  };
}

export interface DeletedUser extends UserRecord {
  /** An admin deleted the connection and chose to keep accounts: the bridge leaves this person's accounts alone. */
  readonly keepRemote: boolean;
  /**
   * The identity provider wrote another person over this user while it was inactive, and nobody deleted it: the
   * person stays inactive.
   */
  readonly writtenOver: boolean;
  /** Nobody deleted the user: the settings of the connection leave it out. */
  readonly filtered: boolean;
}

/** The user of the person that was deleted last; null where none was. */
export async function lastDeletedUser(db: Db, personId: string): Promise<DeletedUser | null> {
  return (await lastDeletedUsers(db, [personId])).get(personId) ?? null;
}

/** The same for many people, by person id, without people who have no deleted user. */
export async function lastDeletedUsers(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, DeletedUser>> {
  const found = new Map<string, DeletedUser>();
  for (const some of chunks(personIds)) {
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .whereIn('users.person_id', some)
      .whereNotNull('users.deleted_at')
      .orderBy('users.deleted_at', 'desc')
      .orderBy('users.id', 'desc')
      .select('users.*', 'connections.keep_accounts');
    for (const row of rows) {
      const departed = {
        ...toUser(row),
        keepRemote: fromBoolean(row.keep_accounts),
        writtenOver: fromBoolean(row.written_over),
        filtered: fromBoolean(row.filtered),
      };
      if (!found.has(departed.personId)) found.set(departed.personId, departed);
    }
  }
  return found;
}

/** Null where no such person ever existed. */
export async function environmentOfPerson(db: Db, personId: string): Promise<string | null> {
  return (await db('persons').where({ id: personId }).first('environment_id'))?.environment_id ?? null;
}

/**
 * Finds a user by its id, live or deleted, or by the id of a person: then the speaking user, or else the one deleted
 * last.
 */
export async function findUserOrPerson(
  db: Db,
  environmentId: string,
  id: string,
): Promise<UserRecord | null> {
  const own = await db('users').where({ environment_id: environmentId, id }).first();
  if (own) return toUser(own);
  const someone = (await speakingUser(db, id)) ?? (await lastDeletedUser(db, id));
  return someone?.environmentId === environmentId ? someone : null;
}
