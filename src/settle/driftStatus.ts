/** What drift that was found and not repaired does to the status of its subject; it never plans a change. */

import type { Db } from '../db/open.ts';
import { rememberDrift } from '../db/seen/drift.ts';
import type { LinkRecord, RememberedDrift } from '../db/seen/links.ts';
import { getSyncStatus, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import type { Subject } from '../model/subject.ts';
import type { DriftItem } from '../plan/drift.ts';
import type { StoreContext } from '../stores/desired.ts';
import { afterWrite, driftReason } from './drift.ts';

/** Why a subject that is settled is not in sync all the same; null where nothing was changed by hand. */
export function reasonOf(drift: RememberedDrift | null): string | null {
  return drift === null ? null : driftReason(drift.items as readonly DriftItem[]);
}

/** What the bridge has just written is no longer as somebody left it. `written`: attributes; null: the state. */
export async function endDrift(
  tx: Db,
  link: LinkRecord,
  written: readonly string[] | null,
  at: string,
): Promise<RememberedDrift | null> {
  if (link.drift === null) return null;
  const left = afterWrite(link.drift, written);
  await rememberDrift(tx, link.id, left, at);
  return left;
}

/** Puts the status in step with the drift of a new scan. A status of any other origin stands. */
export async function restate(
  tx: Db,
  context: StoreContext,
  subject: Subject,
  reasons: { readonly before: string | null; readonly after: string | null },
  step: { readonly run: { readonly correlationId: string }; now(): string },
): Promise<void> {
  if (reasons.before === reasons.after) return;
  const known = await getSyncStatus(tx, context.store.id, subject);
  if (!known) return;
  const fromDrift = known.status === 'partiallySynced' && known.reason === reasons.before;
  if (known.status !== 'synced' && !fromDrift) return;
  await upsertSyncStatus(tx, {
    ...known,
    since: step.now(),
    status: reasons.after === null ? 'synced' : 'partiallySynced',
    reason: reasons.after,
    vendor: null,
    correlationId: step.run.correlationId,
  });
}
