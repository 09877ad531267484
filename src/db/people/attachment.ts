/**
 * Which person an arriving user belongs to. A user is attached once. Only an admin's answer to the question whether
 * two people are one moves it later.
 */

import { newId } from '../../support/ids.ts';
import { fromBoolean } from '../columns.ts';
import { type Db, dialectOf, forUpdate } from '../open.ts';
import { type Arrival, type ArrivingThrough, arriving, isText, type Tombstone } from './arriving.ts';
import { personsElsewhere } from './elsewhere.ts';
import { formersByExternalId } from './formers.ts';

export interface Attachment {
  readonly personId: string;
  /**
   * `returned`: to the person of a deleted user of this connection; `matched`: to that of another connection's user;
   * `new`: to a person that the caller makes.
   */
  readonly how: 'returned' | 'matched' | 'new';
  readonly connection: ArrivingThrough;
}

/**
 * First, a deleted user of the same connection with the same externalId, or with the same userName unless both have
 * different externalIds. Otherwise, where the connection matches people, an active user of another connection with
 * the same id at the source, or the same primary e-mail. Otherwise a new person, whom the caller makes. Two live
 * users of one connection are never one person.
 */
export async function attachPerson(db: Db, arrival: Arrival): Promise<Attachment> {
  const { connection, tombstones } = await arriving(db, arrival);
  const same = tombstones.filter((user) => !connection.asks || !isSomebodyElse(user, arrival));
  const known = connection.asks && connection.mayBeFormer ? await formersByExternalId(db, arrival) : [];
  const returned = await firstFree(db, arrival.connectionId, [
    ...same.map((user) => user.person_id),
    ...known,
  ]);
  if (returned) return { personId: returned, how: 'returned', connection };
  const matches = connection.matchPeople && connection.hasOthers;
  const matched = matches ? await personElsewhere(db, arrival, connection) : null;
  if (matched) return { personId: matched, how: 'matched', connection };
  return { personId: newId(), how: 'new', connection };
}

function isSomebodyElse({ external_id: was, same_id }: Tombstone, { resource }: Arrival): boolean {
  const is = resource.externalId;
  return !fromBoolean(same_id) && isText(was) && isText(is) && was !== is;
}

async function personElsewhere(
  db: Db,
  { environmentId, connectionId, resource, primaryEmail }: Arrival,
  connection: ArrivingThrough,
): Promise<string | null> {
  await lockMatching(db, environmentId);
  const externalId = isText(resource.externalId) ? resource.externalId : null;
  const own = { ...connection, id: connectionId, environmentId };
  const [found] = await personsElsewhere(db, own, [{ externalId, email: primaryEmail }]);
  return firstFree(db, connectionId, found?.persons ?? []);
}

/**
 * Makes two connections that create the same person at the same time wait for each other, so that one finds the
 * other's user.
 */
async function lockMatching(db: Db, environmentId: string): Promise<void> {
  if (dialectOf(db) === 'sqlite') return;
  await db('environments').where({ id: environmentId }).forNoKeyUpdate().first('id');
}

/** The first of these persons who has no live user in the connection. Its row is locked. */
async function firstFree(db: Db, connectionId: string, personIds: readonly string[]): Promise<string | null> {
  for (const id of new Set(personIds)) {
    await forUpdate(db, db('persons').where({ id })).first('id');
    const taken = await db('users')
      .where({ person_id: id, connection_id: connectionId })
      .whereNull('deleted_at')
      .first('id');
    if (!taken) return id;
  }
  return null;
}
