/** The brake's books: who lost something on a store, and when. Read and written under the store's lock. */

import type { Db } from './open.ts';

export interface WindowRecord {
  /** People who lost something since the cutoff. */
  readonly used: number;
  /** The base of the oldest entry; null where the window is empty. */
  readonly base: number | null;
}

/** `cutoff` is an ISO time. */
export async function readWindow(db: Db, storeId: string, cutoff: string): Promise<WindowRecord> {
  const used = await db('brake_ledger')
    .where({ store_id: storeId })
    .where('at', '>', cutoff)
    .count({ n: '*' })
    .first();
  const oldest = await db('brake_ledger')
    .where({ store_id: storeId })
    .where('at', '>', cutoff)
    .orderBy('at')
    .first('base');
  return { used: Number(used?.n ?? 0), base: oldest ? Number(oldest.base) : null };
}

const KEYS_PER_QUERY_MAX = 500;

/** Which of these people are in the window already. */
export async function peopleInWindow(
  db: Db,
  storeId: string,
  cutoff: string,
  personKeys: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let from = 0; from < personKeys.length; from += KEYS_PER_QUERY_MAX) {
    const rows = await db('brake_ledger')
      .where({ store_id: storeId })
      .where('at', '>', cutoff)
      .whereIn('person_key', personKeys.slice(from, from + KEYS_PER_QUERY_MAX))
      .select('person_key');
    for (const row of rows) found.add(row.person_key);
  }
  return found;
}

export async function reservePerson(
  db: Db,
  storeId: string,
  personKey: string,
  base: number,
  at: string,
): Promise<void> {
  await db('brake_ledger')
    .insert({ store_id: storeId, person_key: personKey, at, base })
    .onConflict(['store_id', 'person_key'])
    .merge(['at', 'base']);
}

/**
 * The most people that one of these causes could take something from, and how many subjects that cause
 * touched. Causes without a row take nothing.
 */
export async function largestCause(
  db: Db,
  storeId: string,
  correlationIds: readonly string[],
): Promise<{ readonly people: number; readonly subjects: number } | null> {
  if (correlationIds.length === 0) return null;
  const row = await db('causes')
    .whereIn('correlation_id', correlationIds)
    .whereIn('store_id', ['', storeId])
    .orderBy('people', 'desc')
    .first('people', 'subjects');
  return row ? { people: Number(row.people), subjects: Number(row.subjects) } : null;
}

/** Somebody would lose something by this cause. */
export async function addLoser(
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

/** Everyone was planned: the cause is known by the people counted, and the list of them goes. */
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
  // More than one subject, whatever the number: nothing but this count says what the cause would do.
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
