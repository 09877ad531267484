/**
 * Addresses that look like somebody else's. That is recorded with the user when the address is new, and stands until
 * the address changes: the person who had theirs first is nobody's look-alike.
 */

import { addressSkeleton, isPlain } from '../../support/skeleton.ts';
import type { Db } from '../open.ts';

const CANDIDATES_MAX = 50;

export interface NewAddress {
  readonly environmentId: string;
  readonly personId: string;
  /** In lower case; null where there is none. */
  readonly address: string | null;
}

/** An address of another live user that this one looks like; null where there is none. */
export async function lookalikeOf(
  db: Db,
  { environmentId, personId, address }: NewAddress,
): Promise<string | null> {
  if (address === null) return null;
  const rows: { primary_email_lower: string }[] = await db('users')
    .where({ environment_id: environmentId, address_skeleton: addressSkeleton(address) })
    .whereNot({ person_id: personId })
    .whereNot({ primary_email_lower: address })
    .whereNull('deleted_at')
    .orderBy('created_at')
    .limit(CANDIDATES_MAX)
    .select('primary_email_lower');
  const found = rows.map((row) => row.primary_email_lower);
  return found.find((other) => !isPlain(address) || !isPlain(other)) ?? null;
}
