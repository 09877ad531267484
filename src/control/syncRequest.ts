/** An admin asks for a sync: this queues it, and a worker does it. */

import { insertSyncRun, type SyncRunRecord } from '../db/runs/syncRuns.ts';
import { lockStore, type StoreRecord } from '../db/stores/stores.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';

/** With `repair` false the sync only reports. Throws a 409 where the store is not ACTIVE. */
export async function startSync(
  deps: PropagationDeps,
  store: StoreRecord,
  { repair }: { readonly repair: boolean },
  cause: Cause,
): Promise<SyncRunRecord> {
  const run = await transact(deps.db, async (tx) => {
    const current = await lockStore(tx, store.id);
    if (current?.status !== 'ACTIVE') {
      const status = current?.status ?? 'deleted';
      throw new RequestError(409, `The store ${store.name} is ${status}: only an ACTIVE store is synced.`);
    }
    const at = isoTime(deps.clock.now());
    const run = await insertSyncRun(
      tx,
      {
        environmentId: current.environmentId,
        storeId: current.id,
        cause: 'request',
        correlationId: cause.correlationId,
        scan: true,
        repair,
      },
      at,
    );
    await storeEvent(tx, at, current, cause, 'sync.requested', { after: { syncId: run.id, repair } });
    return run;
  });
  deps.wake.signal();
  return run;
}
