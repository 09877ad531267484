/**
 * Who works on a store. One holder at a time, with a number that rises with every change of hands, so
 * that a holder who lost the lease without noticing cannot record anything.
 */

import type { Db } from './open.ts';

export interface Lease {
  readonly storeId: string;
  readonly holder: string;
  readonly fence: number;
}

/**
 * Takes the lease where it is free, ours, or has been expired for `graceMs` (the longest call that a
 * predecessor may still have under way). Null where somebody else holds it. Times are ISO.
 */
export async function acquireLease(
  db: Db,
  storeId: string,
  holder: string,
  times: { readonly expiresAt: string; readonly deadBefore: string },
): Promise<Lease | null> {
  await db('leases')
    .insert({ store_id: storeId, holder: '', fence: 0, expires_at: '' })
    .onConflict('store_id')
    .ignore();
  const rows = await db('leases')
    .where({ store_id: storeId })
    .where((query) =>
      query.where({ holder }).orWhere({ holder: '' }).orWhere('expires_at', '<', times.deadBefore),
    )
    .update({ holder, fence: db.raw('fence + 1'), expires_at: times.expiresAt })
    .returning('fence');
  const [row] = rows as { fence: number }[];
  return row ? { storeId, holder, fence: Number(row.fence) } : null;
}

/** False where the lease has passed to somebody else. */
export async function renewLease(db: Db, lease: Lease, expiresAt: string): Promise<boolean> {
  const renewed = await db('leases')
    .where({ store_id: lease.storeId, holder: lease.holder, fence: lease.fence })
    .update({ expires_at: expiresAt });
  return renewed === 1;
}

/** True while the lease is ours; asked inside the transaction that records what was done under it. */
export async function holdsLease(db: Db, lease: Lease): Promise<boolean> {
  const row = await db('leases')
    .where({ store_id: lease.storeId, holder: lease.holder, fence: lease.fence })
    .first('fence');
  return row !== undefined;
}

export async function releaseLease(db: Db, lease: Lease): Promise<void> {
  await db('leases')
    .where({ store_id: lease.storeId, holder: lease.holder, fence: lease.fence })
    .update({ holder: '', expires_at: '' });
}

/** Leases of a process that is known to be dead: on SQLite, of any other process on this machine. */
export async function releaseLeasesOf(db: Db, isDead: (holder: string) => boolean): Promise<void> {
  const rows = await db('leases').whereNot({ holder: '' }).select('store_id', 'holder');
  for (const row of rows as { store_id: string; holder: string }[]) {
    if (!isDead(row.holder)) continue;
    await db('leases').where(row).update({ holder: '', expires_at: '' });
  }
}
