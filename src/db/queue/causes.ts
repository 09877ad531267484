/**
 * From how many people each request could take something: added up as it writes, and announced before it does where
 * it writes more than once, so that the brake can judge it whole.
 */

import type { Knex } from 'knex';
import type { CauseCount } from '../../model/loss.ts';
import type { Db } from '../open.ts';

export interface CauseSize {
  readonly correlationId: string;
  /** '' where it means every store. */
  readonly storeId: string;
  readonly description: string;
  /** People who could lose something by it: who became inactive, was deleted, or left a group. */
  readonly people: number;
  readonly at: string;
}

/** Adds up what one request could take from people, so that the brake can judge it whole. */
export async function addToCause(db: Db, cause: CauseSize): Promise<void> {
  await db('causes')
    .insert({
      correlation_id: cause.correlationId,
      store_id: cause.storeId,
      description: cause.description,
      subjects: 1,
      people: cause.people,
      created_at: cause.at,
    })
    .onConflict(['correlation_id', 'store_id'])
    .merge({ subjects: db.raw('causes.subjects + 1'), people: db.raw('causes.people + excluded.people') });
}

/**
 * Stands for the store in the row of a bulk request that is still being written: what it could take on any
 * store.
 */
export const ANNOUNCED = '*';
/** The same, and counts for replaced identities alone: most who are written to keep theirs. */
export const ANNOUNCED_IDENTITIES = '@';

/** How many people a request could take something from, and whose identity it could replace. */
export interface Reach {
  readonly people: number;
  readonly identities: number;
}

/** Until `withdrawCause` the brake goes by these numbers, where they are higher than what is counted so far. */
export async function announceCause(
  db: Db,
  cause: Omit<CauseSize, 'storeId' | 'people'>,
  reach: Reach,
): Promise<void> {
  const announced = [
    [ANNOUNCED, reach.people],
    [ANNOUNCED_IDENTITIES, reach.identities],
  ] as const;
  for (const [store_id, people] of announced) {
    await db('causes').insert({
      correlation_id: cause.correlationId,
      store_id,
      description: cause.description,
      subjects: people,
      people,
      created_at: cause.at,
    });
  }
}

/** The request is written to its end, so that what was counted stands alone. */
export async function withdrawCause(db: Db, correlationId: string): Promise<void> {
  await db('causes')
    .where({ correlation_id: correlationId })
    .whereIn('store_id', [ANNOUNCED, ANNOUNCED_IDENTITIES])
    .delete();
}

/** How many announcements of these requests are in force. */
export async function countAnnounced(db: Db, correlationIds: readonly string[]): Promise<number> {
  const row = await db('causes')
    .whereIn('correlation_id', correlationIds)
    .whereIn('store_id', [ANNOUNCED, ANNOUNCED_IDENTITIES])
    .count({ n: '*' })
    .first();
  return Number(row?.n ?? 0);
}

/** Stands for the store in the row of a cause that an admin has decided already: its losses pass every brake. */
const DECIDED = '!';

export async function markDecided(db: Db, correlationId: string, at: string): Promise<void> {
  await db('causes')
    .insert({
      correlation_id: correlationId,
      store_id: DECIDED,
      description: 'decided',
      ...{ subjects: 0, people: 0 },
      created_at: at,
    })
    .onConflict(['correlation_id', 'store_id'])
    .ignore();
}

export interface CausesOnStore {
  /** What is counted of them for the store, or for whatever store: one each, or several. */
  readonly counts: readonly CauseCount[];
  /** Whose identity they may replace. */
  readonly identities: readonly CauseCount[];
  /** Those that take something from somebody, on this store or wherever they are. */
  readonly taking: ReadonlySet<string>;
  /** How many announcements are in force. */
  readonly announced: number;
  /** An admin has decided about one of them. */
  readonly isDecided: boolean;
}

/** Everything about the requests that concerns the store. */
export function causesRows(db: Db, storeId: string, correlationIds: readonly string[]): Knex.QueryBuilder {
  return db('causes')
    .whereIn('correlation_id', correlationIds)
    .whereIn('store_id', ['', storeId, ANNOUNCED, ANNOUNCED_IDENTITIES, DECIDED]);
}

export interface CauseRow {
  readonly correlation_id: string;
  readonly store_id: string;
  readonly people: number | string;
  readonly subjects: number | string;
}

export function sumUp(storeId: string, rows: readonly CauseRow[]): CausesOnStore {
  const of = (...stores: readonly string[]) => rows.filter((row) => stores.includes(row.store_id));
  const counts = (some: readonly CauseRow[]) =>
    some.map(({ people, subjects }) => ({ people: Number(people), subjects: Number(subjects) }));
  const taking = of('', storeId).filter(({ people }) => Number(people) > 0);
  return {
    counts: counts(of('', storeId, ANNOUNCED)),
    identities: counts(of(ANNOUNCED_IDENTITIES)),
    taking: new Set(taking.map((row) => row.correlation_id)),
    announced: of(ANNOUNCED, ANNOUNCED_IDENTITIES).length,
    isDecided: of(DECIDED).length > 0,
  };
}
