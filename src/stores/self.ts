/**
 * Which account is the credential's own, of a store that was never checked: a preview must not list it as
 * somebody's. Asks the store once and remembers the answer; it pins and pauses nothing.
 */

import type { Db } from '../db/open.ts';
import { rememberSelf } from '../db/stores/storeProgress.ts';
import { checkConnection } from './check.ts';
import type { StoreContext } from './desired.ts';

/** Where the store does not say, the context as it was. */
export async function withSelf(db: Db, context: StoreContext): Promise<StoreContext> {
  const { store, connector } = context;
  if (store.self !== null || store.tenantId !== null) return context;
  const check = await checkConnection(connector);
  if (check.outcome !== 'ok' || check.status.self === null) return context;
  await rememberSelf(db, store.id, check.status.self);
  return { ...context, store: { ...store, self: check.status.self } };
}
