/**
 * Deletes a store. The bridge forgets it at once. But where it is `managed` and people have accounts there, the
 * bridge first takes the accounts away as the settings say, and forgets the store afterwards.
 */

import { type Db, isUniqueViolation } from '../../db/open.ts';
import { lockLease } from '../../db/queue/leases.ts';
import { hasTasks } from '../../db/queue/tasks.ts';
import { cancelOpenRuns, hasOpenRun } from '../../db/runs/syncRuns.ts';
import { countLinkedPeople } from '../../db/seen/linkLists.ts';
import {
  forgetBelongings,
  lockStore,
  type StoreRecord,
  softDeleteStore,
  updateStore,
} from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { audited, storeEvent } from '../../stores/storeEvents.ts';
import { isoTime } from '../../support/clock.ts';
import { queueRun } from '../stores.ts';

/** `deleting`: people lose their accounts first; until then the store stays visible. */
export type Deletion =
  | { readonly outcome: 'deleted' }
  | { readonly outcome: 'deleting'; readonly store: StoreRecord };

/** Throws 404, or 409 where people would lose their accounts and the admin has not confirmed it. */
export async function deleteStore(
  deps: PropagationDeps,
  environmentId: string,
  id: string,
  confirmed: boolean,
  cause: Cause,
): Promise<Deletion> {
  const deletion = await transact(deps.db, async (tx): Promise<Deletion> => {
    await lockLease(tx, id);
    const store = await lockStore(tx, id);
    if (store?.environmentId !== environmentId) throw new RequestError(404, `There is no store ${id} here.`);
    if (store.status === 'DELETING') return { outcome: 'deleting', store };
    const people = store.managed ? await countLinkedPeople(tx, id) : 0;
    if (people === 0) {
      await forgetStore(tx, deps, store, cause);
      return { outcome: 'deleted' };
    }
    if (!confirmed) throw new RequestError(409, unconfirmed(store, people));
    return { outcome: 'deleting', store: await startDeletion(tx, deps, store, people, cause) };
  });
  deps.wake.signal();
  return deletion;
}

function unconfirmed(store: StoreRecord, people: number): string {
  const who = people === 1 ? '1 person loses the account' : `${people} people lose their accounts`;
  return `The store ${store.name} is managed: with it ${who} there, as DEPROVISION_USERS and REMOVE_ACTION say. Add ?confirm=true to go on, or set managed to false to leave the accounts alone.`;
}

async function startDeletion(
  tx: Db,
  deps: PropagationDeps,
  store: StoreRecord,
  people: number,
  cause: Cause,
): Promise<StoreRecord> {
  const now = deps.clock.now();
  const at = isoTime(now);
  const updatedAt = isoTime(Math.max(now, Date.parse(store.updatedAt) + 1));
  const deleting: StoreRecord = { ...store, status: 'DELETING', updatedAt };
  try {
    await updateStore(tx, deleting);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new RequestError(
      409,
      `The store ${store.name} cannot be emptied while another active store is connected to ${store.tenantName}; set managed to false to delete it and leave the accounts to the other.`,
    );
  }
  await cancelOpenRuns(tx, store.id, 'the store is being deleted', at);
  await storeEvent(tx, at, deleting, cause, 'store.deleting', {
    after: { people },
    reason: `${people} linked people are deprovisioned first`,
  });
  await queueRun(tx, at, deleting, cause, 'deletion');
  return deleting;
}

/**
 * Called when a worker finds nothing left to do on a `DELETING` store. Answers false and changes nothing where
 * something is left (a waiting, parked or held task, or an open run), or an admin has called the deletion off.
 */
export async function finishDeletion(deps: PropagationDeps, id: string, cause: Cause): Promise<boolean> {
  return transact(deps.db, async (tx) => {
    await lockLease(tx, id);
    const store = await lockStore(tx, id);
    if (store?.status !== 'DELETING') return false;
    if ((await hasTasks(tx, id)) || (await hasOpenRun(tx, id))) return false;
    await forgetStore(tx, deps, store, cause);
    return true;
  });
}

/** Forgets the store at once, whoever has an account there. Calls no vendor. */
export async function forgetStore(
  tx: Db,
  deps: PropagationDeps,
  store: StoreRecord,
  cause: Cause,
): Promise<void> {
  const at = isoTime(deps.clock.now());
  await storeEvent(tx, at, store, cause, 'store.deleted', { before: audited(deps.registry, store) });
  await forgetBelongings(tx, store.id);
  await softDeleteStore(tx, store.id, at);
}
