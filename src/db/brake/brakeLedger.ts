/**
 * The brake's books: who lost something on a store and when, and from how many people each cause would take
 * something. The caller has locked the store.
 */

import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

/** Counts the person in the window before the call, so that several workers together stay within the limit. */
export function reservingPerson(storeId: string, personKey: string, base: number, at: string): Write {
  return writing(reserve, { store_id: storeId, person_key: personKey, at, base });
}

function reserve(db: Db, row: object) {
  return db('brake_ledger').insert(row).onConflict(['store_id', 'person_key']).merge(['at', 'base']);
}

/** Starts a new window: earlier losses no longer count. */
export async function beginWindow(db: Db, storeId: string): Promise<void> {
  await db('brake_ledger').where({ store_id: storeId }).delete();
}

/** The causes that take something from somebody, on this store or on every store. */
export async function causesThatTake(
  db: Db,
  storeId: string,
  correlationIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows: { correlation_id: string }[] = await db('causes')
    .whereIn('correlation_id', correlationIds)
    .whereIn('store_id', ['', storeId])
    .where('people', '>', 0)
    .select('correlation_id');
  return new Set(rows.map((row) => row.correlation_id));
}

/** Adds people who would lose something by a cause that is still being counted. */
export async function addPeopleToCause(
  db: Db,
  correlationId: string,
  storeId: string,
  personKeys: readonly string[],
): Promise<void> {
  for (const personKey of personKeys) {
    await db('cause_people')
      .insert({ correlation_id: correlationId, store_id: storeId, person_key: personKey })
      .onConflict(['correlation_id', 'store_id', 'person_key'])
      .ignore();
  }
}

export interface PeopleOfCause {
  readonly correlationId: string;
  readonly storeId: string;
  readonly description: string;
  readonly people: number;
  /** How many subjects were planned for the count. Above 1, the brake uses the count, and not one subject's plan. */
  readonly subjects: number;
  readonly at: string;
}

/** How many subjects were planned when the cause was last counted for this store; 0 where it never was. */
export async function subjectsCounted(db: Db, correlationId: string, storeId: string): Promise<number> {
  const row = await db('causes')
    .where({ correlation_id: correlationId, store_id: storeId })
    .first('subjects');
  return Number(row?.subjects ?? 0);
}

/** Records from how many people a cause would take something on one store. The higher of two counts stays. */
export async function recordPeopleOfCause(db: Db, cause: PeopleOfCause): Promise<void> {
  await db('causes')
    .insert({
      correlation_id: cause.correlationId,
      store_id: cause.storeId,
      description: cause.description,
      subjects: Math.max(cause.subjects, cause.people + 1),
      people: cause.people,
      created_at: cause.at,
    })
    .onConflict(['correlation_id', 'store_id'])
    .merge({
      subjects: db.raw(
        'case when causes.subjects < excluded.subjects then excluded.subjects else causes.subjects end',
      ),
      people: db.raw('case when causes.people < excluded.people then excluded.people else causes.people end'),
    });
}

/** One page of the people counted so far, in the order of their keys. */
export async function countedPeople(
  db: Db,
  correlationId: string,
  storeId: string,
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db('cause_people')
    .where({ correlation_id: correlationId, store_id: storeId })
    .where('person_key', '>', after)
    .orderBy('person_key')
    .limit(limit)
    .select('person_key');
  return rows.map((row: { person_key: string }) => row.person_key);
}

export async function countCounted(db: Db, correlationId: string, storeId: string): Promise<number> {
  const row = await db('cause_people')
    .where({ correlation_id: correlationId, store_id: storeId })
    .count({ n: '*' })
    .first();
  return Number(row?.n ?? 0);
}

export async function forgetCounted(db: Db, correlationId: string, storeId: string): Promise<void> {
  await db('cause_people').where({ correlation_id: correlationId, store_id: storeId }).delete();
}

/** Ends the count of a cause: records the number of people, deletes the list of them, and answers the number. */
export async function closeCause(
  db: Db,
  cause: {
    readonly correlationId: string;
    readonly storeId: string;
    readonly description: string;
    readonly at: string;
  },
): Promise<number> {
  const scope = { correlation_id: cause.correlationId, store_id: cause.storeId };
  const counted = await db('cause_people').where(scope).count({ n: '*' }).first();
  const people = Number(counted?.n ?? 0);
  // Above 1 wherever somebody loses something, so that the brake uses this count, and not one subject's plan.
  const row = {
    ...scope,
    description: cause.description,
    subjects: people + 1,
    people,
    created_at: cause.at,
  };
  await db('causes').insert(row).onConflict(['correlation_id', 'store_id']).merge(['subjects', 'people']);
  await db('cause_people').where(scope).delete();
  return people;
}
