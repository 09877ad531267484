/** Writes an event for each store whose deletions wait a day longer because the clock leapt. Deletes nothing. */

import { everyActiveStore, type StoreRecord } from '../db/stores/stores.ts';
import { SYSTEM } from '../model/cause.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { settingsOf } from './timers.ts';

export async function sayWhatIsPostponed(deps: PropagationDeps): Promise<void> {
  const why = await deps.deletions.note();
  if (why === null) return;
  deps.log.warn({ why }, 'the clock leapt: deletions that were not due before wait for 24 hours');
  const at = isoTime(deps.clock.now());
  const cause = { correlationId: newId(), actor: SYSTEM };
  const stores = (await everyActiveStore(deps.db)).filter((store) => deletesLater(deps, store, at));
  await deps.db.transaction(async (tx) => {
    for (const store of stores) {
      const reason = `${why}; accounts whose REMOVE_AFTER_DAYS were not over an hour before are deleted 24 hours later`;
      await storeEvent(tx, at, store, cause, 'removals.postponed', { outcome: 'held', reason });
    }
  });
}

function deletesLater(deps: PropagationDeps, store: StoreRecord, at: string): boolean {
  const { removeAction, removeAfterDays: days } = settingsOf(deps, store);
  return removeAction === 'Delete' && days > 0 && deps.deletions.timeFor(days, at) < at;
}
