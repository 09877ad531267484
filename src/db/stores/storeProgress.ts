/**
 * What workers keep on a store's row: scans, successes, the brake, the vendor's lack of seats, and answers that did
 * not come from the vendor. `stores.ts` writes what admins and checks decide.
 */

import { toJson } from '../columns.ts';
import { updatingRow, type Write } from '../knex/writing.ts';
import { type Db, dialectOf, forUpdate } from '../open.ts';
import type { StoreRecord, UnrecognisedAnswers } from './stores.ts';

/** A task of the store was settled with the vendor's help. `at`: an ISO time here and below. */
export function recordingSuccess(id: string, at: string): Write {
  return updatingRow('stores', id, { last_success_at: at });
}

/** The store was read to its end; null: nothing that a scan saw can be relied on. */
export async function recordScan(tx: Db, id: string, at: string | null): Promise<void> {
  await tx('stores').where({ id }).update({ scanned_at: at });
}

export async function recordSync(tx: Db, id: string, at: string): Promise<void> {
  await tx('stores').where({ id }).update({ last_sync_at: at });
}

/** The credential's own account, for a store that no check has pinned yet. */
export async function rememberSelf(
  db: Db,
  id: string,
  self: NonNullable<StoreRecord['self']>,
): Promise<void> {
  await db('stores')
    .where({ id })
    .whereNull('tenant_id')
    .update({ self: toJson(self) });
}

/**
 * Until the transaction ends, nobody else trips or releases the store's brake. On SQLite the transaction itself is
 * the lock.
 */
export async function holdBrake(tx: Db, id: string): Promise<void> {
  if (dialectOf(tx) === 'postgres') await forUpdate(tx, tx('stores').where({ id })).first('id');
}

export async function tripBrake(tx: Db, id: string, at: string): Promise<void> {
  await tx('stores').where({ id }).update({ brake_tripped_at: at });
}

export async function releaseBrake(tx: Db, id: string): Promise<void> {
  await tx('stores').where({ id }).whereNotNull('brake_tripped_at').update({ brake_tripped_at: null });
}

/**
 * The vendor has no seats, so creations wait until `until`, an ISO time. False where another refusal was recorded
 * since `before` was read.
 */
export async function recordSeatRefusal(tx: Db, id: string, before: number, until: string): Promise<boolean> {
  const recorded = await tx('stores')
    .where({ id, seat_refusals: before })
    .update({ creations_wait_until: until, seat_refusals: before + 1 });
  return recorded === 1;
}

/** The vendor has seats again. */
export async function forgetSeatRefusals(tx: Db, id: string): Promise<void> {
  await tx('stores').where({ id }).update({ creations_wait_until: null, seat_refusals: 0 });
}

/** Creations that wait for seats are tried again from `at` on. */
export async function endSeatsWaitAt(tx: Db, id: string, at: string): Promise<void> {
  await tx('stores')
    .where({ id })
    .where('creations_wait_until', '>', at)
    .update({ creations_wait_until: at });
}

/** Null: the vendor answers again, or there is no answer at all. */
export async function saveUnrecognised(
  db: Db,
  id: string,
  unrecognised: UnrecognisedAnswers | null,
): Promise<void> {
  await db('stores')
    .where({ id })
    .update({ unrecognised: unrecognised && toJson(unrecognised) });
}
