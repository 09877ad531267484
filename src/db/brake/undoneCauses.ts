/**
 * Requests whose losses an admin undid with an incident. What a store has not taken of them yet, because of its
 * queue, an outage or a limit, it does not take any more. What is under way is given back.
 */

import type { Knex } from 'knex';
import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import type { CalledOff } from '../pull/undo.ts';

/** Stands for the person where everybody is meant whom the request takes something from. */
export const EVERYBODY = '';

export interface UndoneCause {
  readonly correlationId: string;
  readonly personKey: string;
}

/** Records the undone causes. Where two admins undo the same, the first counts. */
export async function noteUndone(
  tx: Db,
  causes: readonly UndoneCause[],
  { incidentId, by, at }: CalledOff,
): Promise<void> {
  for (const some of chunks(causes)) {
    const rows = some.map(({ correlationId, personKey }) => ({
      ...{ correlation_id: correlationId, person_key: personKey },
      ...{ incident_id: incidentId, by, at },
    }));
    await tx('undone_causes').insert(rows).onConflict(['correlation_id', 'person_key']).ignore();
  }
}

/**
 * Requests between the ISO times that take something from somebody and for which the store still has work. Not those
 * of another incident, which has a decision of its own.
 */
export async function causesWaiting(
  db: Db,
  { storeId, incidentId }: { readonly storeId: string; readonly incidentId: string },
  { from, until }: { readonly from: string; readonly until: string },
): Promise<readonly string[]> {
  const ofOthers = db('losses as l')
    .where('l.cause', db.ref('c.correlation_id'))
    .whereNot('l.incident_id', incidentId)
    .select(db.raw('1'));
  const rows = await db('causes as c')
    .join('task_causes as tc', 'tc.correlation_id', 'c.correlation_id')
    .join('tasks as t', 't.id', 'tc.task_id')
    .where({ 't.store_id': storeId })
    .whereIn('c.store_id', ['', storeId])
    .where('c.people', '>', 0)
    .whereBetween('c.created_at', [from, until])
    .whereNotExists(ofOthers)
    .distinct('c.correlation_id');
  return rows.map((row: { correlation_id: string }) => row.correlation_id);
}

/** The requests of which an admin undid something. */
export function undoneAmong(db: Db, correlationIds: readonly string[]): Knex.QueryBuilder {
  return db('undone_causes').whereIn('correlation_id', correlationIds);
}

/** For a subselect: the incident with which an admin undid what the request takes from the person. */
export function incidentOfUndo(db: Db, { correlationId, personKey }: UndoneCause): Knex.QueryBuilder {
  return undoneAmong(db, [correlationId])
    .whereIn('person_key', [EVERYBODY, personKey])
    .orderBy('at')
    .limit(1)
    .select('incident_id');
}

/**
 * Of these people, those from whom nothing is to be taken for the request. Not people who have come back since: the
 * directory has said something new about them.
 */
export async function undoneFor(
  db: Db,
  correlationId: string,
  personKeys: readonly string[],
): Promise<ReadonlyMap<string, CalledOff>> {
  const found = new Map<string, CalledOff>();
  for (const some of chunks(personKeys)) {
    const rows: readonly UndoneRow[] = await undoneAmong(db, [correlationId])
      .whereIn('person_key', [EVERYBODY, ...some])
      .orderBy('at', 'desc');
    for (const { person_key, incident_id: incidentId, by, at } of rows)
      for (const key of person_key === EVERYBODY ? some : [person_key])
        found.set(key, { incidentId, by, at });
    for (const { person_id } of await broughtBack(db, correlationId, some)) found.delete(person_id);
  }
  return found;
}

/** People who left by the request and are back now. */
function broughtBack(
  db: Db,
  correlationId: string,
  personIds: readonly string[],
): Promise<readonly { readonly person_id: string }[]> {
  return db('events as e')
    .join('users as u', 'u.person_id', 'e.subject_id')
    .where({ 'e.correlation_id': correlationId, 'u.active': true })
    .whereIn('e.kind', ['user.deactivated', 'user.deleted', 'user.filtered'])
    .whereIn('u.person_id', personIds)
    .whereNull('u.deleted_at')
    .distinct('u.person_id');
}

interface UndoneRow {
  readonly person_key: string;
  readonly incident_id: string;
  readonly by: string;
  readonly at: string;
}
