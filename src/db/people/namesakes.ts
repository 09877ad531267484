/**
 * People of connections that match nobody, and the people to whom they yield: an active user of the primary connection
 * with the same address, or anybody with an account who had it.
 */

import type { CommonSettings } from '../../model/commonSettings.ts';
import { chunks } from '../chunks.ts';
import { lower } from '../columns.ts';
import type { Db } from '../open.ts';
import { newcomersOf } from './questions.ts';

/** People who may have yielded to somebody with this address, in lower case. */
export async function yieldingPeople(
  db: Db,
  environmentId: string,
  address: string,
  exceptId: string,
): Promise<readonly string[]> {
  const rows = await db('users')
    .join('connections', 'connections.id', 'users.connection_id')
    .where({ 'users.environment_id': environmentId, 'users.primary_email_lower': address })
    .where({ 'connections.is_primary': false, 'connections.match_people': false })
    .whereNot('users.person_id', exceptId)
    .whereNull('users.deleted_at')
    .distinct('users.person_id');
  return rows.map((row: { person_id: string }) => row.person_id);
}

/** Somebody else who is there has this value as what a store identifies people by. */
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
  /** An active user of the primary connection; otherwise somebody with an account. */
  readonly isOfPrimary: boolean;
}

/** To whom each of these addresses (in lower case) is due before anybody else, several for one address. */
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
 * Who may have been waiting for what this person had: newcomers who are asked about, and people who yield to them. The
 * person may be gone.
 */
export async function heirsOf(db: Db, environmentId: string, personId: string): Promise<readonly string[]> {
  const addresses = await db('users')
    .where({ person_id: personId })
    .whereNotNull('primary_email_lower')
    .distinct('primary_email_lower');
  const heirs = new Set(await newcomersOf(db, personId));
  for (const { primary_email_lower: address } of addresses)
    for (const id of await yieldingPeople(db, environmentId, address, personId)) heirs.add(id);
  return [...heirs];
}
