/**
 * People of connections that match nobody yield to two kinds of people with the same address: an active user of the
 * primary connection, and anybody with an account who had the address.
 */

import type { Knex } from 'knex';
import type { CommonSettings } from '../../model/commonSettings.ts';
import { chunks } from '../chunks.ts';
import { lower } from '../columns.ts';
import { toUser, type UserRecord } from '../identity/users.ts';
import type { Db } from '../open.ts';
import { newcomersOf } from './questions.ts';

export interface Freed {
  readonly environmentId: string;
  /** In lower case. */
  readonly address: string;
  /** The person who had it. */
  readonly exceptId: string;
}

/** People who may have yielded to somebody with this address. */
export async function yieldingPeople(db: Db, freed: Freed): Promise<readonly string[]> {
  const rows: { person_id: string }[] = await yielding(db, freed).distinct('users.person_id');
  return rows.map((row) => row.person_id);
}

/** The same as rows of `users`, of which one person may have several. */
export function yielding(db: Db, { environmentId, address, exceptId }: Freed): Knex.QueryBuilder {
  return db('users')
    .join('connections', 'connections.id', 'users.connection_id')
    .where({ 'users.environment_id': environmentId, 'users.primary_email_lower': address })
    .where({ 'connections.is_primary': false, 'connections.match_people': false })
    .whereNot('users.person_id', exceptId)
    .whereNull('users.deleted_at');
}

/** A live user, with the address as its connection maps it, in lower case. */
export interface NamedUser {
  readonly user: UserRecord;
  readonly address: string | null;
}

/** Live users of other people with a userName or address that this person has or had. */
export async function usersNamedAs(
  db: Db,
  environmentId: string,
  personId: string,
): Promise<readonly NamedUser[]> {
  const names = await db('users')
    .where({ person_id: personId })
    .select('user_name_lower', 'primary_email_lower');
  const found = new Map<string, NamedUser>();
  // One query for each, so that each uses its own index.
  for (const column of ['user_name_lower', 'primary_email_lower'] as const) {
    const had = new Set<string | null>(names.map((row) => row[column]));
    had.delete(null);
    const rows = await db('users')
      .where({ environment_id: environmentId })
      .whereIn(column, [...had] as string[])
      .whereNot('person_id', personId)
      .whereNull('deleted_at');
    for (const row of rows) found.set(row.id, { user: toUser(row), address: row.primary_email_lower });
  }
  return [...found.values()];
}

/** People who want a key that an account of this person has, on any store. */
export async function waitingForAccountsOf(db: Db, personId: string): Promise<readonly string[]> {
  const rows = await db('links as l')
    .join('link_keys as k', 'k.link_id', 'l.id')
    .join('key_waits as w', (on) => {
      on.on('w.store_id', 'k.store_id')
        .andOn('w.kind', 'l.kind')
        .andOn('w.attribute', 'k.attribute')
        .andOn('w.value_lower', 'k.value_lower');
    })
    .where({ 'l.kind': 'user', 'l.subject_id': personId })
    .whereNot('w.subject_id', personId)
    .distinct('w.subject_id');
  return rows.map((row: { subject_id: string }) => row.subject_id);
}

/** Whether another live person has this value, by which a store identifies people. */
export async function isIdentifierOfAnother(
  db: Db,
  environmentId: string,
  by: CommonSettings['uniqueUserIdentifier'],
  value: string,
  exceptId: string,
): Promise<boolean> {
  const column = by === 'primaryEmail' ? 'primary_email_lower' : 'user_name_lower';
  const other = await db('users')
    .where({ environment_id: environmentId, [column]: lower(value) })
    .whereNot('person_id', exceptId)
    .whereNull('deleted_at')
    .first('id');
  return other !== undefined;
}

export interface Namesake {
  readonly personId: string;
  readonly connectionId: string;
  readonly userName: string;
  /** An active user of the primary connection; otherwise a person with an account. */
  readonly isOfPrimary: boolean;
}

/** The people who come first for each of these addresses, which are in lower case. An address may have several. */
export async function namesakes(
  db: Db,
  environmentId: string,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, readonly Namesake[]>> {
  const found = new Map<string, Namesake[]>();
  const unique = [...new Set(addresses)];
  for (const some of chunks(unique)) {
    const account = db('links')
      .where({ 'links.kind': 'user' })
      .where('links.subject_id', db.ref('users.person_id'))
      .whereNot('links.state', 'removed')
      .select(db.raw('1'));
    const ofPrimary = 'users.deleted_at is null and users.active and connections.is_primary';
    const rows = await db('users')
      .join('connections', 'connections.id', 'users.connection_id')
      .where('users.environment_id', environmentId)
      .whereIn('users.primary_email_lower', some)
      .where((any) => any.whereRaw(ofPrimary).orWhereExists(account))
      .orderByRaw(`case when ${ofPrimary} then 0 else 1 end`)
      .orderBy(['users.created_at', 'users.id'])
      .select(
        ...['users.person_id', 'users.connection_id', 'users.user_name', 'users.primary_email_lower'],
        db.raw(`case when ${ofPrimary} then 1 else 0 end as of_primary`),
      );
    for (const row of rows) {
      const list = found.get(row.primary_email_lower) ?? [];
      list.push({
        ...{ personId: row.person_id, connectionId: row.connection_id, userName: row.user_name },
        isOfPrimary: Number(row.of_primary) === 1,
      });
      found.set(row.primary_email_lower, list);
    }
  }
  return found;
}

/**
 * People who may have been waiting for what this person had: newcomers about whom an admin is asked, and people who
 * yield. The person may be gone.
 */
export async function heirsOf(db: Db, environmentId: string, personId: string): Promise<readonly string[]> {
  const addresses = await db('users')
    .where({ person_id: personId })
    .whereNotNull('primary_email_lower')
    .distinct('primary_email_lower');
  const heirs = new Set(await newcomersOf(db, personId));
  for (const { primary_email_lower: address } of addresses)
    for (const id of await yieldingPeople(db, { environmentId, address, exceptId: personId })) heirs.add(id);
  return [...heirs];
}
