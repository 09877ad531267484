/**
 * The version of what a store context is made of. Whatever changes a store's settings, rules or mappings, or how
 * its environment's connections map users, raises it in the same transaction.
 */

import { type Db, forShare, forUpdate } from '../open.ts';

export async function raiseContextVersion(tx: Db, storeId: string): Promise<void> {
  await tx('stores')
    .where({ id: storeId })
    .update({ context_version: tx.raw('context_version + 1') });
}

/** Of every store of the environment. */
export async function raiseContextVersions(tx: Db, environmentId: string): Promise<void> {
  // In the order of their ids, so that two who raise them never wait for each other.
  await forUpdate(tx, tx('stores').where({ environment_id: environmentId }).orderBy('id')).select('id');
  await tx('stores')
    .where({ environment_id: environmentId })
    .update({ context_version: tx.raw('context_version + 1') });
}

/**
 * Null where the store is gone. Until the transaction ends, nobody raises the version; with `alone`, for who is
 * about to write to the store's row, nobody else holds it either.
 */
export async function holdContextVersion(tx: Db, storeId: string, alone: boolean): Promise<number | null> {
  const query = tx('stores').where({ id: storeId });
  const row = await (alone ? forUpdate(tx, query) : forShare(tx, query)).first('context_version');
  return row ? Number(row.context_version) : null;
}

export async function contextVersionOf(db: Db, storeId: string): Promise<number | null> {
  const row = await db('stores').where({ id: storeId }).first('context_version');
  return row ? Number(row.context_version) : null;
}
