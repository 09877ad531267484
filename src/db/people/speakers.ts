/**
 * The connection whose word counts for a person, which is the one whose user has spoken so far. Where a user of
 * another connection must speak instead, each store waits until an admin lets that connection speak there.
 */

import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';

export async function setSpeaker(db: Db, personId: string, connectionId: string): Promise<void> {
  await db('persons').where({ id: personId }).update({ speaker_connection_id: connectionId });
}

export interface Word {
  readonly personId: string;
  readonly active: boolean;
  /** In lower case; the address as the connection maps it. */
  readonly userName: string;
  readonly primaryEmail: string | null;
}

/** What the connection's users say, for those of these people for whom it speaks. */
export async function wordsOf(
  db: Db,
  connectionId: string,
  personIds: readonly string[],
): Promise<readonly Word[]> {
  const found: Word[] = [];
  for (const some of chunks(personIds)) {
    const rows = await db('users as u')
      .join('persons as p', 'p.id', 'u.person_id')
      .where({ 'u.connection_id': connectionId, 'p.speaker_connection_id': connectionId })
      .whereIn('u.person_id', some)
      .whereNull('u.deleted_at')
      .select('u.person_id', 'u.active', 'u.user_name_lower', 'u.primary_email_lower');
    for (const row of rows)
      found.push({
        personId: row.person_id,
        active: fromBoolean(row.active),
        userName: row.user_name_lower,
        primaryEmail: row.primary_email_lower,
      });
  }
  return found;
}

export interface FormerSpeaker {
  /** As the user was when it was deleted. */
  readonly active: boolean;
  readonly deletedAt: string;
}

/**
 * The last deleted user of another connection, by person. There may have been several speakers before the newcomer.
 */
export async function formerSpeakers(
  db: Db,
  speakers: readonly { readonly personId: string; readonly connectionId: string | undefined }[],
): Promise<ReadonlyMap<string, FormerSpeaker>> {
  const found = new Map<string, FormerSpeaker>();
  for (const some of chunks(speakers)) {
    const rows = await db('users')
      .whereIn(
        'person_id',
        some.map(({ personId }) => personId),
      )
      .whereNotNull('deleted_at')
      .orderBy('deleted_at')
      .select('person_id', 'connection_id', 'active', 'deleted_at');
    const speaking = new Map(some.map(({ personId, connectionId }) => [personId, connectionId]));
    for (const row of rows)
      if (row.connection_id !== speaking.get(row.person_id))
        found.set(row.person_id, { active: fromBoolean(row.active), deletedAt: row.deleted_at });
  }
  return found;
}

/** The connection that an admin has let speak on this store, by person. */
export async function approvedSpeakers(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const some of chunks(personIds)) {
    const rows: { person_id: string; connection_id: string }[] = await db('speaker_approvals')
      .where({ store_id: storeId })
      .whereIn('person_id', some);
    for (const row of rows) found.set(row.person_id, row.connection_id);
  }
  return found;
}

export async function approveSpeaker(
  db: Db,
  storeId: string,
  personId: string,
  connectionId: string,
): Promise<void> {
  await db('speaker_approvals')
    .insert({ store_id: storeId, person_id: personId, connection_id: connectionId })
    .onConflict(['store_id', 'person_id'])
    .merge();
}
