/**
 * A remote group that the vendor does not show: it may be gone, or hidden for a moment. The bridge still owes what is
 * to be done there, and does it within a minute after the vendor shows the group again. Only another group in its
 * place ends that.
 */

import type { Db } from '../../db/open.ts';
import { rememberDrift } from '../../db/seen/drift.ts';
import { forgetGroup } from '../../db/seen/ledger.ts';
import { deleteLink, groupLinksByRemoteId, type LinkRecord, updateLink } from '../../db/seen/links.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import type { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';
import { afterShown } from '../drift.ts';
import { releaseKeys } from '../keys/holders.ts';
import { conclude } from '../outcome.ts';
import { answerOf } from '../refusal.ts';

const LOOK_MS = 20_000;
/** After that only a sync or a change looks again. */
const LOOKS_FOR_MS = 24 * 60 * 60_000;

/** Whether the vendor shows the group again. Its members are then read anew before the next plan. */
export async function isShownAgain(attempt: Attempt, link: LinkRecord): Promise<boolean> {
  const { connector, store } = attempt.context;
  if ((await connector.read('group', link.remoteId, attempt.looking('read'))) === null) return false;
  await attempt.record(async (tx) => {
    for (const { id, drift } of await groupLinksByRemoteId(tx, store.id, link.remoteId)) {
      await updateLink(tx, id, { missingSince: null, membersReadAt: null }, attempt.now());
      if (drift !== null) await rememberDrift(tx, id, afterShown(drift), attempt.now());
    }
  });
  return true;
}

/** Says in the status that the group is not shown, and schedules another look. */
export async function waitUntilShown(
  attempt: Attempt,
  link: LinkRecord,
  error: RemoteError | null,
): Promise<void> {
  const { store } = attempt.context;
  const now = attempt.deps.clock.now();
  const since = link.missingSince ?? attempt.now();
  const subject = { ...attempt.task.subject, display: link.remoteName };
  const words = error === null ? '' : ` (${error.code ?? error.message})`;
  const reason = `${store.name} does not show the group ${link.remoteName}${words}; what is owed there is done as soon as it does. Unlink it if it is gone for good`;
  const looksAgain = now - Date.parse(since) < LOOKS_FOR_MS;
  await attempt.recordEnd(async (tx, standing) => {
    await updateLink(tx, link.id, { missingSince: since }, attempt.now());
    if (link.missingSince === null)
      await attempt.event(tx, { kind: 'link.vanished', outcome: 'failure', subject, reason });
    await conclude(
      tx,
      attempt,
      {
        heldReasons: [],
        skipped: [],
        refusals: [{ reason, vendor: error && answerOf(error) }],
        ...(looksAgain ? { waiting: [reason], waitMs: LOOK_MS, awaitsVendor: true } : {}),
      },
      standing,
    );
  });
}

/**
 * Another group has taken its place, so the bridge owes nothing in the former one. Part of the transaction that links
 * the new one.
 */
export async function forgetFormer(tx: Db, attempt: Attempt, link: LinkRecord): Promise<void> {
  const { store } = attempt.context;
  await forgetGroup(tx, store.id, link.remoteId);
  await forgetObservation(tx, store.id, 'group', link.remoteId);
  for (const feeder of await groupLinksByRemoteId(tx, store.id, link.remoteId)) {
    await releaseKeys(tx, attempt, feeder);
    await deleteLink(tx, feeder.id);
  }
}
