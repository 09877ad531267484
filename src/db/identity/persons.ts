/**
 * Persons: who a user is, across re-creation and connections; which of a person's users speaks for them, and which was
 * the last to go.
 */

import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';
import { toUser, type UserRecord } from './users.ts';

/** With what a store must know of the connection before it believes the user. */
export interface SpeakingUser extends UserRecord {
  /** In lower case, as the connection maps it. */
  readonly primaryEmail: string | null;
  /** Somebody else's address, which this one can be taken for; it was there before. */
  readonly looksLike: string | null;
  readonly connectionName: string;
  readonly isOfPrimary: boolean;
  readonly matchesPeople: boolean;
  /** Whoever comes with the identifier of somebody who left is asked about. */
  readonly asks: boolean;
  /** Another connection's user spoke for the person before. */
  readonly isOther: boolean;
}

/**
 * The live user that speaks for the person: the primary connection's, else the oldest; null when none is
 * live. It may be inactive.
 */
export async function speakingUser(db: Db, personId: string): Promise<SpeakingUser | null> {
  return (await speakingUsers(db, [personId])).get(personId) ?? null;
}

/** The persons of these users, each once. */
export async function personsOfUsers(db: Db, userIds: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const some of chunks(userIds)) {
    const rows: { person_id: string }[] = await db('users').whereIn('id', some).select('person_id');
    for (const row of rows) found.add(row.person_id);
  }
  return [...found];
}

/** The same for many people, by person id; those without a live user are absent. */
export async function speakingUsers(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, SpeakingUser>> {
  const found = new Map<string, SpeakingUser>();
  for (const some of chunks(personIds)) {
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .join('persons', 'persons.id', 'users.person_id')
      .whereIn('users.person_id', some)
      .whereNull('users.deleted_at')
      .orderBy('connections.is_primary', 'desc')
      .orderBy('users.created_at')
      .orderBy('users.id')
      .select(
        'users.*',
        ...['connections.is_primary', 'connections.match_people', 'connections.reused_identifiers'],
        'connections.name as connection_name',
        'persons.speaker_connection_id',
      );
    for (const user of rows.map(toSpeaking)) if (!found.has(user.personId)) found.set(user.personId, user);
  }
  return found;
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
  /**
   * An admin deleted the connection and chose to keep accounts: the bridge leaves this person's accounts
   * alone.
   */
  readonly keepRemote: boolean;
  /** The identity provider wrote somebody else over it: the person is inactive, as they were. */
  readonly writtenOver: boolean;
  /** Nobody deleted them: the settings of the connection leave them out. */
  readonly filtered: boolean;
}

/** The user of the person that was deleted last; null where none was deleted. */
export async function lastDeletedUser(db: Db, personId: string): Promise<DeletedUser | null> {
  return (await lastDeletedUsers(db, [personId])).get(personId) ?? null;
}

/** The same for many people, by person id; people without a deleted user are absent. */
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

/** Null where there never was such a person. */
export async function environmentOfPerson(db: Db, personId: string): Promise<string | null> {
  return (await db('persons').where({ id: personId }).first('environment_id'))?.environment_id ?? null;
}

/**
 * By the id of a user, live or deleted, or of a person: then the speaking user, else the one deleted last.
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
