/**
 * What the directory last said about a person, and which connection said it. Sentences about the state of an account
 * use it.
 */

import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';

export interface LastWord {
  readonly connectionName: string;
  readonly said: 'active' | 'deactivated' | 'deleted' | 'filtered out';
  /** When the person left; null while they are active, or where no record says it. */
  readonly at: string | null;
}

/** Goes by the speaking user, or else the one deleted last; null where the person never had a user. */
export async function lastWordOn(db: Db, personId: string): Promise<LastWord | null> {
  const row = await db('users')
    .join('connections', 'connections.id', 'users.connection_id')
    .where('users.person_id', personId)
    .orderByRaw('case when users.deleted_at is null then 0 else 1 end')
    .orderByRaw('case when users.deleted_at is null and connections.is_primary then 0 else 1 end')
    .orderBy([{ column: 'users.deleted_at', order: 'desc' }, 'users.created_at', 'users.id'])
    .first(
      'connections.name',
      'users.active',
      'users.deactivated_at',
      'users.deleted_at',
      'users.written_over',
      'users.filtered',
    );
  if (!row) return null;
  const connectionName = row.name as string;
  const said = saidOf(row);
  const at = said === 'active' ? null : said === 'deactivated' ? row.deactivated_at : row.deleted_at;
  return { connectionName, said, at };
}

/** What the directory says in one row of `users`. */
export function saidOf(row: Readonly<Record<string, unknown>>): LastWord['said'] {
  if (row.deleted_at !== null && !fromBoolean(row.written_over))
    return fromBoolean(row.filtered) ? 'filtered out' : 'deleted';
  return fromBoolean(row.active) ? 'active' : 'deactivated';
}

export interface UserOfPerson {
  readonly id: string;
  readonly connection: { readonly id: string; readonly name: string };
  readonly userName: string;
  readonly externalId: string | null;
  readonly active: boolean;
}

/** The live users of each person; of people who are gone, their deleted users that are not purged. */
export async function usersOfPeople(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, readonly UserOfPerson[]>> {
  const found = new Map<string, { readonly isLive: boolean; readonly users: UserOfPerson[] }>();
  for (const some of chunks(personIds)) {
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .whereIn('users.person_id', some)
      .whereNull('users.purged_at')
      .orderByRaw('case when users.deleted_at is null then 0 else 1 end')
      .orderBy('connections.is_primary', 'desc')
      .orderBy(['users.created_at', 'users.id'])
      .select(
        ...['users.id', 'users.person_id', 'users.user_name', 'users.external_id', 'users.active'],
        ...['users.deleted_at', 'connections.id as connection_id', 'connections.name as connection_name'],
      );
    for (const row of rows) {
      const isLive = row.deleted_at === null;
      const known = found.get(row.person_id) ?? { isLive, users: [] };
      found.set(row.person_id, known);
      if (known.isLive && !isLive) continue;
      known.users.push({
        id: row.id,
        connection: { id: row.connection_id, name: row.connection_name },
        userName: row.user_name,
        externalId: row.external_id,
        active: isLive && fromBoolean(row.active),
      });
    }
  }
  return new Map([...found].map(([id, { users }]) => [id, users]));
}
