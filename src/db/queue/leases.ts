/**
 * Who works on a store. One holder at a time, with a number that rises with every change of hands, so
 * that a holder who lost the lease without noticing cannot record anything.
 */

import { type Db, forShare, forUpdate } from '../open.ts';
import { recheckCalls } from './rechecks.ts';

export interface Lease {
  readonly storeId: string;
  readonly holder: string;
  readonly fence: number;
}

export interface LeaseTimes {
  readonly expiresAt: string;
  /** A lease that ran out before then is free: its holder's last call must have ended too. */
  readonly deadBefore: string;
  /** When a call of a predecessor who did not let go of the lease must have ended. */
  readonly lookAgainAt: string;
}

/**
 * Takes the lease where it is free, ours, or has run out before `deadBefore`, or where its holder is gone.
 * Null where somebody else holds it. A lease that nobody let go of leaves calls behind of which nobody will
 * hear: their tasks are looked at again when those must have ended. Times are ISO.
 */
export async function acquireLease(
  db: Db,
  storeId: string,
  holder: string,
  times: LeaseTimes,
  isGone: (holder: string) => Promise<boolean>,
): Promise<Lease | null> {
  await db('leases')
    .insert({ store_id: storeId, holder: '', fence: 0, expires_at: '' })
    .onConflict('store_id')
    .ignore();
  const found = (await db('leases').where({ store_id: storeId }).first()) as LeaseRow | undefined;
  if (!found) return null;
  const { holder: before, fence, expires_at } = found;
  const free = before === '' || before === holder || expires_at < times.deadBefore;
  if (!free && !(await isGone(before))) return null;
  return db.transaction(async (tx) => {
    const taken = await tx('leases')
      .where({ store_id: storeId, holder: before, fence, expires_at })
      .update({ holder, fence: Number(fence) + 1, expires_at: times.expiresAt });
    if (taken === 0) return null;
    if (before !== '') await recheckCalls(tx, storeId, times.lookAgainAt);
    return { storeId, holder, fence: Number(fence) + 1 };
  });
}

interface LeaseRow {
  readonly holder: string;
  readonly fence: number;
  readonly expires_at: string;
}

/** False where the lease has passed to somebody else. */
export async function renewLease(db: Db, lease: Lease, expiresAt: string): Promise<boolean> {
  const renewed = await db('leases')
    .where({ store_id: lease.storeId, holder: lease.holder, fence: lease.fence })
    .update({ expires_at: expiresAt });
  return renewed === 1;
}

/** True while the lease is ours, and until the transaction ends that records what was done under it. */
export async function holdsLease(db: Db, lease: Lease): Promise<boolean> {
  const { storeId, holder, fence } = lease;
  const row = await forShare(db, db('leases').where({ store_id: storeId, holder, fence })).first('fence');
  return row !== undefined;
}

export async function releaseLease(db: Db, lease: Lease): Promise<void> {
  await db('leases')
    .where({ store_id: lease.storeId, holder: lease.holder, fence: lease.fence })
    .update({ holder: '', expires_at: '' });
}

/** Before the store's own row, which the holder locks inside what it records: or each would wait for the other. */
export async function lockLease(tx: Db, storeId: string): Promise<void> {
  await forUpdate(tx, tx('leases').where({ store_id: storeId })).first('fence');
}
