/**
 * From how many people each request could take something, so that the brake can judge the request as a whole. The
 * request adds to the count as it writes; where it writes more than once, it announces the whole before.
 */

import type { Knex } from 'knex';
import type { CauseCount } from '../../model/loss.ts';
import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

export interface CauseSize {
  readonly correlationId: string;
  /** '' where it counts for every store. */
  readonly storeId: string;
  readonly description: string;
  /** How many people could lose something by it: those who became inactive, were deleted, or left a group. */
  readonly people: number;
  readonly at: string;
}

/** Adds to what one request could take from people. */
export function addingToCause(cause: CauseSize): Write {
  return writing(addToCause, cause);
}

function addToCause(db: Db, cause: CauseSize) {
  return db('causes')
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
 * Stands for the store in the row that a bulk request announces before it writes: what it could take on any store.
 */
export const ANNOUNCED = '*';
/** The same, but only for replaced identities, because most people who are written to keep theirs. */
export const ANNOUNCED_IDENTITIES = '@';

/** How many people a request could take something from, and whose identity it could replace. */
export interface Reach {
  readonly people: number;
  readonly identities: number;
}

/**
 * Announces what a request could take. Until `withdrawCause`, the brake uses these numbers where they are higher than
 * the count so far.
 */
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

/** The request is written to its end, so from now on only the count matters. */
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

/** Stands for the store in the row of a cause that an admin has decided about: no brake stops its losses. */
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
  /** What the requests count for this store or for every store: one row each, or several. */
  readonly counts: readonly CauseCount[];
  /** How many identities they may replace. */
  readonly identities: readonly CauseCount[];
  /** The requests that take something from somebody, on this store or on every store. */
  readonly taking: ReadonlySet<string>;
  /** How many announcements are in force. */
  readonly announced: number;
  /** An admin has decided about one of them. */
  readonly isDecided: boolean;
}

/** All rows about these requests that concern the store. */
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
