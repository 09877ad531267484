/**
 * Finds out which account is the credential's own, where the store was never checked: a preview must not list it as
 * an orphan. Asks the store once and remembers the answer; it pins and pauses nothing.
 */

import type { Db } from '../db/open.ts';
import { rememberSelf } from '../db/stores/storeProgress.ts';
import { checkConnection } from './check.ts';
import type { StoreContext } from './desired.ts';

/** Answers the context unchanged where the store does not say. */
export async function withSelf(db: Db, context: StoreContext): Promise<StoreContext> {
  const { store, connector } = context;
  if (store.self !== null || store.tenantId !== null) return context;
  const check = await checkConnection(connector);
  if (check.outcome !== 'ok' || check.status.self === null) return context;
  await rememberSelf(db, store.id, check.status.self);
  return { ...context, store: { ...store, self: check.status.self } };
}
