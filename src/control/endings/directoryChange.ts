/** Tells the stores that many people changed at once, because an admin changed a connection's mapping. */

import type { Db } from '../../db/open.ts';
import { listWorkingStores } from '../../db/stores/stores.ts';
import type { Cause } from '../../model/cause.ts';
import { queueRun } from '../stores.ts';

/** Queues a run on every active store of the environment; for the brake, the request is one cause. */
export async function replanStores(tx: Db, at: string, environmentId: string, cause: Cause): Promise<void> {
  for (const store of await listWorkingStores(tx, environmentId)) {
    if (store.status === 'ACTIVE') await queueRun(tx, at, store, cause, 'settings');
  }
}
