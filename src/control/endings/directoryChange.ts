/** What the directory shows to stores changed at once for many people: a connection is mapped otherwise. */

import type { Db } from '../../db/open.ts';
import { listWorkingStores } from '../../db/stores/stores.ts';
import type { Cause } from '../../model/cause.ts';
import { queueRun } from '../stores.ts';

/** Plans every active store of the environment anew; the request counts as one cause for the brake. */
export async function replanStores(tx: Db, at: string, environmentId: string, cause: Cause): Promise<void> {
  for (const store of await listWorkingStores(tx, environmentId)) {
    if (store.status === 'ACTIVE') await queueRun(tx, at, store, cause, 'settings');
  }
}
