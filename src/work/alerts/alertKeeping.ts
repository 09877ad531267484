/**
 * Deletes what alerts leave behind: messages that were delivered long ago or that nobody will send, and alerts of
 * deleted environments.
 */

import { deleteAlert, finishedAlerts } from '../../db/alerts/alerts.ts';
import { deleteOldDeliveries, giveUpOlderOfInactive } from '../../db/alerts/deliveries.ts';
import type { Db } from '../../db/open.ts';
import { TRIED_FOR_MS } from '../../model/alerts/alerts.ts';
import { type Clock, isoTime } from '../../support/clock.ts';

/** How long `…/deliveries` lists a message that was delivered or given up. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
const PER_STEP = 200;
/** How many steps one call takes; the next one goes on. */
const STEPS_MAX = 20;

export async function keepAlerts(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  signal: AbortSignal,
) {
  const now = clock.now();
  await giveUpOlderOfInactive(db, isoTime(now - TRIED_FOR_MS), isoTime(now));
  for (const id of await finishedAlerts(db)) await db.transaction((tx) => deleteAlert(tx, id));
  for (let step = 0; step < STEPS_MAX && !signal.aborted; step++) {
    if ((await deleteOldDeliveries(db, isoTime(now - KEPT_MS), PER_STEP)) === 0) return;
  }
}
