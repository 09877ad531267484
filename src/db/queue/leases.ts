/**
 * Who works on a peer: a store, or another thing that the bridge has a credential for. One holder at a time, with
 * a number that rises with every change of hands, so that a holder who lost the lease without noticing cannot
 * record anything.
 */

import { type Db, forKeyShare, forUpdate } from '../open.ts';
import { transact } from '../transaction.ts';

export interface Lease {
  readonly peerId: string;
  readonly holder: string;
  readonly fence: number;
}

export interface LeaseTimes {
  readonly expiresAt: string;
  /** A lease that ran out before then is free: its holder's last call must have ended too. */
  readonly deadBefore: string;
}

export interface Applicant {
  readonly holder: string;
  /** True only where the process of that name is certainly gone. */
  isGone(holder: string): Promise<boolean>;
  /** Part of the transaction that takes a lease which its holder did not let go of. */
  takeOver(tx: Db): Promise<void>;
}

/** The lease has passed to another worker: whatever we did is theirs to find out; record nothing. */
export class LeaseLost extends Error {
  constructor(peerId: string) {
    super(`the lease on ${peerId} is lost`);
    this.name = 'LeaseLost';
  }
}

/**
 * Takes the lease where it is free, the applicant's own, or has run out before `deadBefore`, or where its holder
 * is gone. Null where somebody else holds it. Times are ISO.
 */
export async function acquireLease(
  db: Db,
  peerId: string,
  { holder, isGone, takeOver }: Applicant,
  times: LeaseTimes,
): Promise<Lease | null> {
  await db('leases')
    .insert({ peer_id: peerId, holder: '', fence: 0, expires_at: '' })
    .onConflict('peer_id')
    .ignore();
  const found = (await db('leases').where({ peer_id: peerId }).first()) as LeaseRow | undefined;
  if (!found) return null;
  const { holder: before, fence, expires_at } = found;
  const free = before === '' || before === holder || expires_at < times.deadBefore;
  if (!free && !(await isGone(before))) return null;
  return db.transaction(async (tx) => {
    const taken = await tx('leases')
      .where({ peer_id: peerId, holder: before, fence, expires_at })
      .update({ holder, fence: Number(fence) + 1, expires_at: times.expiresAt });
    if (taken === 0) return null;
    if (before !== '') await takeOver(tx);
    return { peerId, holder, fence: Number(fence) + 1 };
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
    .where({ peer_id: lease.peerId, holder: lease.holder, fence: lease.fence })
    .update({ expires_at: expiresAt });
  return renewed === 1;
}

/**
 * One transaction that records what was done under the lease. Where another transaction crosses it, `work` runs again.
 * @throws LeaseLost, and then nothing is recorded.
 */
export function recordUnder<T>(db: Db, lease: Lease, work: (tx: Db) => Promise<T>): Promise<T> {
  return recordHolding(db, lease, holdLease, work);
}

/** Makes sure of a lease, in a transaction, until that ends; null where it is lost. */
export type Hold<H> = (tx: Db, lease: Lease) => Promise<H | null>;

/** The same, where `hold` makes sure of the lease and of more with it. */
export async function recordHolding<H, T>(
  db: Db,
  lease: Lease,
  hold: Hold<H>,
  work: (tx: Db, held: H) => Promise<T>,
): Promise<T> {
  return transact(db, async (tx) => {
    const held = await hold(tx, lease);
    if (held === null) throw new LeaseLost(lease.peerId);
    return work(tx, held);
  });
}

/** The same until a page was the last. Each is a transaction of its own: whoever else writes waits for one at most. */
export async function recordPages(
  db: Db,
  lease: Lease,
  page: (tx: Db) => Promise<{ readonly isLast: boolean }>,
): Promise<void> {
  let isLast = false;
  while (!isLast) ({ isLast } = await recordUnder(db, lease, page));
}

/** True while the lease is ours; in a transaction, until that ends. The holder may renew it meanwhile. */
export async function holdsLease(db: Db, lease: Lease): Promise<boolean> {
  const { peerId, holder, fence } = lease;
  const row = await forKeyShare(db, db('leases').where({ peer_id: peerId, holder, fence })).first('fence');
  return row !== undefined;
}

export async function holdLease(tx: Db, lease: Lease): Promise<true | null> {
  return (await holdsLease(tx, lease)) || null;
}

export async function releaseLease(db: Db, lease: Lease): Promise<void> {
  await db('leases')
    .where({ peer_id: lease.peerId, holder: lease.holder, fence: lease.fence })
    .update({ holder: '', expires_at: '' });
}

/** Before the peer's own row, which the holder locks inside what it records: or each would wait for the other. */
export async function lockLease(tx: Db, peerId: string): Promise<void> {
  await forUpdate(tx, tx('leases').where({ peer_id: peerId })).first('fence');
}
