/** Ends the brake of a store once nothing of it waits for a decision. */

import { holdsLoss } from '../../db/brake/heldLists.ts';
import type { Db } from '../../db/open.ts';
import { releaseBrake } from '../../db/stores/storeProgress.ts';
import { type Cause, SYSTEM } from '../../model/cause.ts';
import { newId } from '../../support/ids.ts';
import type { Attempt } from '../attempt.ts';
import { closeIncidents } from './incident.ts';

/**
 * Releases the brake where no loss of the store is left to decide on, and answers whether that is so. Closes
 * incidents of which nothing is held any more.
 */
export async function releaseBrakeIfClear(
  tx: Db,
  store: { readonly id: string; readonly environmentId: string },
  at: string,
  cause: Cause,
): Promise<boolean> {
  const isClear = !(await holdsLoss(tx, store.id));
  if (isClear) await releaseBrake(tx, store.id);
  await closeIncidents(tx, store.environmentId, at, cause);
  return isClear;
}

/** The cause under which the bridge itself goes on with the task. */
export function causeOf({ task }: Attempt): Cause {
  return { correlationId: task.causes.at(-1) ?? newId(), actor: SYSTEM };
}
