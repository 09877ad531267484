/**
 * Which worker works on a peer. There is one holder at a time, with a number that rises with every change of hands,
 * so that a holder that lost the lease without noticing cannot record anything.
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
  /** A lease that ran out before this time is free: by then its holder's last call must have ended too. */
  readonly deadBefore: string;
}

export interface Applicant {
  readonly holder: string;
  /** True only where the process with that name is certainly gone. */
  isGone(holder: string): Promise<boolean>;
  /** Part of the transaction that takes over a lease whose holder did not let go of it. */
  takeOver(tx: Db): Promise<void>;
}

/** Another worker has the lease. It finds out what this one did; nothing may be recorded. */
export class LeaseLost extends Error {
  constructor(peerId: string) {
    super(`the lease on ${peerId} is lost`);
    this.name = 'LeaseLost';
  }
}

/**
 * Takes the lease where it is free, the applicant's own, or ran out before `deadBefore`, or where its holder is gone.
 * Null where another worker holds it. Times are ISO.
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

/** False where another worker has the lease. */
export async function renewLease(db: Db, lease: Lease, expiresAt: string): Promise<boolean> {
  const renewed = await db('leases')
    .where({ peer_id: lease.peerId, holder: lease.holder, fence: lease.fence })
    .update({ expires_at: expiresAt });
  return renewed === 1;
}

/**
 * One transaction that records what was done under the lease. Where it crosses another transaction, `work` runs
 * again. @throws LeaseLost, and then nothing is recorded.
 */
export function recordUnder<T>(db: Db, lease: Lease, work: (tx: Db) => Promise<T>): Promise<T> {
  return recordHolding(db, lease, holdLease, work);
}

/** Locks a lease until the transaction ends; null where it is lost. */
export type Hold<H> = (tx: Db, lease: Lease) => Promise<H | null>;

/** The same, where `hold` locks more than the lease. */
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

/**
 * The same, page by page, until the last. Each page is a transaction of its own, so nobody else who writes waits
 * longer than for one.
 */
export async function recordPages(
  db: Db,
  lease: Lease,
  page: (tx: Db) => Promise<{ readonly isLast: boolean }>,
): Promise<void> {
  let isLast = false;
  while (!isLast) ({ isLast } = await recordUnder(db, lease, page));
}

/**
 * Whether this worker has the lease. In a transaction, it stays so until the end; the holder may renew the lease
 * meanwhile.
 */
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

/**
 * Locks the lease. Call it before locking the peer's own row: the holder locks that inside what it records, and in
 * another order each would wait for the other.
 */
export async function lockLease(tx: Db, peerId: string): Promise<void> {
  await forUpdate(tx, tx('leases').where({ peer_id: peerId })).first('fence');
}
