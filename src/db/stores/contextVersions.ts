/**
 * The version of a store context. Whatever changes a store's settings, rules or mappings, or how the connections of
 * its environment map users, raises it in the same transaction.
 */

import type { Knex } from 'knex';
import { keptReading } from '../knex/kept.ts';
import { type Db, dialectOf, forShare, forUpdate, rowsOf } from '../open.ts';
import type { Lease } from '../queue/leases.ts';

export async function raiseContextVersion(tx: Db, storeId: string): Promise<void> {
  await tx('stores')
    .where({ id: storeId })
    .update({ context_version: tx.raw('context_version + 1') });
}

/** Raises it for every store of the environment. */
export async function raiseContextVersions(tx: Db, environmentId: string): Promise<void> {
  // In the order of their ids, so that two who raise them never wait for each other.
  await forUpdate(tx, tx('stores').where({ environment_id: environmentId }).orderBy('id')).select('id');
  await tx('stores')
    .where({ environment_id: environmentId })
    .update({ context_version: tx.raw('context_version + 1') });
}

/** The version; null where the store is gone. Until the transaction ends, nobody raises it. */
export async function holdContextVersion(tx: Db, storeId: string): Promise<number | null> {
  const row = await forShare(tx, tx('stores').where({ id: storeId })).first('context_version');
  return row ? Number(row.context_version) : null;
}

export interface HeldStore {
  readonly contextVersion: number;
  readonly isBrakeTripped: boolean;
}

/**
 * Null where this worker does not have the store's lease. Until the transaction ends, nobody takes it, and nobody
 * raises the version. With `alone`, for a caller that will write to the store's row, nobody else may hold that row
 * either.
 */
export async function holdStore(tx: Db, lease: Lease, alone: boolean): Promise<HeldStore | null> {
  const [row] = rowsOf<{ context_version: number | string; brake_tripped_at: string | null }>(
    await storeHeld(tx, lease, alone ? 'update' : 'share'),
  );
  if (!row) return null;
  return { contextVersion: Number(row.context_version), isBrakeTripped: row.brake_tripped_at !== null };
}

/**
 * The query of `holdStore`, also for use in another statement. It locks the lease before the store's row, as
 * everybody does who locks both.
 */
export function storeHeld(tx: Db, lease: Lease, lock: 'share' | 'update'): Knex.Raw {
  const locks = `for key share of lease for ${lock} of store`;
  return tx.raw(
    `select store.context_version, store.brake_tripped_at
       from leases as lease join stores as store on store.id = lease.peer_id
      where lease.peer_id = ? and lease.holder = ? and lease.fence = ?
      ${dialectOf(tx) === 'postgres' ? locks : ''}`,
    [lease.peerId, lease.holder, lease.fence],
  );
}

export async function contextVersionOf(db: Db, storeId: string): Promise<number | null> {
  const row = await versionOf(db, { storeId });
  return row ? Number(row.context_version) : null;
}

const versionOf = keptReading<
  { readonly context_version: number | string } | undefined,
  { readonly storeId: string }
>((db, { storeId }) => db('stores').where({ id: storeId }).first('context_version'));
